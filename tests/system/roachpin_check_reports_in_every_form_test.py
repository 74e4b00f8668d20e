"""`roachpin check` as a step of a CI job: its forms, its exit codes, no credentials, and with
--offline not a single packet."""

import json
import subprocess
import xml.etree.ElementTree as xml

import pytest

from harness.certificates import NODE, Pki
from harness.checking import CLEAN, FINDINGS, USAGE, Checker
from harness.dns_servers import HostileDns, address, says
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, named
from harness.roachpin import BINARY, configuration, node
from harness.sarif import validated


@pytest.fixture
def checker(tmp_path):
    return Checker(tmp_path)


@pytest.fixture
def stranger(tmp_path):
    """A node of another authority, at an address of ours."""
    (tmp_path / "other").mkdir()
    with FakeCockroach(Pki(tmp_path / "other").node) as one:
        yield one


@pytest.fixture
def amiss(checker, pki, stranger):
    """One critical finding, and one low one."""
    return checker.configure(configuration(pki.ca, [node(NODE, stranger.port)]))


def test_text_is_for_people_and_progress_is_apart(amiss):
    done = amiss.check()
    assert done.code == FINDINGS
    assert done.stdout.startswith("critical  TLS-VERIFY-FAILED  " + NODE)
    assert "expected a chain to" in done.stdout and "\n  → " in done.stdout
    assert done.stdout.endswith("skipped\n") and "2 findings: 1 critical, 1 low" in done.stdout
    assert "dialling" in done.stderr and "dialling" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_json_is_the_same_from_run_to_run(amiss):
    first, second = amiss.json(), amiss.json()
    assert first.report["format"] == 1
    assert first.stdout == second.stdout


def test_sarif_keeps_the_schema(amiss):
    log = validated(amiss.check("--format", "sarif").stdout)
    run = log["runs"][0]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    first = run["results"][0]
    assert first["ruleId"] == "TLS-VERIFY-FAILED" and first["level"] == "error"
    assert rules["TLS-VERIFY-FAILED"]["properties"]["security-severity"] == "9.0"
    assert first["partialFingerprints"]["roachpin/v1"]
    line = first["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert NODE in amiss.file.read_text().splitlines()[line - 1]
    assert run["invocations"][0]["executionSuccessful"]


def test_junit_counts_what_it_holds(amiss):
    root = xml.fromstring(amiss.check("--format", "junit").stdout)
    assert root.tag == "testsuites"
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        for kind in ("failure", "skipped", "error"):
            wanted = suite.get({"failure": "failures", "error": "errors"}.get(kind, kind))
            assert int(wanted) == len(suite.findall(f"testcase/{kind}"))
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert any(name.startswith("TLS-VERIFY-FAILED 127.0.0.1:") for name in failed)


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit"])
def test_the_report_goes_where_it_is_asked_for(amiss, tmp_path, form):
    file = tmp_path / "report"
    done = amiss.check("--format", form, "--output", file)
    assert done.code == FINDINGS and done.stdout == ""
    assert "TLS-VERIFY-FAILED" in file.read_text()


def test_what_fails_is_a_matter_of_severity(checker, pki):
    with FakeCockroach(pki.node) as one:
        checker.configure(configuration(pki.ca, [node(NODE, one.port)]))
        assert checker.json().ids == {"CFG-LOCK-MISSING"}
        codes = {level: checker.check("--fail-on", level).code
                 for level in ("low", "medium", "high", "critical")}
        assert codes == {"low": FINDINGS, "medium": CLEAN, "high": CLEAN, "critical": CLEAN}
        assert checker.check().code == CLEAN


def test_what_is_in_the_baseline_is_told_and_does_not_count(amiss, tmp_path):
    baseline = tmp_path / "baseline.json"
    assert amiss.check("--format", "json", "--output", baseline).code == FINDINGS
    done = amiss.json("--baseline", baseline)
    assert done.code == CLEAN
    assert all(finding["in_baseline"] for finding in done.report["findings"])
    known = json.loads(baseline.read_text())
    known["findings"] = known["findings"][1:]
    baseline.write_text(json.dumps(known))
    assert amiss.json("--baseline", baseline).code == FINDINGS
    baseline.write_text("{}")
    refused = amiss.check("--baseline", baseline)
    assert refused.code == USAGE and "no report of roachpin check" in refused.stderr


def test_what_is_suppressed_is_told_and_does_not_count(checker, pki, stranger):
    settings = configuration(
        pki.ca, [node(NODE, stranger.port)],
        suppress=[{"id": "TLS-VERIFY-FAILED", "host": NODE, "reason": "a drill",
                   "expires": "2999-12-31"}])
    done = checker.configure(settings).json()
    assert done.code == CLEAN
    assert done.finding("TLS-VERIFY-FAILED")["suppressed"] == "a drill"
    log = validated(checker.check("--format", "sarif").stdout)
    assert log["runs"][0]["results"][0]["suppressions"][0]["justification"] == "a drill"


def test_offline_asks_nobody(checker, pki):
    with HostileDns(says(address(NODE, HOME))) as dns, FakeCockroach(pki.node) as database:
        nodes = [named(database.port), node("crdb-9.crdb.internal", database.port)]
        settings = configuration(pki.ca, nodes, resolver={"servers": [dns.tcp]})
        done = checker.configure(settings).json("--offline")
        assert done.code == CLEAN, done.stderr
        assert not dns.queries
        trace = subprocess.run(
            ["strace", "-f", "-e", "trace=network", BINARY, "check", "-c", checker.file,
             "--offline"], capture_output=True, text=True, check=True)
        assert "socket(AF_INET" not in trace.stderr  # its own interfaces it asks the kernel for
        assert not database.finished
        results = {step["result"] for step in done.report["steps"] if step["stage"] != "configuration"}
        assert results == {"skipped"}


@pytest.mark.parametrize("flags", [
    ["--format", "xml"], ["--fail-on", "info"], ["--baseline", "/nowhere"], ["--nonsense"]],
    ids=" ".join)
def test_what_cannot_be_understood_is_refused(amiss, flags):
    done = amiss.check(*flags)
    assert done.code == USAGE and done.stdout == "" and flags[0] in done.stderr


def test_a_bad_configuration_is_no_finding(checker):
    checker.file.write_text("nonsense: 1\n")
    done = checker.check()
    assert done.code == USAGE and "roachpin.yaml:1: nonsense" in done.stderr


def test_an_output_that_cannot_be_written_is_said_before_anybody_is_asked(amiss, tmp_path):
    for path, why in [(tmp_path / "nowhere" / "report", "No such file"),
                      (tmp_path, "no regular file"), ("/dev/stdout", "no regular file")]:
        done = amiss.check("--output", path, "--fail-on", "critical")
        assert done.code == USAGE and "--output: " in done.stderr and why in done.stderr
        assert "dialling" not in done.stderr
