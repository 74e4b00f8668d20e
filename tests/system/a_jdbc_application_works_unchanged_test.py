"""The JDBC driver works through roachpin as it does without, cancelling included."""

import subprocess

import pytest

from harness.jdbc import compiled, url
from harness.postgres import DATABASE, SCRAM_USER, USER
from harness.roachpin import Roachpin
from harness.waiting import PATIENCE


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """The command that runs the application, compiled once."""
    return compiled(tmp_path_factory.mktemp("classes"))


def work(java, *where, **properties):
    done = subprocess.run(
        [*java, "work", url(*where, **properties)],
        capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def straight(java, postgres):
    """What the application sees at the database itself."""
    seen = work(java, "127.0.0.1", postgres.port, sslmode="require")
    assert seen == [
        f"login {USER} {DATABASE}", "batch 10000", "error 23505", "fetched 49995000",
        "copied in 1", "copied out -1,ñandú|0,row 0|",
    ]
    return seen


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer"])
def test_in_the_clear(java, straight, roachpin, sslmode):
    assert work(java, "localhost", roachpin.port, sslmode=sslmode) == straight


def test_with_scram(java, straight, roachpin):
    seen = work(java, "localhost", roachpin.port, user=SCRAM_USER, sslmode="disable")
    assert seen == [f"login {SCRAM_USER} {DATABASE}", *straight[1:]]


@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
def test_with_tls(java, straight, settings, tmp_path, sslmode):
    exported = tmp_path / "roachpin.crt"
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True, "export_file": str(exported),
                                              "required": True}}
    with Roachpin(settings([listener])) as proxy:
        verifying = {} if sslmode == "require" else {"sslrootcert": exported}
        assert work(java, "localhost", proxy.port, sslmode=sslmode, **verifying) == straight


def test_a_statement_is_cancelled(java, postgres, roachpin):
    application = subprocess.Popen(
        [*java, "cancel", url("localhost", roachpin.port, sslmode="disable")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    postgres.wait_running("from jdbc")
    said, _ = application.communicate("now\n", timeout=PATIENCE)
    assert said.splitlines() == ["ended 57014", "alive"]
    roachpin.wait_event("cancel_forwarded")
