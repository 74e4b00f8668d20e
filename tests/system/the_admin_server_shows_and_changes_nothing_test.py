"""admin.bind: probes for whoever supervises roachpin, read only, and bounded whatever comes."""

import http.client
import signal
import socket
import subprocess

import pytest

from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import BINARY, Roachpin, configuration, node
from harness.waiting import PATIENCE, until
from harness.wire import Wire

LOGIN = {"user": "app", "database": "bank"}
QUICK = {"interval": "200ms", "timeout": "200ms", "fall": 2}


@pytest.fixture
def fake(pki):
    with FakeCockroach(pki.node) as one:
        yield one


@pytest.fixture
def settings(pki, fake):
    return configuration(pki.ca, [node(NODE, fake.port)], health=QUICK)


@pytest.fixture
def proxy(settings):
    with Roachpin(settings) as one:
        yield one


def connect(proxy):
    host, port = proxy.admin.rsplit(":", 1)
    return socket.create_connection((host, int(port)), PATIENCE)


def answer(sock):
    """The status, after the whole answer came and the end."""
    said = b""
    while more := sock.recv(65536):
        said += more
    return int(said.split(b" ", 2)[1]) if said else None


@pytest.mark.parametrize("path, kind", [
    ("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript"),
    ("/status", "application/json"), ("/metrics", "text/plain"), ("/livez", "text/plain")])
def test_each_is_told_as_what_it_is(proxy, path, kind):
    status, headers, text = proxy.get(path)
    assert status == 200 and text
    assert headers["Content-Type"].partition(";")[0] == kind
    policy = headers["Content-Security-Policy"]
    assert (policy is not None) == (path == "/")
    assert policy is None or "default-src 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/startupz", "/readyz?mode=all",
                                  "/readyz?mode=process", "/readyz?mode=any"])
def test_what_is_well_is_200(proxy, path):
    status, headers, _ = proxy.get(path)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/metrics", "/reload", "/drain", "/quitquitquit"])
def test_nothing_but_get_is_heard(proxy, method, path):
    connection = http.client.HTTPConnection(proxy.admin, timeout=PATIENCE)
    connection.request(method, path)
    assert connection.getresponse().status == 405
    connection.close()
    assert proxy.get("/drain")[0] == 404
    assert not proxy.events("draining") and not proxy.events("reloaded")


def test_a_page_of_another_name_reads_nothing(proxy):
    """DNS rebinding: a browser on this machine, led here by a name of the attacker's."""
    assert proxy.get("/metrics", Host="attacker.example")[0] == 421
    assert proxy.get("/metrics", Host="localhost")[0] == 200


class TestReadiness:
    @pytest.fixture
    def two(self, pki, fake):
        with FakeCockroach(pki.node, bind="127.0.0.2:0") as other:
            settings = configuration(
                pki.ca, [node(NODE, fake.port), node(NODE, other.port, ["127.0.0.2"])],
                health=QUICK)
            with Roachpin(settings) as proxy:
                yield proxy, other

    def test_any_and_all(self, two, fake):
        proxy, other = two
        until("both to be ready", lambda: proxy.get("/readyz?mode=all")[0] == 200)
        other.kill()
        until("one to be missed", lambda: proxy.get("/readyz?mode=all")[0] == 503)
        assert proxy.get("/readyz")[0] == 200
        fake.kill()
        until("none to be left", lambda: proxy.get("/readyz")[0] == 503)
        status, _, why = proxy.get("/readyz")
        assert "no verified node" in why and NODE in why
        assert proxy.get("/readyz?mode=process")[0] == 200
        assert proxy.get("/livez")[0] == 200 and proxy.get("/startupz")[0] == 200


