"""The GitHub action runs `roachpin check`, hands its report to code scanning whether it passed or not,
keeps its exit code, and takes no input for a command."""

import os
import re
import subprocess
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from harness.certificates import NODE, Pki
from harness.checking import CLEAN, FINDINGS, UNFINISHED, USAGE
from harness.fake_cockroach import FakeCockroach
from harness.packaged import machine, package, served
from harness.project import ROOT
from harness.roachpin import BINARY, configuration, node
from harness.sarif import validated
from harness.workflow import GitHub, Run

ACTION = ROOT / ".github" / "actions" / "check" / "action.yml"
WORKFLOW = ROOT / "config" / "ci" / "github.yml"
HOSTILE = ["a b", "$(touch touched)", "`touch touched`", "'; touch touched; '", "x\nsarif=/etc/passwd",
           "--version", "roachpin.yaml --offline", "x & touch touched", "${{ inputs.deb }}", "*"]


@pytest.fixture(scope="module")
def github():
    with GitHub() as one:
        yield one


@pytest.fixture
def place(tmp_path):
    """A checkout, the runner's own folder, and a PATH with roachpin."""
    for name in ("checkout", "runner", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "roachpin").symlink_to(BINARY.resolve())
    return tmp_path


@pytest.fixture
def run(github, place):
    def act(under=(), **inputs):
        inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
        path = os.environ["PATH"] if under else f"{place / 'bin'}:{os.environ['PATH']}"
        return Run(github, ACTION, inputs, place / "checkout", place / "runner", path, under)

    return act


@pytest.fixture
def configure(place, pki):
    def write(port, name="roachpin.yaml", **sections):
        settings = configuration(pki.ca, [node(NODE, port)], [{"bind": "127.0.0.1:26257"}],
                                 admin={"bind": "127.0.0.1:9257"}, **sections)
        (place / "checkout" / name).write_text(yaml.safe_dump(settings))
        return name

    return write


def test_the_files_keep_githubs_schemas(github):
    assert github.ask("action", text=ACTION.read_text()) == []
    assert github.ask("workflow", text=WORKFLOW.read_text()) == []
    broken = ACTION.read_text().replace("shell: bash", "shel: bash")
    assert github.ask("action", text=broken) != []


def test_the_workflow_gives_inputs_that_there_are():
    (_, step) = yaml.safe_load(WORKFLOW.read_text())["jobs"]["check"]["steps"]
    assert step["uses"].startswith(f"OWNER/roachpin/{ACTION.parent.relative_to(ROOT)}@")
    assert set(step["with"]) <= set(yaml.safe_load(ACTION.read_text())["inputs"])


def test_the_workflow_has_the_rights_that_the_page_names():
    # Whatever is not named there is taken away, also what a private repository needs.
    given = yaml.safe_load(WORKFLOW.read_text())["permissions"]
    named = dict(re.findall(r"`([a-z-]+): (read|write)`", WORKFLOW.with_name("README.md").read_text()))
    assert named.items() < given.items() and given == {**named, "contents": "read"}


def test_a_clean_configuration_passes_and_is_uploaded(run, configure, postgres):
    done = run(config=configure(postgres.port))
    assert done.code == CLEAN, done.said
    (used,) = done.used
    assert used[0].startswith("github/codeql-action/upload-sarif@")
    assert used[1]["sarif_file"] == done.outputs["sarif"]
    log = validated(Path(done.outputs["sarif"]).read_text())
    assert {one["ruleId"] for one in log["runs"][0]["results"]} == {"CFG-LOCK-MISSING"}
    assert done.outputs["exit-code"] == "0"


def test_one_that_is_amiss_fails_and_is_uploaded(run, configure, place):
    (place / "other").mkdir()
    with FakeCockroach(Pki(place / "other").node) as stranger:
        done = run(config=configure(stranger.port))
    assert done.code == FINDINGS
    assert done.outputs["exit-code"] == "1" and len(done.used) == 1
    (results,) = [one["results"] for one in validated(Path(done.outputs["sarif"]).read_text())["runs"]]
    assert results[0]["ruleId"] == "TLS-VERIFY-FAILED"
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "roachpin.yaml"  # as code scanning wants it: from the checkout on


def test_one_that_cannot_be_read_has_no_report_to_upload(run, place):
    (place / "runner" / "roachpin.sarif").write_text("of an earlier run")
    done = run(config="missing.yaml")
    assert done.code == USAGE and "missing.yaml" in done.said
    assert done.outputs == {"sarif": "", "exit-code": "2"} and done.used == []


def test_the_other_inputs_reach_it(run, configure, place):
    name = configure(1)
    assert run(config=name, offline="true").code == CLEAN
    assert run(config=name, offline="true", fail_on="low").code == FINDINGS
    unreachable = run(config=name)
    assert unreachable.code in (FINDINGS, UNFINISHED) and len(unreachable.used) == 1
    baseline = place / "checkout" / "known.json"
    subprocess.run([BINARY, "check", "-c", name, "--format", "json", "--output", baseline],
                   cwd=place / "checkout", capture_output=True)
    assert run(config=name, baseline="known.json").code == CLEAN
    assert run(config=name, upload="false", offline="true").used == []
    assert run(config=name, offline="perhaps").code == USAGE


@pytest.mark.parametrize("value", HOSTILE)
def test_no_input_is_a_command(run, configure, place, value):
    name = configure(1)
    before = sorted(place.rglob("*"))
    for inputs in ({"config": value}, {"config": name, "fail_on": value},
                   {"config": name, "baseline": value}, {"config": name, "offline": value},
                   {"config": name, "deb": value}):
        done = run(**{"offline": "true", **inputs})
        assert done.code != 0 and done.used == [], (inputs, done.said)
        assert done.outputs["sarif"] == ""
    made = {file.name for file in place.rglob("*")} - {file.name for file in before}
    assert made <= {"step.sh", "outputs", "roachpin.sarif"}, made


def test_a_name_with_blanks_and_dollars_is_a_name(run, configure):
    done = run(config=configure(1, name="of $(touch x) production.yaml"), offline="true")
    assert done.code == CLEAN and len(done.used) == 1


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    return package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def address(deb, pki, monkeypatch):
    monkeypatch.setenv("CURL_CA_BUNDLE", str(pki.ca))
    with served(deb, pki.node) as one:
        yield one


def test_only_the_package_that_is_meant_is_installed_and_used(run, configure, address, deb, place):
    name, right = configure(1), sha256(deb.read_bytes()).hexdigest()
    # All of it there: an action that is wrong would install something here.
    with machine(place, place / "checkout") as there:
        act = partial(run, under=there, config=name, offline="true")
        nothing = act()
        assert nothing.code == 127, nothing.said
        for inputs in ({"deb": address}, {"deb": address, "deb_sha256": right[::-1]},
                       {"deb": str(deb), "deb_sha256": right[::-1]},
                       {"deb": address + ".missing", "deb_sha256": right},
                       {"deb": address.replace("https", "http", 1), "deb_sha256": right}):
            refused = act(**inputs)
            assert refused.code != 0 and refused.used == [], inputs
            assert refused.outputs["exit-code"] == ""  # it was not even run
        done = act(deb=address, deb_sha256=right)
        assert done.code == CLEAN, done.said
        assert "Setting up roachpin-of-this-test" in done.said and len(done.used) == 1
        again = act(deb=str(deb))
        assert again.code == CLEAN, again.said
