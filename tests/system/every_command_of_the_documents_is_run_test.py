"""A command in a document is typed by a test, word for word, or it is in the one list below with the
reason. And what sentences say of roachpin's and the scripts' flags is what --help says."""

import ast
import re
import subprocess
from functools import lru_cache

import pytest

from harness.documents import ROOT, SHELL, Block, documents
from harness.roachpin import BINARY

OPERATIONS = "operations_commands_do_what_they_say_test.py"

RUN_BY = {
    "README.md": "the_commands_of_the_readme_work_test.py",
    "config/README.md": "the_commands_of_the_readme_work_test.py",
    "config/operations.md": OPERATIONS,
    "docker/README.md": "the_demo_goes_on_when_its_dns_is_poisoned_test.py",
}
"""The test that follows sections of a document with harness.documents.Walk, which leaves no command
out."""

SERVICE = "a_debian_machine_runs_roachpin_as_a_service_test.py"

READ_BY = {
    "config/ci/README.md": ("the_gitlab_job_keeps_a_report_test.py", '["bash", "-euc", command]'),
    "config/examples/README.md": ("the_page_of_the_examples_says_what_is_so_test.py",
                                  '["bash", "-euc", COMMANDS]'),
    "config/kubernetes/README.md": ("the_kubernetes_manifests_are_whole_test.py",
                                    '@pytest.mark.parametrize("command", COMMANDS)'),
    "config/systemd/README.md": (SERVICE, "assert not not_run"),
}
"""The test that reads all commands of a document from it, and the words with which it takes each of
them. Kubernetes' go as far as they go without a cluster."""

BY_CI = "CI types it: .ci/run"
ENGINE = ("needs a Docker engine; what it names and allows is held by "
          "the_container_files_are_well_formed_test.py")
EDITOR = "opens an editor; the test of the service writes the file that it would"

NOT_RUN = {
    "./scripts/demo": BY_CI,
    "./scripts/test": BY_CI,
    "scripts/lint": BY_CI,
    "./scripts/build": BY_CI,
    "bash .ci/run": "is CI",
    "scripts/bench --rounds 3": "measures for half an hour, alone on the machine",
    "docker build -f docker/Dockerfile -t roachpin .": ENGINE,
    "docker run -d --name roachpin --read-only --tmpfs /run/roachpin:uid=65532,gid=65532,mode=0700 "
    "--cap-drop ALL --security-opt no-new-privileges --stop-timeout 30 "
    '-v "$PWD/roachpin:/etc/roachpin:ro" --network host roachpin': ENGINE,
    "docker compose -f docker/compose.yaml up --build --detach": ENGINE,
    "docker compose -f docker/compose.yaml kill -s HUP dns":
        "needs a Docker engine; the test of the demo sends the signal itself",
    "docker compose -f docker/compose.yaml down --volumes": ENGINE,
}
"""Commands that no test types, and why."""

IN_SENTENCES = {
    "curl --unix-socket /run/roachpin/control.sock -X POST http://localhost/reload": OPERATIONS,
    "curl http://INSTANCE/livez": OPERATIONS,
    "openssl x509 -noout -enddate -in FILE": OPERATIONS,
    "ulimit -Hn": OPERATIONS,
    "chmod 600": "a part; the problem that names the file says all of it",
    "chmod go-w": "a part; the finding that names the file says all of it",
    "kubectl apply": "a part; the commands of the same page have all of it",
    "kubectl port-forward": "named as what does not work",
    "systemctl stop": SERVICE,
    "systemctl reload": SERVICE,
    "systemctl edit": EDITOR,
    "systemctl edit roachpin.socket": EDITOR,
    "systemd-analyze security roachpin.service": "the test of the service has it look at the file",
    "apt install": SERVICE,
    "apt remove": "a part of the purge, and dpkg's; the test of the service types both",
    "chown 65532 local.key && chmod 600 local.key": "the_container_files_are_well_formed_test.py",
    "docker run --health-cmd": "named as what does not work without a shell",
    "docker exec roachpin /usr/bin/roachpin status": ENGINE,
    "docker kill -s HUP roachpin": ENGINE,
    "docker compose -f docker/compose.yaml logs roachpin": ENGINE,
    "git checkout docker/dns/zone/hosts": "undoes what is not committed of the checkout it is typed in",
}
"""Commands of other programs within a sentence, and the test that types each, or why none does."""

