"""config/README.md's tables are what scripts/reference makes of the schema: of each key one row, with
the type, the default and the text that editors show."""

import re
import shutil
import subprocess

import pytest

from harness.project import ROOT



def reference(root, *words):
    return subprocess.run([root / "scripts" / "reference", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)


@pytest.fixture
def copy(tmp_path):
    """A project of the test's own, to be broken."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


def test_the_tables_are_as_the_schema_says():
    done = reference(ROOT, "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file, old, new", [
    ("schema/roachpin.schema.json", "The node's SQL port.", "Another text."),
    ("schema/roachpin.schema.json", '"default": 26257', '"default": 26258'),
    ("schema/roachpin.schema.json", '"maximum": 127', '"maximum": 128'),
    ("README.md", "The node's SQL port.", "Another text."),
])
def test_a_difference_is_found_and_mended(copy, file, old, new):
    path = copy / "config" / file
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    found = reference(copy, "--check")
    assert found.returncode == 1 and "run: scripts/reference" in found.stderr
    assert reference(copy).returncode == 0
    assert reference(copy, "--check").returncode == 0
    text = (copy / "config" / "README.md").read_text()
    if file == "README.md":
        assert text == before
    else:
        assert re.search(new.rpartition(" ")[2].rstrip("."), text)


def test_a_section_without_a_table_is_found(copy):
    path = copy / "config" / "README.md"
    path.write_text(path.read_text().replace("keys: lifetime -->", "keys: nothing -->"))
    done = reference(copy, "--check")
    assert done.returncode == 1 and "nothing" in done.stderr


@pytest.mark.parametrize("words, code", [(["--help"], 0), (["--fly"], 2), (["--check", "x"], 2)])
def test_its_arguments(words, code):
    done = reference(ROOT, *words)
    assert done.returncode == code and (done.stdout or done.stderr)
