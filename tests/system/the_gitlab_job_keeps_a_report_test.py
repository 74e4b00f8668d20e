"""The GitLab job of config/ci, run by gitlab-ci-local as a runner does it, keeps GitLab's schema, ends as
`roachpin check` ended, and leaves its JUnit report in both cases."""

import os
import re
import subprocess
import xml.etree.ElementTree as xml
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from harness.certificates import NODE, Pki
from harness.checking import CLEAN, FINDINGS, USAGE
from harness.fake_cockroach import FakeCockroach
from harness.packaged import machine, package, served
from harness.project import ROOT
from harness.roachpin import BINARY, configuration, node

EXAMPLE = ROOT / "config" / "ci" / "gitlab.yml"
RUNNER = Path(__file__).parent / "node" / "node_modules" / "gitlab-ci-local" / "src" / "index.js"
JOB = "roachpin-check"


@pytest.fixture
def checkout(tmp_path):
    place = tmp_path / "checkout"
    place.mkdir()
    for words in (["init", "-q", "-b", "main"], ["remote", "add", "origin", "https://localhost/a/b.git"]):
        subprocess.run(["git", *words], cwd=place, check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "roachpin").symlink_to(BINARY.resolve())
    return place


@pytest.fixture
def gitlab(checkout):
    def run(text, *words, under=(), **variables):
        (checkout / ".gitlab-ci.yml").write_text(text)
        subprocess.run(["git", "add", "-A"], cwd=checkout, check=True)
        given = [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]
        return subprocess.run(
            [*under, "node", RUNNER, *given, *words], cwd=checkout, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=120,
            env={**os.environ, "HOME": str(checkout.parent), "GIT_CONFIG_GLOBAL": "/dev/null",
                 "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}"})

    return run


@pytest.fixture
def check(gitlab, pki, checkout):
    # The runner has no containers here: the same job, on this machine.
    job = yaml.safe_load(EXAMPLE.read_text())
    assert job[JOB].pop("image") == "debian:12"

    def run(port, under=(), **variables):
        write(checkout, pki, port)
        return gitlab(yaml.safe_dump(job), JOB, "--shell-isolation", under=under, **variables)

    return run


def write(checkout, pki, port):
    settings = configuration(pki.ca, [node(NODE, port)], [{"bind": "127.0.0.1:26257"}],
                             admin={"bind": "127.0.0.1:9257"})
    (checkout / "roachpin.yaml").write_text(yaml.safe_dump(settings))


def report(checkout):
    (kept,) = (checkout / ".gitlab-ci-local" / "artifacts" / JOB).glob("*.xml")
    return xml.parse(kept).getroot()


def ended(done, code):
    """What became of the job: gitlab-ci-local itself ends with 1 for every failure."""
    assert (done.returncode == 0) == (code == 0), done.stdout + done.stderr
    assert f" FAIL {code} " in done.stderr if code else "PASS" in done.stdout, done.stdout + done.stderr


def test_the_file_keeps_gitlabs_schema(gitlab):
    listed = gitlab(EXAMPLE.read_text(), "--list")
    assert listed.returncode == 0 and JOB in listed.stdout, listed.stderr
    broken = gitlab(EXAMPLE.read_text().replace("junit:", "junits:"), "--list")
    assert broken.returncode != 0 and "junits" in broken.stdout + broken.stderr


def test_a_clean_configuration_passes(check, checkout, postgres):
    ended(check(postgres.port), CLEAN)
    assert len(report(checkout).findall(".//testcase")) > 5
    assert not report(checkout).findall(".//failure")


def test_one_that_is_amiss_fails_and_leaves_its_report(check, checkout, tmp_path):
    (tmp_path / "other").mkdir()
    with FakeCockroach(Pki(tmp_path / "other").node) as stranger:
        ended(check(stranger.port), FINDINGS)
    failed = [one.get("name") for one in report(checkout).iter("testcase") if one.find("failure") is not None]
    assert any(name.startswith("TLS-VERIFY-FAILED") for name in failed), failed


def test_a_machine_that_sees_no_database_looks_at_the_files(check, checkout):
    ended(check(1, ROACHPIN_OFFLINE="true"), CLEAN)
    assert report(checkout).findall(".//testcase")
    ended(check(1, ROACHPIN_OFFLINE="true", ROACHPIN_FAIL_ON="low"), FINDINGS)
    ended(check(1, ROACHPIN_OFFLINE="perhaps"), USAGE)


def test_what_an_earlier_report_has_does_not_count(check, checkout, pki):
    write(checkout, pki, 1)
    subprocess.run([BINARY, "check", "-c", "roachpin.yaml", "--offline", "--format", "json",
                    "--output", "known report.json"], cwd=checkout, capture_output=True)
    low = {"ROACHPIN_OFFLINE": "true", "ROACHPIN_FAIL_ON": "low"}
    ended(check(1, ROACHPIN_BASELINE="known report.json", **low), CLEAN)


@pytest.mark.parametrize("value", ["`touch touched`; touch touched", "--version"])
def test_a_variable_is_no_command(check, checkout, postgres, value):
    for name in ("ROACHPIN_CONFIG", "ROACHPIN_BASELINE", "ROACHPIN_OFFLINE"):
        ended(check(postgres.port, **{name: value}), USAGE)
    assert not list(checkout.rglob("touched"))


def test_the_package_is_installed_where_it_is_needed(
        check, checkout, postgres, pki, tmp_path, monkeypatch):
    (checkout.parent / "bin" / "roachpin").unlink()
    deb = package(tmp_path / "package")
    digest = sha256(deb.read_bytes()).hexdigest()
    monkeypatch.setenv("CURL_CA_BUNDLE", str(pki.ca))
    with served(deb, pki.node) as address, machine(tmp_path, checkout) as there:
        ended(check(postgres.port, there, ROACHPIN_DEB=address, ROACHPIN_DEB_SHA256=digest[::-1]), 1)
        assert not list((checkout / ".gitlab-ci-local").rglob("roachpin.xml"))
        ended(check(postgres.port, there, ROACHPIN_DEB=address, ROACHPIN_DEB_SHA256=digest), CLEAN)
    assert report(checkout).findall(".//testcase")


def test_the_pages_command_and_names_are_right(pki, checkout):
    page = (EXAMPLE.parent / "README.md").read_text()
    action = yaml.safe_load((ROOT / ".github/actions/check/action.yml").read_text())
    rows = set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE))
    assert rows == set(action["inputs"]) | set(action["outputs"])
    variables = set(re.findall(r"\bROACHPIN_\w+", EXAMPLE.read_text()))
    assert set(re.findall(r"\bROACHPIN_\w+", page)) == variables
    (command,) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    write(checkout, pki, 1)
    subprocess.run(["bash", "-euc", command], cwd=checkout, check=True, env={
        **os.environ, "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}"})
    assert xml.parse(checkout / "roachpin.xml").getroot().findall(".//testcase")
