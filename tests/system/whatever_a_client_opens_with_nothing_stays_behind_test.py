"""Over a hundred ways to begin a connection that no client of ours would choose, against one proxy:
each has its own outcome, no octet of them reaches a node that should not, and afterwards a good
client is served and nothing is left of them."""

import contextlib
import json
import re
import socket
import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

import pytest

from harness import wire
from harness.afterwards import LOGIN, Afterwards, Growth, exchange, hear_all
from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.metrics import scrape
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import PATIENCE
from harness.wire import Refusal, message, opening, query, reset, startup

EVENT_ID = re.compile(r"\bevent ([0-9a-f]{16})\b")
LISTENERS = ["clear", "tls", "required", "small", "elsewhere", "passthrough"]
OPENING = 0.8  # seconds that an opening may take
MOST_OPENING = 64
GROWTH = 6 << 20

USER = {"user": "app", "database": "appdb"}
START = startup(**USER)
BYE = message(b"X")
SSL, GSSENC = opening(wire.SSL), opening(wire.GSSENC)
WELCOME = b"R\0\0\0\x08\0\0\0\0"
OLDER = b"v\0\0\0\x0c\0\3\0\0\0\0\0\0"  # NegotiateProtocolVersion: 3.0, nothing else


def client_hello():
    """As OpenSSL's clients begin."""
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        wire.unverified(alpn=["postgresql"]).wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    return out.read()


HELLO = client_hello()


@dataclass(frozen=True)
class Case:
    """What is sent (octets, or what does it with a connection), and what comes of that."""

    does: bytes | Callable
    told: str = ""
    """The SQLSTATE of the refusal; nothing: closed without one."""
    says: str = ""
    """Words of the refusal."""
    result: str = "refused"
    """As roachpin_client_connections_total counts it; the one or the other where it is chance whether
    the octets come to be read before the RST."""
    reason: str = "malformed_opening"
    """As roachpin_client_rejections_total counts it."""
    first: bytes = b""
    """What is heard before."""
    listener: str = "clear"
    at_node: int | None = 0
    """The octets of it which the node gets; None where it is chance."""
    tries: int = 1
    """So many connections of the node get them."""
    times: int = 3
    """So many at once."""
    beside: int = 0
    """So many sessions of good clients on the same listener meanwhile."""


def malformed(does, says, **more):
    return Case(does, "08P01", says, **more)


def passed_on(does, first=WELCOME, **more):
    """Nothing that roachpin judges: the node's affair."""
    return Case(does, result="session", first=first, at_node=len(does), **more)


def gone(does, **more):
    return Case(does, result="gone", **more)


def probe(does, **more):
    return Case(does, result="probe", **more)


def cancel(does, **more):
    return Case(does, result="cancel", **more)


def parameters(*pairs):
    """A StartupMessage of octets as they are."""
    return opening(wire.PROTOCOL, b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
                   + b"\0")


def length(number, behind=b"\0\3\0\0user\0app\0\0"):
    return struct.pack("!I", number & 0xffffffff) + behind


def of_size(size):
    """A well-formed StartupMessage of so many octets."""
    return startup(**USER, options="x" * (size - len(startup(**USER, options=""))))


WITH_USER = (b"user", b"app")
LENGTHS = {
    f"a first packet of length {number}": malformed(length(number), str(number & 0xffffffff))
    for number in (0, 1, 3, 4, 7, -1, -2**31, 2**31 - 1, 10_001, 65_536)
} | {
    "10,001 octets, all of them there": malformed(of_size(10_001), "10001"),
    "10,000 octets": passed_on(of_size(10_000) + BYE),
    "10,000 octets and as many behind": passed_on(
        of_size(10_000) + message(b"Q", b"SELECT 1\0" + b" " * 9_000) + BYE),
    "a length that its octets do not reach": gone(
        lambda client: half_close(client, length(9_000))),
    "the shortest packet that there is": malformed(length(8, b"\0\3\0\0"), "zero octet"),
}

