"""A command in a document is typed by a test, word for word, or it is in the one list below with the
reason. And what sentences say of roachpin's and the scripts' flags is what --help says."""

import re
import subprocess
from functools import lru_cache

import pytest

from harness.documents import ROOT, SHELL, documents
from harness.roachpin import BINARY

OPERATIONS = "operations_commands_do_what_they_say_test.py"

RUN_BY = {
    "README.md": "the_commands_of_the_readme_work_test.py",
    "config/README.md": "the_commands_of_the_readme_work_test.py",
    "config/operations.md": OPERATIONS,
}
"""The test that follows a document with harness.documents.Walk, which leaves no command out."""

OF_ITS_OWN = {
    "config/ci/README.md": "the_gitlab_job_keeps_a_report_test.py",
    "config/examples/README.md": "the_page_of_the_examples_says_what_is_so_test.py",
    "config/kubernetes/README.md": "the_kubernetes_manifests_are_whole_test.py",
    "config/systemd/README.md": "a_debian_machine_runs_roachpin_as_a_service_test.py",
    "docker/README.md": "the_demo_goes_on_when_its_dns_is_poisoned_test.py",
}
"""Documents of what wants a machine, an engine or a cluster: a test of their own reads their commands,
and types what can be typed without."""

BY_CI = "CI types it: .ci/run"

NOT_RUN = {
    "./scripts/demo": BY_CI,
    "./scripts/test": BY_CI,
    "scripts/lint": BY_CI,
    "./scripts/build": BY_CI,
    "bash .ci/run": "is CI",
    "scripts/bench --rounds 3": "measures for a quarter of an hour, alone on the machine",
}
"""Commands that no test types, and why."""

IN_SENTENCES = {
    "curl --unix-socket /run/roachpin/control.sock -X POST http://localhost/reload": OPERATIONS,
    "curl http://INSTANCE/livez": OPERATIONS,
    "openssl x509 -noout -enddate -in FILE": OPERATIONS,
    "ulimit -Hn": OPERATIONS,
    "chmod 600": "a part; the problem that names the file says all of it",
    "chmod go-w": "a part; the finding that names the file says all of it",
}
"""Commands of other programs within a sentence, and the test that types each, or why none does."""

ALL = documents()
OTHERS = (r"(?:curl|openssl|psql|docker|kubectl|helm|systemctl|journalctl|apt|apt-get|dpkg|cmake|ctest|"
          r"git|cp|mv|sed|chmod|ulimit|kill|npm)")
PROGRAMS = re.compile(
    rf"^(?:\$ |sudo )?(?:\./)?(?:roachpin|build/release/roachpin|scripts/\w|{OTHERS}) ", re.M)


@pytest.mark.parametrize("document", ALL, ids=lambda one: one.path)
def test_commands(document):
    if document.path in OF_ITS_OWN:
        assert "README.md" in (ROOT / "tests" / "system" / OF_ITS_OWN[document.path]).read_text()
        return
    followed = followed_sections(document)
    left = [command for block in document.shell if block.heading not in followed
            for command in block.commands if without_comment(command) not in NOT_RUN]
    assert not left, f"add a test that types them (RUN_BY), or a reason (NOT_RUN): {left}"


def followed_sections(document):
    """The headings that a test walks through."""
    if document.path not in RUN_BY:
        return set()
    test = (ROOT / "tests" / "system" / RUN_BY[document.path]).read_text()
    assert f'"{document.path}"' in test and "assert_done" in test
    return {block.heading for block in document.shell if f'"{block.heading}"' in test}


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
        if re.match(OTHERS + " ", span) and document.path not in OF_ITS_OWN:
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
