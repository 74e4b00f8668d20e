"""`roachpin status` tells on a terminal, or in a script, what the page tells in a browser."""

import http.server
import json
import os
import pty
import signal
import socket
import subprocess
import threading

import pytest

from harness.certificates import NODE, Pki
from harness.fake_cockroach import FakeCockroach
from harness.process import Process
from harness.roachpin import BINARY, Roachpin, configuration, node
from harness.waiting import until

QUICK = {"interval": "200ms", "timeout": "200ms"}


def status(*words, **more):
    return subprocess.run([BINARY, "status", *map(str, words)], capture_output=True, text=True,
                          timeout=30, check=False, **more)


@pytest.fixture
def database(pki):
    with FakeCockroach(pki.node) as one:
        yield one


@pytest.fixture
def proxy(pki, database):
    with Roachpin(configuration(pki.ca, [node(NODE, database.port)], health=QUICK)) as one:
        yield one


def test_who_answers_and_why(proxy, database, tmp_path):
    address = f"127.0.0.1:{database.port}"
    until("it is ready", lambda: proxy.get("/readyz")[0] == 200)
    done = status("--admin", proxy.admin)
    assert done.returncode == 0 and done.stderr == "" and "\x1b" not in done.stdout
    assert done.stdout.startswith("Ready: 1 of 1 address proves itself\n")
    for text in (NODE, address, "ready", "pinned", "ends in 364 d", "cluster.ca_file",
                 proxy.listeners[0], "0 of 1024"):
        assert text in done.stdout, text
    database.kill()
    with FakeCockroach(Pki(tmp_path).node, bind=address):
        until("it is seen", lambda: "HOSTILE" in status("--admin", proxy.admin).stdout)
        assert status("--admin", proxy.admin).returncode == 0, "it answered"


def test_json_is_what_the_server_says(proxy):
    port = proxy.admin.rpartition(":")[2]
    done = status("--admin", f"localhost:{port}", "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["format"] == 1
    assert told["nodes"][0]["host"] == NODE
    assert set(told) == set(json.loads(proxy.get("/status")[2]))


def test_watching_goes_on_until_it_is_told_to_stop(proxy):
    watching = Process([BINARY, "status", "--watch", "--admin", proxy.admin], stream="stdout",
                       stderr=None)
    try:
        watching.wait_for("twice", lambda lines: sum(
            line.startswith("Ready") for line in lines) >= 2 or None)
        watching.send(signal.SIGINT)
        assert watching.wait() == 0
    finally:
        watching.kill()


@pytest.mark.parametrize("no_colour, coloured", [("", True), ("1", False)])
def test_colour_is_for_terminals(proxy, no_colour, coloured):
    until("it is ready", lambda: proxy.get("/readyz")[0] == 200)
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        done = subprocess.run([BINARY, "status", "--admin", proxy.admin], stdout=theirs,
                              timeout=30, check=False, env={**os.environ, "NO_COLOR": no_colour})
        os.close(theirs)
        seen = screen.read(4096)
    assert done.returncode == 0 and b"Ready: 1 of 1" in seen
    assert (b"\x1b[" in seen) == coloured


def test_a_reload_that_failed_is_told_in_full(proxy):
    with proxy.expecting("reload_failed"):
        proxy.reconfigure("listeners: []\nfly: true\n")
    said = status("--admin", proxy.admin).stdout
    assert "is not in force" in said
    assert f"    {proxy.config_file}:2: fly: unknown key" in said


def test_a_full_stdout_is_no_success(proxy):
    with open("/dev/full", "w", encoding="ascii") as full:
        assert subprocess.run([BINARY, "status", "--admin", proxy.admin], stdout=full, timeout=30,
                              check=False).returncode == 1


def test_who_accepts_and_says_nothing_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = status("--admin", "127.0.0.1:%d" % silent.getsockname()[1])
    assert done.returncode == 1 and "within 5 s" in done.stderr


def test_where_nobody_is():
    done = status("--admin", "127.0.0.1:1")
    assert done.returncode == 1 and done.stdout == ""
    assert "no answer from 127.0.0.1:1" in done.stderr and "admin.bind" in done.stderr


@pytest.mark.parametrize("said", [b"", b"{}", b"<html>", b'{"format": 2}', b'{"format": 1}'],
                         ids=["nothing", "no keys", "html", "another format", "half of it"])
def test_what_is_no_roachpin_is_not_believed(said):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        done = status("--admin", f"127.0.0.1:{server.server_port}")
        assert done.returncode == 1 and done.stdout == "" and done.stderr


@pytest.mark.parametrize("words", [
    ["--admin", "roachpin.internal:9257"], ["--admin", "nonsense"], ["--format", "xml"], ["extra"]],
    ids=" ".join)
def test_usage(words):
    done = status(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr
