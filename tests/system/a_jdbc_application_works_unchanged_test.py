"""The JDBC driver works through roachpin as it does without, cancelling included."""

import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.postgres import DATABASE, PASSWORD, SCRAM_USER, USER
from harness.roachpin import Roachpin
from harness.waiting import PATIENCE

DRIVER = Path("/usr/share/java/postgresql.jar")
SOURCE = Path(__file__).parent / "java" / "Application.java"


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """The command that runs the application, compiled once."""
    assert DRIVER.exists(), "the JDBC driver is missing (Debian: libpostgresql-jdbc-java)"
    classes = tmp_path_factory.mktemp("classes")
    subprocess.run(
        ["javac", "-encoding", "UTF-8", "-cp", DRIVER, "-d", classes, SOURCE], check=True)
    # Little heap and the quick compiler: these are short runs. What it prints is UTF-8.
    return ["env", "LC_ALL=C.UTF-8", "java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", f"{classes}:{DRIVER}",
            "Application"]


def url(host, port, user=USER, **properties):
    properties = {"user": user, "password": PASSWORD, **properties}
    query = "&".join(f"{name}={quote(str(value))}" for name, value in properties.items())
    return f"jdbc:postgresql://{host}:{port}/{DATABASE}?{query}"


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