ALL = documents()
OTHERS = (r"(?:curl|openssl|psql|docker|kubectl|helm|systemctl|journalctl|apt|apt-get|dpkg|cmake|ctest|"
          r"git|cp|mv|sed|chmod|chown|ulimit|kill|npm|systemd-analyze)")
PROGRAMS = re.compile(
    rf"^(?:\$ |sudo )?(?:\./)?(?:roachpin|build/release/roachpin|scripts/\w|{OTHERS}) ", re.M)


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_commands(document):
    followed, read = followed_sections(document), read_commands(document)
    left = [command for block in document.shell for command in block.commands
            if without_comment(command) not in NOT_RUN and command not in read
            and (block.heading not in followed or command.startswith("docker "))]
    assert not left, f"add a test that types them (RUN_BY, READ_BY), or a reason (NOT_RUN): {left}"


def followed_sections(document):
    """The headings that a test walks through."""
    if document.path not in RUN_BY:
        return set()
    test = (ROOT / "tests" / "system" / RUN_BY[document.path]).read_text()
    assert f'"{document.path}"' in test and "assert_done" in test
    return {block.heading for block in document.shell if f'"{block.heading}"' in test}


def read_commands(document):
    """What a test of its own finds in it, by that test's own pattern, and takes all of."""
    if document.path not in READ_BY:
        return set()
    name, takes_them_all = READ_BY[document.path]
    test = (ROOT / "tests" / "system" / name).read_text()
    assert '"README.md"' in test and takes_them_all in test, name
    [pattern] = [node.value for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Constant)
                 and isinstance(node.value, str) and node.value.startswith("^```")]
    texts = [found.groups() for found in re.finditer(pattern, document.text, re.M | re.S)]
    return {command for *language, text in texts if language in ([], ["sh"])
            for command in Block("", "sh", text).commands}


def without_comment(command):
    return re.sub(r"\s+#.*", "", command)


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_what_looks_like_a_command_is_marked_as_one(document):
    """Or no test would look at it."""
    assert not [block.text for block in document.blocks
                if block.language not in SHELL and PROGRAMS.search(block.text)
                and block.language in ("", "text")]


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_commands_in_sentences(document):
    for span in document.spans:
        if re.match(OTHERS + " ", span):
            how = IN_SENTENCES.get(span)
            assert how, f"add the test that types it, or a reason (IN_SENTENCES): {span}"
            assert " " in how or span in (ROOT / "tests" / "system" / how).read_text(), how


def test_what_ci_types_is_in_it():
    ci = (ROOT / ".ci" / "run").read_text()
    for command, reason in NOT_RUN.items():
        if reason == BY_CI:
            assert command.removeprefix("./") in ci, command


def test_the_list_holds_nothing_that_is_gone():
    typed = {without_comment(command) for document in ALL for block in document.shell
             for command in block.commands}
    assert set(NOT_RUN) <= typed
    assert set(IN_SENTENCES) <= {span for document in ALL for span in document.spans}


SAID = re.compile(r"^(?:\./)?(?:build/release/)?(roachpin|scripts/[\w-]+)((?: .*)?)$")


@lru_cache
def help_of(*words):
    program = BINARY if words[0] == "roachpin" else ROOT / words[0]
    done = subprocess.run([program, *words[1:], "--help"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"there is no {' '.join(words)}"
    return done.stdout


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_flags_in_sentences_exist(document):
    for span in document.spans:
        match = SAID.match(span)
        if match is None or not match[2]:
            continue
        words = match[2].replace("[", " ").replace("]", " ").replace("\\|", " ").split()
        command = [match[1]]
        if match[1] == "roachpin" and words[0].isalpha():
            command.append(words[0])
        if not (ROOT / match[1]).exists() and match[1] != "roachpin":
            raise AssertionError(f"there is no {match[1]}")
        for flag in (word for word in words if word.startswith("-")):
            assert flag in help_of(*command) or flag == "--help", f"{span}: no {flag}"
        help_of(*command)


def test_commands_are_found_at_all():
    readme = next(one for one in ALL if one.path == "README.md")
    typed = [command for block in readme.shell for command in block.commands]
    assert any(command.startswith("build/release/roachpin check") for command in typed)
    assert len(typed) >= 7
    assert any(SAID.match(span) for span in readme.spans)
