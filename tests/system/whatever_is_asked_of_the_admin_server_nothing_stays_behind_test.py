"""Over a hundred things to say to admin.bind and to the control socket that no browser, probe or operator
would, against one proxy: each has its own answer, none changes anything, and afterwards nothing is
left of them."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

import pytest

from harness.afterwards import Afterwards, exchange, hear_all
from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import PATIENCE
from harness.wire import opening, reset, startup

GROWTH = 6 << 20
COMMANDS = ["/reload", "/drain", "/quitquitquit"]


@dataclass(frozen=True)
class Case:
    """What is sent (octets, or what does it with a connection), and the status of the answer; none:
    it is closed without one."""

    does: bytes | Callable
    status: int | None
    says: bytes = b""
    times: int = 3
    """So many at once."""


def get(target, *headers, version="HTTP/1.1", method="GET"):
    lines = [f"{method} {target} {version}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def refused(does, status=400, says=b"", **more):
    return Case(does, status, says, **more)


def served(does, says=b"ok", **more):
    return Case(does, 200, says, **more)


def silent(does, **more):
    return Case(does, None, **more)


def after(*packets, end=None):
    """One after the other, and then `end` of the connection."""
    def behave(client):
        for packet in packets:
            client.sendall(packet)
        if end is not None:
            end(client)
            return b""
        client.shutdown(socket.SHUT_WR)
        return hear_all(client)
    return behave


def answered_and_reset(client):
    client.sendall(get("/metrics"))
    client.recv(100)
    reset(client)
    return b""


def unread(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(get("/metrics"))
    client.shutdown(socket.SHUT_WR)
    return b""


def smuggled(*headers, body=b""):
    """With a request behind it, which some would take for the body and others for the next."""
    return get("/livez", *headers) + body + get("/quitquitquit", method="POST")


METHODS = {
    **{f"{method} {path}": refused(get(path, method=method), 405, b"GET only")
       for method in ("POST", "PUT", "DELETE", "CONNECT", "TRACE", "PRI")
       for path in ("/livez", "/reload")},
    "POST /drain": refused(get("/drain", method="POST"), 405),
    "POST /quitquitquit": refused(get("/quitquitquit", method="POST"), 405),
    "GET /drain": refused(get("/drain"), 404),
    "get in small letters": refused(get("/livez", method="get"), 405),
    "a method of 4,000 letters": refused(get("/livez", method="G" * 4_000), 405),
    "a method with a zero octet": refused(get("/livez", method="G\0T")),
    "no method": refused(b" /livez HTTP/1.1\r\n\r\n"),
    "OPTIONS *": refused(get("*", method="OPTIONS"), 405),
    "a preflight of another origin": refused(get(
        "/status", "Host: localhost", "Origin: http://attacker.example",
        "Access-Control-Request-Method: POST", method="OPTIONS"), 405),
}

TARGETS = {
    "a way out": refused(get("/../../etc/passwd"), 404),
    "a way out in escapes": refused(get("/%2e%2e/%2e%2e/etc/passwd"), 404),
    "a way out by backslashes": refused(get("/..\\..\\etc\\passwd"), 404),
    "another spelling": refused(get("/%6civez"), 404),
    "two slashes": refused(get("//livez"), 404),
    "a slash behind it": refused(get("/livez/"), 404),
    "a dot before it": refused(get("/./livez"), 404),
    "a zero octet in it": refused(get("/livez\0.html")),
    "a zero octet in escapes": refused(get("/livez%00"), 404),
    "octets that are not ASCII": refused(get("/liv\xe9z"), 404),
    "a script": refused(get("/<script>alert(1)</script>"), 404, b"no such page"),
    "another server's": refused(get("http://attacker.example/livez"), 404),
    "a fragment": refused(get("/livez#x"), 404),
    "a query": served(get("/livez?x=" + "y" * 2_000)),
    "a mode that is none": refused(get("/readyz?mode=%61ny"), 400, b"expected /readyz"),
    "two modes": refused(get("/readyz?mode=any&mode=all"), 400),
    "no target": refused(b"GET HTTP/1.1\r\n\r\n"),
    "9,000 octets": refused(get("/" + "x" * 9_000), 431),
}

HOSTS = {
    "none": served(get("/livez")),
    "an address": served(get("/livez", "Host: 127.0.0.1:9257")),
    "another name's": refused(get("/livez", "Host: attacker.example"), 421, b"Host"),
    "a name that begins as ours": refused(
        get("/livez", "Host: localhost.attacker.example"), 421),
    "a name that begins as an address": refused(
        get("/livez", "Host: 127.0.0.1.attacker.example"), 421),
    "a name and our port": refused(get("/livez", "Host: attacker.example:9257"), 421),
    "ours behind an @": refused(get("/livez", "Host: attacker.example@localhost"), 421),
    "a bracket": refused(get("/livez", "Host: ["), 421),
    "brackets around nothing": refused(get("/livez", "Host: []"), 421),
    "another name and X-Forwarded-Host": refused(
        get("/livez", "Host: attacker.example", "X-Forwarded-Host: localhost"), 421),
    "another origin's": served(
        get("/livez", "Host: localhost", "Origin: http://attacker.example")),
}

FRAMES = {
    "Content-Length twice": refused(
        get("/livez", "Content-Length: 5", "Content-Length: 6") + b"abcdef"),
    "Content-Length below zero": refused(get("/livez", "Content-Length: -1")),
    "Content-Length in hexadecimal": refused(get("/livez", "Content-Length: 0x10") + bytes(16)),
    "Content-Length of 2^64": refused(get("/livez", "Content-Length: 18446744073709551616")),
    "a large body": refused(get("/livez", "Content-Length: 99999999"), 413),
    "Content-Length and chunks": refused(smuggled(
        "Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "chunks and Content-Length": refused(smuggled(
        "Transfer-Encoding: chunked", "Content-Length: 4", body=b"0\r\n\r\n")),
    "chunks twice": refused(smuggled(
        "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=b"0\r\n\r\n")),
    "chunks by another name": served(smuggled("Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    "a chunk of 2^64": refused(
        get("/livez", "Transfer-Encoding: chunked") + b"ffffffffffffffff1\r\nx\r\n"),
    "a chunk of below zero": refused(
        get("/livez", "Transfer-Encoding: chunked") + b"-1\r\nx\r\n0\r\n\r\n"),
    "chunks that are too many": refused(
        get("/livez", "Transfer-Encoding: chunked") + b"1000\r\n" + b"x" * 4_096 + b"\r\n"
        + b"1\r\nx\r\n" * 70_000 + b"0\r\n\r\n", 413),
    "a request behind it": served(smuggled()),
    "a request in its body": served(smuggled(
        f"Content-Length: {len(smuggled()) - len(get('/livez'))}")),
    "a thousand at once": served(get("/livez") * 1_000),
    "a header folded": refused(b"GET /livez HTTP/1.1\r\nHost: local\r\n host\r\n\r\n", 421),
    "a blank before the colon": refused(get("/livez", "Host : localhost")),
    "a header without a colon": refused(get("/livez", "Host")),
    "a header of no name": refused(get("/livez", ": x")),
    "a zero octet in a header": refused(get("/livez", "X: a\0b")),
    "lines that end in LF": refused(b"GET /livez HTTP/1.1\n\n"),
    "10,000 octets of header": refused(get("/livez", "X: " + "y" * 10_000), 431),
    "2,000 headers": refused(get("/livez", *["X: y"] * 2_000), 431),
    "HTTP/0.9": refused(b"GET /livez\r\n\r\n"),
    "HTTP/1.0": served(get("/livez", version="HTTP/1.0")),
    "HTTP/2": refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)),
    "HTTP/1.9": refused(get("/livez", version="HTTP/1.9")),
    "an upgrade": served(get("/livez", "Connection: Upgrade", "Upgrade: h2c")),
    "100-continue": served(get("/livez", "Expect: 100-continue")),
}

FOREIGN = {
    "a TLS ClientHello": refused(b"\x16\3\1\0\xff\1\0\0\xfb\3\3" + bytes(250)),
    "a StartupMessage": refused(startup(user="app")),
    "an SSLRequest and more": refused(opening(80877103) * 3),
    "SSH": refused(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "zero octets": refused(bytes(64)),
    "64 kB of noise": refused(b"\xff" * 65_536),
    "lines without words": refused(b"\r\n" * 20),
    "PROXY protocol 1": refused(b"PROXY TCP4 10.0.0.1 10.0.0.2 5000 9257\r\n" + get("/livez")),
}

LEAVING = {
    "an end at once": silent(after()),
    "RST at once": silent(after(end=reset)),
    "half a request and the end": refused(after(b"GET /li"), 400, b"partial"),
    "half a request and RST": silent(after(b"GET /li", end=reset)),
    "a request and the end": served(after(get("/livez"))),
    "RST in the answer": silent(answered_and_reset),
    "an answer that nobody reads": silent(unread),
    "200 ends at once": silent(after(), times=200),
    "half a body and the end": refused(
        after(get("/livez", "Content-Length: 100") + b"half"), 400, b"partial"),
}

SLOW = {
    "silence": refused(b"", 408, b"5 s", times=8),
    "half a request": refused(b"GET /livez HTTP/1.1\r\nX: ", 408, times=8),
    "half a body": refused(get("/livez", "Content-Length: 9") + b"x", 408),
}

CASES = {f"{family}: {name}": case for family, cases in {
    "method": METHODS, "target": TARGETS, "Host": HOSTS, "frame": FRAMES, "foreign": FOREIGN,
    "leaving": LEAVING}.items() for name, case in cases.items()}

CONTROL = {
    **{f"GET {path}": refused(get(path), 405, b"POST only") for path in COMMANDS},
    "HEAD /drain": refused(get("/drain", method="HEAD"), 405),
    "PUT /drain": refused(get("/drain", method="PUT"), 405),
    "post in small letters": refused(get("/drain", method="post"), 405),
    "POST /": refused(get("/", method="POST"), 404),
    "POST /metrics": refused(get("/metrics", method="POST"), 404),
    "another spelling": refused(get("/%64rain", method="POST"), 404),
    "in capitals": refused(get("/DRAIN", method="POST"), 404),
    "a slash behind it": refused(get("/drain/", method="POST"), 404),
    "a query": refused(get("/drain?now", method="POST"), 404),
    "a way out": refused(get("/../drain", method="POST"), 404),
    "another server's": refused(get("http://localhost/drain", method="POST"), 404),
    "two lengths": refused(
        get("/drain", "Content-Length: 0", "Content-Length: 1", method="POST")),
    "Content-Length and chunks": refused(
        get("/drain", "Content-Length: 4", "Transfer-Encoding: chunked", method="POST")
        + b"0\r\n\r\n"),
    "behind another": refused(get("/") + get("/drain", method="POST"), 404),
    "half of it": refused(after(b"POST /drain HTTP/1.1\r\n"), 400, b"partial"),
    "half of its body": refused(
        after(get("/drain", "Content-Length: 9", method="POST") + b"half"), 400, b"partial"),
    "HTTP/0.9": refused(b"POST /drain\r\n\r\n"),
    "lines that end in LF": refused(b"POST /drain HTTP/1.1\n\n"),
    "a zero octet": refused(get("/drain\0", method="POST")),
    "a StartupMessage": refused(startup(user="app")),
    "noise": refused(b"\xff" * 400),
    "an end at once": silent(after(), times=8),
    "RST at once": silent(after(end=reset), times=8),
}


class Stage:
    def __init__(self, proxy, good_node, control):
        self.proxy, self.control = proxy, control
        host, port = proxy.admin.rsplit(":", 1)
        self.admin = host, int(port)
        self.after = Afterwards(proxy, good_node, GROWTH)

    def connect(self, to):
        if to == "admin.bind":
            return socket.create_connection(self.admin, PATIENCE)
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(PATIENCE)
        made.connect(str(self.control))
        return made

    def run(self, case, to):
        """What each of them heard."""
        with ThreadPoolExecutor(case.times) as pool:
            clients = [self.connect(to) for _ in range(case.times)]
            return list(pool.map(lambda client: exchange(client, case.does), clients))

    def check(self):
        """Beside what always is: nothing has changed."""
        assert self.proxy.get("/livez")[0] == 200
        self.after.check()
        for event in ("draining", "reloaded", "reload_failed"):
            assert not self.proxy.events(event)


@pytest.fixture(scope="module")
def stage(pki, tmp_path_factory):
    control = tmp_path_factory.mktemp("control") / "s"
    with FakeCockroach(pki.node) as fake:
        settings = configuration(
            pki.ca, [node(NODE, fake.port)], spares={"per_node": 0}, health={"interval": "1h"},
            admin={"control": f"unix:{control}"})
        with Roachpin(settings) as proxy:
            yield Stage(proxy, fake, control)


def assert_answered(case, heard):
    """Once, whole, and in a way that no page of another origin can use."""
    if case.status is None:
        assert heard == b""
        return
    head, _, body = heard.partition(b"\r\n\r\n")
    version, status, *_ = head.split(b" ", 2)
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert (version, int(status)) in ((b"HTTP/1.1", case.status), (b"HTTP/1.0", case.status))
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Connection"] == "close" or version == b"HTTP/1.0"
    assert case.says in body
    assert not any(name.startswith("Access-Control") for name in headers)
    assert b"<" not in body


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_said_to_the_admin_server(stage, case):
    for heard in stage.run(case, "admin.bind"):
        assert_answered(case, heard)
    stage.check()


@pytest.mark.parametrize("case", CONTROL.values(), ids=CONTROL)
def test_what_is_said_to_the_control_socket(stage, case):
    for heard in stage.run(case, "the control socket"):
        assert_answered(case, heard)
    stage.check()


def test_who_is_slow(stage):
    """All at once, since it takes five seconds."""
    with ThreadPoolExecutor() as pool:
        told = pool.map(lambda case: (case, stage.run(case, "admin.bind")), SLOW.values())
        for case, answers in told:
            for heard in answers:
                assert_answered(case, heard)
    stage.check()