VERSIONS = {
    f"protocol {number >> 16}.{number & 0xffff}": malformed(
        startup(number, **USER), f"{number >> 16}.{number & 0xffff}")
    for number in (0, 1, 1 << 16, 2 << 16, 4 << 16, 0x7fff << 16, 0xffff_ffff, 30 << 16)
} | {
    f"request code 1234.{code}": malformed(opening(1234 << 16 | code), str(code))
    for code in (0, 5677, 5681, 65_535)
} | {
    # The node refuses them, and is asked anew for 3.0.
    "protocol 3.99": passed_on(
        startup(196608 + 99, **USER) + BYE, OLDER + WELCOME, tries=2),
    "protocol 3.65535": passed_on(
        startup(196608 + 65_535, **USER) + BYE, OLDER + WELCOME, tries=2),
}

REQUESTS = {
    "SSLRequest twice": malformed(
        lambda client: in_turn(client, SSL, SSL), "second SSLRequest", first=b"N"),
    "GSSENCRequest twice": malformed(
        lambda client: in_turn(client, GSSENC, GSSENC), "second GSSENCRequest", first=b"N"),
    "GSSENCRequest, SSLRequest, GSSENCRequest": malformed(
        lambda client: in_turn(client, GSSENC, SSL, GSSENC), "second GSSENCRequest", first=b"NN"),
    "SSLRequest, GSSENCRequest, SSLRequest": malformed(
        lambda client: in_turn(client, SSL, GSSENC, SSL), "second SSLRequest", first=b"NN"),
    "SSLRequest, then what is no packet": malformed(
        lambda client: in_turn(client, SSL, b"GET /"), "octets long", first=b"N"),
    "both requests at once": malformed(GSSENC + SSL, "behind an encryption request"),
    "two SSLRequests at once": malformed(SSL + SSL, "behind an encryption request"),
    "SSLRequest with a StartupMessage behind it": malformed(
        SSL + START, "behind an encryption request"),
    "SSLRequest with one octet behind it": malformed(
        SSL + b"\0", "behind an encryption request"),
    "SSLRequest with 9,000 octets behind it": malformed(
        SSL + bytes(9_000), "behind an encryption request"),
    "GSSENCRequest with a StartupMessage behind it": malformed(
        GSSENC + START, "behind an encryption request"),
    "SSLRequest of 9 octets": malformed(opening(wire.SSL, b"x"), "9"),
    "SSLRequest that says 4,096": malformed(length(4_096, SSL[4:]), "4096"),
    "GSSENCRequest of 12 octets": malformed(opening(wire.GSSENC, bytes(4)), "12"),
}

CANCELS = {
    "CancelRequest without a key": malformed(opening(wire.CANCEL), "this one says 8"),
    "CancelRequest with half a key": malformed(opening(wire.CANCEL, bytes(4)), "this one says 12"),
    "CancelRequest one octet short": malformed(opening(wire.CANCEL, bytes(7)), "this one says 15"),
    "CancelRequest with a key of 257 octets": malformed(
        opening(wire.CANCEL, bytes(4 + 257)), "this one says 269"),
    "CancelRequest of a key that is nobody's": cancel(
        opening(wire.CANCEL, b"\1\2\3\4\5\6\7\x08"), at_node=16),
    "CancelRequest with octets behind it": cancel(
        opening(wire.CANCEL, b"\1\2\3\4\5\6\7\x08") + START, at_node=16),
    "CancelRequest and the end": cancel(
        lambda client: half_close(client, opening(wire.CANCEL, bytes(8))), at_node=16),
}