def test_before_any_node_has_proved_itself(pki, fake):
    port = fake.port
    fake.kill()
    settings = configuration(pki.ca, [node(NODE, port)], health=QUICK, start="wait")
    with Roachpin(settings) as proxy:
        assert proxy.get("/livez")[0] == 200
        assert proxy.get("/startupz")[0] == 503
        assert proxy.get("/readyz")[0] == 503
        with FakeCockroach(pki.node, bind=f"127.0.0.1:{port}"):
            until("it has started", lambda: proxy.get("/startupz")[0] == 200)
            until("it is ready", lambda: proxy.get("/readyz")[0] == 200)
            # Its end is no other start.
        until("it is not ready", lambda: proxy.get("/readyz")[0] == 503)
        assert proxy.get("/startupz")[0] == 200


def test_while_it_drains(settings):
    settings["drain"] = {"delay": "60s", "timeout": "2s"}
    with Roachpin(settings) as proxy, Wire(proxy.port) as client:
        client.login("", **LOGIN)
        proxy.process.send(signal.SIGTERM)
        proxy.wait_event("draining")
        for mode in ("any", "all", "process"):
            status, _, why = proxy.get(f"/readyz?mode={mode}")
            assert status == 503 and why == "draining\n"
        assert proxy.get("/livez")[0] == 200
        assert "roachpin_ready 0" in proxy.get("/metrics")[2]
        assert client.ask("SELECT 1")
        proxy.process.kill()


def test_the_flag_wins_over_the_file(settings):
    settings["admin"] = {"bind": "127.0.0.1:1"}
    with Roachpin(settings, "--admin", "127.0.0.1:0") as proxy:
        assert not proxy.admin.endswith(":1")
        assert proxy.get("/livez")[0] == 200


def test_there_may_be_none(settings):
    settings["admin"] = {"bind": None}
    with Roachpin(settings) as proxy:
        assert not proxy.events("admin_listening")


def test_a_port_that_is_taken_is_said(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        settings["admin"] = {"bind": taken}
        proxy = Roachpin(settings)
        assert proxy.wait() == 1
        assert "admin.bind" in proxy.process.output and "bind: ~" in proxy.process.output
        proxy.discard()


class TestHostileInput:
    OCTETS = {
        "no version": (b"nonsense\r\n\r\n", 400),
        "a ClientHello": (b"\x16\x03\x01\x00\xff" + bytes(200), 400),
        "a long header": (b"GET /livez HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        "a long target": (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        "a large body": (b"POST /livez HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        "two lengths": (
            b"GET /livez HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
        "many at once": (b"GET /livez HTTP/1.1\r\n\r\n" * 5000, 200),
        "a way out": (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", 404),
        "another spelling": (b"GET /%6civez HTTP/1.1\r\n\r\n", 404),
    }

    @pytest.mark.parametrize("name", OCTETS)
    def test_is_answered_once_and_closed(self, proxy, name):
        octets, status = self.OCTETS[name]
        with connect(proxy) as sock:
            sock.sendall(octets)
            assert answer(sock) == status
        assert proxy.get("/livez")[0] == 200

    def test_slow_senders_are_told_after_five_seconds(self, proxy):
        with connect(proxy) as sock:
            sock.sendall(b"GET /livez HTTP/1.1\r\n")
            assert answer(sock) == 408

    def test_a_thousand_connections_take_no_room(self, proxy):
        before, descriptors = proxy.rss, proxy.descriptors
        flood = [connect(proxy) for _ in range(1000)]
        assert proxy.descriptors <= descriptors + 32 + 8
        with Wire(proxy.port) as client:
            client.login("", **LOGIN)
            assert client.ask("SELECT 1")
        for sock in flood:
            sock.close()
        until("it answers again", lambda: reachable(proxy))
        assert proxy.rss < before + 16 * 1024 * 1024


def reachable(proxy):
    try:
        return proxy.get("/livez")[0] == 200
    except (ConnectionError, http.client.HTTPException):
        return False


def test_the_help_names_the_flag():
    shown = subprocess.run([BINARY, "run", "--help"], capture_output=True, text=True, check=True)
    assert "--admin ADDRESS" in shown.stdout
