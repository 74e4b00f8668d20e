"""The commands, their flags and their exit codes."""

import socket
import subprocess

import pytest

from harness.postgres import DATABASE, PASSWORD, USER, free_port
from harness.roachpin import BINARY, Roachpin, parse_line, refused_start
from harness.waiting import until
from harness.wire import Wire, probe_refused

USAGE = 2


def roachpin(*words):
    return subprocess.run(
        [BINARY, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=20)


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version(word):
    done = roachpin(word)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("roachpin ") and "OpenSSL" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["version", "--help"]])
def test_help(words):
    done = roachpin(*words)
    assert done.returncode == 0 and done.stderr == ""
    assert "Usage" in done.stdout


def test_help_names_commands_and_flags():
    assert all(word in roachpin("--help").stdout for word in ["run", "version"])
    said = roachpin("run", "--help").stdout
    assert all(word in said for word in ["--config", "-c", "--listen", "--log-level", "--log-format"])


@pytest.mark.parametrize("words", [
    [], ["fly"], ["--no-such-option"], ["version", "--no-such-option"], ["version", "extra"],
    ["run"], ["run", "-c"], ["run", "-c", "f", "--no-such-option"], ["run", "-c", "f", "extra"],
])
def test_what_is_not_understood_is_a_usage_error(words):
    done = roachpin(*words)
    assert done.returncode == USAGE
    assert done.stdout == "" and done.stderr


@pytest.mark.parametrize("words, strange", [
    (["chek"], "chek"), (["check", "roachpin.yaml"], "roachpin.yaml"), (["run", "--conf"], "--conf"),
    (["ch\x1bek"], r"ch\x1bek"),
])
def test_what_was_not_understood_is_named(words, strange):
    assert strange in roachpin(*words).stderr


def test_a_configuration_that_is_not_there(tmp_path):
    missing = tmp_path / "missing.yaml"
    done = roachpin("run", "-c", missing)
    assert done.returncode == USAGE and str(missing) in done.stderr


def test_listen_replaces_the_bind(settings):
    port = free_port()
    with Roachpin(settings([{"bind": "127.0.0.1:1"}]), "--listen", f"127.0.0.1:{port}") as proxy:
        assert proxy.listeners == [f"127.0.0.1:{port}"]
        with Wire(port) as client:
            client.login(PASSWORD, user=USER, database=DATABASE)


@pytest.mark.parametrize("flag, value", [
    ("--listen", "nonsense"), ("--listen", "127.0.0.1:70000"), ("--listen", "0.0.0.0:0"),
    ("--log-level", "loud"), ("--log-format", "xml"),
])
def test_a_bad_value_of_a_flag(settings, flag, value):
    code, said = refused_start(settings(), flag, value)
    assert code == USAGE
    assert flag in said and value in said


@pytest.mark.parametrize("in_file, flag", [("json", "text"), ("text", "json")])
def test_log_format_overrides_the_file(settings, in_file, flag):
    made = settings(log={"format": in_file})
    with Roachpin(made, "--log-format", flag) as proxy:
        line = proxy.process.lines[0]
        assert line.startswith("{") == (flag == "json")
        assert parse_line(line)


def test_log_level_overrides_the_file(settings):
    port = free_port()
    proxy = Roachpin(settings([{"bind": f"127.0.0.1:{port}"}]), "--log-level", "warning")
    until("it listens", lambda: not probe_refused(("127.0.0.1", port)))
    with Wire(port) as client:
        client.login(PASSWORD, user=USER, database=DATABASE)
    with Wire(port) as client:
        client.send(b"noise" * 10)
        client.refusal()
    assert proxy.stop() == 0
    levels = {event["level"] for event in proxy.events()}
    assert "warning" in levels and levels <= {"warning", "error"}


def test_a_port_that_is_taken(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        code, said = refused_start(settings([{"bind": address}]))
        assert code == 1 and address in said


def test_the_defaults_of_the_log(settings):
    """Text at info."""
    made = settings()
    del made["log"]
    with Roachpin(made) as proxy:
        assert all(not line.startswith("{") for line in proxy.process.lines)
        assert proxy.wait_event("started")["level"] == "info"