PARAMETERS = {
    "no user": passed_on(parameters((b"database", b"appdb")) + BYE),
    "no parameter at all": passed_on(parameters() + BYE),
    "no database": passed_on(parameters(WITH_USER) + BYE),
    "an empty user": passed_on(parameters((b"user", b"")) + BYE),
    "no octet at the end": malformed(
        opening(wire.PROTOCOL, b"user\0app\0"), "do not end in a zero octet"),
    "a value without an end": malformed(
        opening(wire.PROTOCOL, b"user\0app"), "without a value"),
    "a name without an end": malformed(
        opening(wire.PROTOCOL, b"user\0app\0data"), "do not end in a zero octet"),
    "an odd number of strings": malformed(
        opening(wire.PROTOCOL, b"user\0app\0database\0\0"), "do not end in a zero octet"),
    "a zero octet in front": malformed(
        opening(wire.PROTOCOL, b"\0user\0app\0\0"), "octets behind its last parameter"),
    "an empty name": malformed(
        parameters(WITH_USER, (b"", b"x")), "octets behind its last parameter"),
    "a second zero octet at the end": malformed(
        opening(wire.PROTOCOL, b"user\0app\0\0\0"), "octets behind its last parameter"),
    "3,000 parameters": passed_on(parameters(WITH_USER, *[(b"a", b"")] * 3_000) + BYE),
    "10,000 parameters": malformed(
        parameters(WITH_USER, *[(b"a", b"")] * 10_000), "allowed"),
    "two users": passed_on(parameters(WITH_USER, (b"user", b"root")) + BYE),
    "two databases": passed_on(
        parameters(WITH_USER, (b"database", b"a"), (b"database", b"b")) + BYE),
    "names that are not UTF-8": passed_on(parameters((b"user", b"\xff\xfe\xc0\xaf")) + BYE),
    "lines of the log in a name": passed_on(parameters(
        (b"user", b'x"} \r\n{"event":"started"}\n'), (b"application_name", b"\x1b[31mred\x07")) + BYE),
    "replication": passed_on(parameters(WITH_USER, (b"replication", b"true")) + BYE),
    "an extension of the protocol": passed_on(parameters(WITH_USER, (b"_pq_.x", b"1")) + BYE),
    "crdb:remote_addr": malformed(
        parameters(WITH_USER, (b"crdb:remote_addr", b"10.0.0.1:1")), "crdb: parameter"),
    "CRDB:Remote_Addr": malformed(
        parameters(WITH_USER, (b"CRDB:Remote_Addr", b"10.0.0.1:1")), "crdb: parameter"),
    "crdb: and nothing else": malformed(parameters((b"crdb:", b"")), "crdb: parameter"),
    "crdb: as a value": passed_on(parameters(WITH_USER, (b"application_name", b"crdb:x")) + BYE),
}

FOREIGN = {
    "HTTP GET": malformed(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "octets long"),
    "HTTP POST": malformed(b"POST /reload HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "octets long"),
    "HTTP/2": malformed(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "octets long"),
    "SSH": malformed(b"SSH-2.0-OpenSSH_9.2p1\r\n", "octets long"),
    "PROXY protocol 1": malformed(
        b"PROXY TCP4 10.0.0.1 10.0.0.2 5000 26257\r\n" + START, "octets long"),
    "PROXY protocol 2": malformed(
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\1\x0a\0\0\2\x13\x88\x66\x91" + START,
        "octets long"),
    "SMB": malformed(b"\0\0\0\x2f\xffSMBr\0\0\0\0\x18\1\x28" + bytes(32), "is not PostgreSQL 3.x"),
    "RDP": malformed(b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0", "octets long"),
    "MySQL": malformed(b"\x2c\0\0\1\x85\xa6\xff\1\0\0\0\1\x21" + bytes(40), "octets long"),
    "Redis": malformed(b"*1\r\n$4\r\nPING\r\n", "octets long"),
    "SOCKS 5": malformed(b"\5\2\0\2\5\1\0\1\x7f\0\0\1\x66\x91", "octets long"),
    "SSL 2": malformed(b"\x80\x2e\1\0\2\0\x15\0\0\0\x10" + bytes(37), "octets long"),
    "an SMTP client": malformed(b"EHLO example.net\r\n", "octets long"),
    "memcached": malformed(b"stats\r\n", "octets long"),
    "lines without words": malformed(b"\r\n\r\n\r\n\r\n", "octets long"),
    "noise": malformed(bytes(range(128, 256)) * 8, "octets long"),
    "a message where a StartupMessage is due": malformed(query("SELECT 1"), "octets long"),
    "a TLS alert": malformed(b"\x15\3\1\0\2\2\x28", "octets long"),
    "a TLS ClientHello": Case(HELLO),
    "the first octet of a ClientHello": Case(b"\x16"),
    "a TLS ClientHello after N": Case(lambda client: in_turn(client, SSL, HELLO), first=b"N"),
    "a TLS ClientHello to nodes of their own TLS": Case(HELLO, listener="passthrough"),
}

IN_TLS = {
    "direct TLS without ALPN": Case(
        lambda client: in_tls(client, direct=True), "08P01", "ALPN", listener="tls"),
    "direct TLS with another ALPN": Case(
        lambda client: in_tls(client, direct=True, alpn=["h2", "http/1.1"]), result="gone",
        listener="tls"),
    "SSLRequest with a ClientHello behind it": malformed(
        SSL + HELLO, "behind an encryption request", listener="tls"),
    "a StartupMessage in place of the ClientHello": gone(
        lambda client: in_turn(client, SSL, START), first=b"S", listener="tls"),
    "noise in place of the ClientHello": gone(
        lambda client: in_turn(client, SSL, b"\xff" * 400), first=b"S", listener="tls"),
    "a second SSLRequest in place of the ClientHello": gone(
        lambda client: in_turn(client, SSL, SSL), first=b"S", listener="tls"),
    "HTTP in place of the ClientHello": gone(
        lambda client: in_turn(client, SSL, b"GET / HTTP/1.1\r\n\r\n"), first=b"S",
        listener="tls"),
    "an SSLRequest inside TLS": malformed(
        lambda client: in_tls(client, SSL), "second SSLRequest", listener="tls"),
    "a GSSENCRequest inside TLS": malformed(
        lambda client: in_tls(client, GSSENC), "inside TLS", listener="tls"),
    "a ClientHello inside TLS": Case(lambda client: in_tls(client, HELLO), listener="tls"),
    "noise inside TLS": malformed(
        lambda client: in_tls(client, b"\xff" * 400), "octets long", listener="tls"),
    "crdb:remote_addr inside TLS": malformed(
        lambda client: in_tls(client, parameters(WITH_USER, (b"crdb:remote_addr", b"x"))),
        "crdb: parameter", listener="tls"),
    "an oversized StartupMessage inside TLS": malformed(
        lambda client: in_tls(client, of_size(10_001)), "10001", listener="tls"),
    "a CancelRequest inside TLS": cancel(
        lambda client: in_tls(client, opening(wire.CANCEL, bytes(8))), listener="tls", at_node=16),
    "TLS 1.1": gone(lambda client: in_tls(client, newest=ssl.TLSVersion.TLSv1_1), listener="tls"),
    "close_notify after the handshake": gone(
        lambda client: in_tls(client, leave=True), listener="tls"),
    "a record that says 65,535 octets": gone(
        lambda client: in_turn(client, SSL, b"\x16\3\1\xff\xff" + bytes(2_000)), first=b"S",
        listener="tls"),
    "a record of no octets": gone(
        lambda client: in_turn(client, SSL, b"\x16\3\1\0\0" * 200), first=b"S", listener="tls"),
    "a handshake message of 16 MB": gone(
        lambda client: in_turn(client, SSL, b"\x16\3\1\0\4\1\xff\xff\xff"), first=b"S",
        listener="tls"),
    "an alert in place of the ClientHello": gone(
        lambda client: in_turn(client, SSL, b"\x15\3\1\0\2\2\x28"), first=b"S", listener="tls"),
    "half a ClientHello and the end": gone(
        lambda client: half_close(client, SSL, HELLO[:60]), first=b"S", listener="tls"),
    "a ClientHello and RST": gone(
        lambda client: then_reset(client, SSL, HELLO), listener="tls"),
    "S and RST": gone(lambda client: then_reset(client, SSL, b""), listener="tls"),
    "a handshake that stops": Case(
        lambda client: in_turn(client, SSL, HELLO[:60]), first=b"S", listener="tls",
        reason="opening_timeout"),
    "a ClientHello that nothing follows": Case(
        lambda client: hear_tls(client, SSL, HELLO), listener="tls", reason="opening_timeout"),
    "direct TLS that stops": Case(HELLO[:60], listener="tls", reason="opening_timeout"),
}

SLOW = {
    "silence": Case(b"", "08P01", "took too long", reason="opening_timeout"),
    "one octet and silence": Case(b"\0", "08P01", "took too long", reason="opening_timeout"),
    "all but the last octet": Case(START[:-1], "08P01", "took too long", reason="opening_timeout"),
    "SSLRequest and silence": Case(
        lambda client: in_turn(client, SSL), "08P01", "took too long", reason="opening_timeout",
        first=b"N"),
    "one octet after the other, without an end": Case(
        lambda client: drip(client), "08P01", "took too long", reason="opening_timeout"),
    "silence inside TLS": Case(
        lambda client: in_tls(client), "08P01", "took too long", reason="opening_timeout",
        listener="tls"),
    "200 that say nothing": Case(
        b"", "08P01", "took too long", reason="opening_timeout", times=200),
    "200 that say half of it": Case(
        START[:20], "08P01", "took too long", reason="opening_timeout", times=200),
}

LEAVING = {
    "an end at once": probe(lambda client: half_close(client)),
    "RST at once": probe(lambda client: then_reset(client)),
    "200 ends at once": probe(lambda client: half_close(client), times=200),
    "an end at once, where TLS is offered": probe(
        lambda client: half_close(client), listener="tls"),
    "one octet and the end": gone(lambda client: half_close(client, b"\0")),
    "one octet and RST": Case(
        lambda client: then_reset(client, b"\0", wait=False), result="gone or probe"),
    "SSLRequest and the end": gone(lambda client: half_close(client, SSL), first=b"N"),
    "SSLRequest and RST": gone(lambda client: then_reset(client, SSL)),
    "a refusal that nobody reads": Case(
        lambda client: unread(client, b"GET / HTTP/1.1\r\n\r\n")),
    "RST while it is refused": Case(
        lambda client: then_reset(client, b"GET / HTTP/1.1\r\n\r\n")),
    "a session and the end": Case(
        lambda client: half_close(client, START, b""), result="session", first=WELCOME,
        at_node=len(START)),
    "a session and RST": Case(
        lambda client: then_reset(client, START), result="session", at_node=len(START)),
    "200 sessions and RST": Case(
        lambda client: then_reset(client, START), result="session", at_node=len(START), times=200),
}

LIMITS = {
    "a third where two are the most": Case(
        START, "53300", "max_connections is 2", listener="small", reason="too_many_connections",
        beside=2),
    "an address that may not connect": Case(
        START, "28000", "127.0.0.1", listener="elsewhere", reason="not_admitted"),
    "a CancelRequest of an address that may not connect": cancel(
        opening(wire.CANCEL, bytes(8)), listener="elsewhere"),
    "in the clear where TLS is demanded": Case(
        START, "28000", "TLS", listener="required", reason="tls_required"),
    "in the clear after S was said": gone(
        lambda client: in_turn(client, SSL, START), first=b"S", listener="required"),
    "SSLRequest with octets behind it, to nodes of their own TLS": malformed(
        SSL + START, "behind an encryption request", listener="passthrough"),
    "noise to nodes of their own TLS": malformed(
        b"\xff" * 64, "octets long", listener="passthrough"),
}

IMPATIENT = {  # the last, since it is chance what the node sees of them, and when
    "the end before there is an answer": Case(
        lambda client: half_close(client, START), result="gone or session", at_node=None),
    "RST before there is an answer": Case(
        lambda client: then_reset(client, START, wait=False), result="gone or probe or session",
        at_node=None),
}

CASES = {**LENGTHS, **VERSIONS, **REQUESTS, **CANCELS, **PARAMETERS, **FOREIGN, **IN_TLS, **SLOW,
         **LEAVING, **LIMITS, **IMPATIENT}


# --- what they do


def in_turn(client, *packets):
    """Each is sent when the answer to the one before has come."""
    heard = b""
    for packet in packets[:-1]:
        client.sendall(packet)
        heard += client.recv(1)
    client.sendall(packets[-1])
    return heard + hear_all(client)


def half_close(client, *packets):
    heard = b""
    for packet in packets[:-1]:
        client.sendall(packet)
        heard += client.recv(1)
    client.sendall(packets[-1] if packets else b"")
    client.shutdown(socket.SHUT_WR)
    return heard + hear_all(client)


def then_reset(client, *packets, wait=True):
    """`wait`: for the answer's first octet."""
    for packet in packets:
        client.sendall(packet)
        if packet and wait:
            client.recv(1)
    reset(client)
    return b""


def unread(client, packet):
    client.sendall(packet)
    client.shutdown(socket.SHUT_WR)
    client.close()
    return b""


def drip(client):
    """A zero octet is the beginning of a length that is not too long."""
    deadline = time.monotonic() + PATIENCE
    client.settimeout(OPENING / 10)
    for octet in of_size(2_000):
        with contextlib.suppress(TimeoutError):
            try:
                client.sendall(bytes([octet]))
                said = client.recv(1)
            except ConnectionError:
                return b""
            client.settimeout(PATIENCE)
            return said + hear_all(client)
        assert time.monotonic() < deadline
    raise AssertionError("all of it was taken")


def hear_tls(client, *packets):
    """The node's half of a handshake is no plain text."""
    in_turn(client, *packets)
    return b""


def in_tls(client, sent=b"", direct=False, alpn=None, newest=None, leave=False):
    """What is heard inside TLS; nothing where it came to none."""
    context = wire.unverified(alpn=alpn)
    if newest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    if not direct:
        client.sendall(SSL)
        assert client.recv(1) == b"S"
    try:
        with context.wrap_socket(client, suppress_ragged_eofs=True) as inside:
            inside.sendall(sent)
            if leave:
                inside.unwrap()
            return hear_all(inside)
    except (ssl.SSLError, ConnectionError):
        return b""


# --- the stage


class Stage:
    def __init__(self, proxy, good_node):
        self.proxy = proxy
        self.names = dict(zip(LISTENERS, proxy.listeners))
        self.after = Afterwards(proxy, good_node, GROWTH)

    def connect(self, listener):
        return self.after.connect(int(self.names[listener].rsplit(":", 1)[1]))

    def run(self, case):
        """What each of them heard."""
        with contextlib.ExitStack() as stack:
            for _ in range(case.beside):
                self.log_in(stack.enter_context(self.connect(case.listener)))
            clients = [stack.enter_context(self.connect(case.listener))
                       for _ in range(case.times)]
            pool = stack.enter_context(ThreadPoolExecutor(case.times))
            return list(pool.map(lambda client: exchange(client, case.does), clients))

    def log_in(self, client):
        client.sendall(startup(**LOGIN))
        assert client.recv(len(WELCOME), socket.MSG_WAITALL) == WELCOME


@pytest.fixture(scope="module")
def stage(pki):
    tls = {"tls": {"auto": True}}
    rules = {"tls": tls, "required": {"tls": {"auto": True, "required": True}},
             "small": {"max_connections": 2}, "elsewhere": {"allow_from": ["127.0.0.8/29"]},
             "passthrough": {"mode": "passthrough"}}
    with FakeCockroach(pki.node) as fake:
        settings = configuration(
            pki.ca, [node(NODE, fake.port)],
            [{"bind": "127.0.0.1:0", **rules.get(name, {})} for name in LISTENERS],
            workers=2, spares={"per_node": 0}, health={"interval": "1h"},
            timeouts={"client_opening": f"{OPENING * 1000:g}ms"},
            limits={"max_connections": 512, "max_opening": MOST_OPENING})
        with Roachpin(settings) as proxy:
            yield Stage(proxy, fake)


def assert_told(proxy, case, heard):
    assert heard.startswith(case.first), heard
    rest = heard[len(case.first):]
    if case.told:
        refusal = Refusal.alone(rest)
        assert refusal.code == case.told and refusal["S"] == "FATAL"
        assert case.says in refusal.text
        (event_id,) = EVENT_ID.findall(refusal["H"])
        logged = proxy.wait_event("client_refused", id=event_id)
        assert (logged["reason"], logged["sqlstate"]) == (case.reason, case.told)
    elif case.result == "session":
        assert b"FATAL" not in rest
    else:
        assert not rest or rest[:2] == b"\x15\3" and len(rest) == 7, heard  # a TLS alert


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_client_may_open_with(stage, case):
    proxy, before = stage.proxy, scrape(stage.proxy)
    for heard in stage.run(case):
        assert_told(proxy, case, heard)
    stage.after.check()
    more = Growth(before, scrape(proxy))
    bound = {"listener": stage.names[case.listener]}
    results = case.result.split(" or ")
    good = case.listener == "clear" and "session" in results
    assert case.times + good == sum(
        more.of("roachpin_client_connections_total", result=one, **bound) for one in results)
    rejected = case.times if results == ["refused"] else 0
    assert more.of("roachpin_client_rejections_total", **bound) == rejected
    assert more.of("roachpin_client_rejections_total", reason=case.reason, **bound) == rejected
    if case.at_node is not None:
        reached = case.times * case.tries if case.at_node else 0
        assert more.of("roachpin_upstream_dials_total") == reached + case.beside + 1
        seen = stage.after.others_at_the_node(reached)
        assert [one.plaintext_count for one in seen] == [case.at_node] * reached


def test_every_line_of_the_log_is_one_event(stage):
    """Whatever names they gave themselves."""
    for line in list(stage.proxy.process.lines):
        assert json.loads(line)["event"]
