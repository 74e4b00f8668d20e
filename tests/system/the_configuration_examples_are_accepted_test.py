"""Every configuration of config/examples/roachpin is read without a complaint, beside the files that
it names, and `check` finds nothing in it but that the lock is still to be made."""

import shutil

import pytest

from harness.bank import EXAMPLES
from harness.checking import CLEAN, Checker

FILES = sorted((EXAMPLES / "roachpin").glob("*.yaml"))
DS = "db.example.com. IN DS 12345 13 2 " + "1F2E3D4C" * 8 + "\n"


def test_there_are_some():
    assert len(FILES) >= 7


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_accepted(file, pki, tmp_path):
    (tmp_path / "certs").mkdir()
    (tmp_path / "run").mkdir()
    shutil.copy(pki.ca, tmp_path / "certs" / "ca.crt")
    shutil.copy(pki.ca, tmp_path / "certs" / "bank-ca.crt")
    (tmp_path / "db.example.com.ds").write_text(DS)
    checker = Checker(tmp_path)
    checker.file = tmp_path / file.name
    checker.file.write_text(file.read_text().replace("/run/roachpin", str(tmp_path / "run")))
    done = checker.json("--offline", "--fail-on", "critical")
    assert done.code == CLEAN, done.stdout + done.stderr
    found = {one["id"] for one in done.report["findings"] if not one.get("suppressed")}
    assert found == {"CFG-LOCK-MISSING"}
