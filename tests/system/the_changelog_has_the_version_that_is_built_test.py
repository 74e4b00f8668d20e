"""config/CHANGELOG.md begins with the version of CMakeLists.txt, which is what the program says it is, and its
image, in Keep a Changelog's form."""

import re
import subprocess

from harness.documents import ROOT
from harness.roachpin import BINARY

TEXT = (ROOT / "config" / "CHANGELOG.md").read_text()
VERSIONS = re.findall(r"^## (.*)$", TEXT, re.M)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_version():
    (built,) = re.findall(r"project\(roachpin VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert VERSIONS[0].startswith(f"[{built}] - ")
    said = subprocess.run([BINARY, "version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"roachpin {built} ")
    image = (ROOT / "docker" / "Dockerfile").read_text()
    assert re.findall(r"^ARG VERSION=(.*)$", image, re.M) == [built]
    assert 'org.opencontainers.image.version="${VERSION}"' in image


def test_the_form():
    assert TEXT.startswith("# Changelog\n")
    versions, days = [], []
    for one in VERSIONS:
        form = re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})", one)
        assert form, one
        versions.append(tuple(map(int, form[1].split("."))))
        days.append(form[2])  # "unreleased" comes after every day
    assert versions == sorted(set(versions), reverse=True), "the newest first"
    assert days == sorted(days, reverse=True)
    assert set(re.findall(r"^### (.*)$", TEXT, re.M)) <= KINDS
    assert not re.search(r"^### .*\n+(#|\Z)", TEXT, re.M), "a heading with nothing under it"
