"""`roachpin status` tells on a terminal, or in a script, what the page tells in a browser."""

import http.server
import json
import signal
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


def test_where_nobody_is(tmp_path):
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
