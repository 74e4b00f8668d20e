"""What `--help` says, the man page and the shells' completions say too, and nothing else."""

import re
import subprocess
from pathlib import Path

import pytest

from harness.roachpin import BINARY

CONFIG = Path(__file__).parents[2] / "config"
MAN = CONFIG / "man" / "roachpin.1"
SHELLS = {name: CONFIG / "completion" / name for name in
          ("roachpin.bash", "_roachpin", "roachpin.fish")}
ANYWHERE = {"--help", "--version"}


def help_of(*words):
    return subprocess.run([BINARY, *words, "--help"], capture_output=True, text=True,
                          check=True).stdout


def options_of(command):
    return set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", help_of(command), re.M)) - ANYWHERE


COMMANDS = re.findall(r"^  (\w+) {2,}\w", help_of().partition("Subcommands:")[2], re.M)
OPTIONS = {command: options_of(command) for command in COMMANDS}


def test_the_help_is_read_right():
    assert {"run", "check", "resolve", "pin", "status", "init", "version"} == set(COMMANDS)
    assert "--fail-on" in OPTIONS["check"] and not OPTIONS["version"]


def sections_of(man):
    """The options under each command."""
    parts = re.split(r"^\.It Cm (\w+)$", man.partition(".Sh ENVIRONMENT")[0], flags=re.M)
    return {name: set("-" + one for one in re.findall(r"^\.It .*?Fl (-[\w-]+)", text, re.M))
            for name, text in zip(parts[1::2], parts[2::2])}


def test_the_man_page():
    assert sections_of(MAN.read_text()) == OPTIONS


def test_the_man_page_has_no_mistakes():
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MAN], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr
    shown = subprocess.run(["mandoc", "-T", "ascii", MAN], capture_output=True, text=True,
                           check=True).stdout
    assert "--fail-on" in re.sub(".\b", "", shown)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_shell_completes(shell):
    text = SHELLS[shell].read_text()
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text), command
    if shell == "roachpin.fish":
        named = {"--" + one for one in re.findall(r" -l ([\w-]+)", text)}
    else:
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", text))
    assert named - ANYWHERE == set().union(*OPTIONS.values())


def test_bash_completes_what_it_says():
    """In bash itself: a command, an option, a value."""
    def complete(*words):
        script = (f"source {SHELLS['roachpin.bash']}; COMP_WORDS=(roachpin \"$@\"); "
                  "COMP_CWORD=$#; _roachpin; printf '%s\\n' \"${COMPREPLY[@]}\"")
        return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True,
                              text=True, check=True).stdout.split()

    assert complete("st") == ["status"]
    for command in COMMANDS:
        assert set(complete(command, "--")) - ANYWHERE == OPTIONS[command]
    assert complete("check", "--fail-on", "cr") == ["critical"]
    assert complete("check", "--format", "s") == ["sarif"]
    assert complete("status", "--format", "") == ["text", "json"]


@pytest.mark.parametrize("shell, check", [("_roachpin", ["zsh", "-n"]),
                                          ("roachpin.fish", ["fish", "-n"])])
def test_the_shells_can_read_them(shell, check):
    subprocess.run([*check, SHELLS[shell]], check=True, capture_output=True)
