"""Over a hundred ways to answer at a node's address that no node of ours has, against one proxy. Who
was not proved gets no octet of a StartupMessage, the client is told why as long as there is no other
node, and is served as soon as there is one; then nothing is left of it."""

import contextlib
import functools
import re
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness.afterwards import Afterwards, Growth
from harness.certificates import NODE, Rogues
from harness.fake_cockroach import FakeCockroach
from harness.hostile_node import SSL_REQUEST, Flight, HostileNode, server_context
from harness.issuing import dns, new_root
from harness.metrics import scrape
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import PATIENCE, until
from harness.wire import Refusal, message, query, startup

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::cryptography.utils.CryptographyDeprecationWarning")

EVENT_ID = re.compile(r"\bevent ([0-9a-f]{16})\b")
GOOD, BY_ADDRESS, PINNED = "good.crdb.internal", "127.0.0.1", "pinned.crdb.internal"
DIAL = 0.5
GROWTH = 8 << 20
START = startup(user="sentinel", database="sentinel", application_name="sentinel")
V1_1, V1_2, V1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

AUTH_OK = message(b"R", bytes(4))
READY = message(b"Z", b"I")
LOGGED_IN = AUTH_OK + message(b"S", b"server_version\0" b"13.0\0") + READY


def error(code, text=b"no"):
    return message(b"E", b"SFATAL\0VFATAL\0C" + code + b"\0M" + text + b"\0\0")


@dataclass(frozen=True)
class Case:
    plays: Callable
    """Called with the visit and the stage."""
    told: str
    """The SQLSTATE that a client gets as long as there is no other node; empty: it gets a session,
    with whatever this node says."""
    phase: str = ""
    reason: str = ""
    says: str = ""
    """Words of the refusal."""
    at: str = NODE
    """The node at whose address it is."""
    hears: bytes = b""
    """Of a session: all that the client hears, or its beginning where `leaves`."""
    leaves: bool = False
    """Of a session: the client ends it, when it has heard that."""
    asks: bytes = b""
    """Of a session: what the client says, when it has heard that."""
    then: str = ""
    """Of a session: the SQLSTATE of what the client hears at its end."""


def hostile(plays, phase, reason, says="", **more):
    return Case(plays, "08004", phase, reason, says, **more)


def down(plays, phase, reason, says="", **more):
    return Case(plays, "08001", phase, reason, says, **more)


def answers(octets):
    """To the SSLRequest."""
    def plays(visit, stage):
        visit.read_request()
        visit.send(octets)
    return plays


def shows(certificate, **options):
    """A whole handshake, as far as it is let."""
    return lambda visit, stage: visit.start_tls(stage.context(certificate, **options))


def untrusted(certificate, says="ca_file", reason="untrusted_chain", **more):
    return hostile(shows(certificate), "tls", reason, says, **more)


def misnamed(certificate, says="SANs", **more):
    return untrusted(certificate, says, "wrong_name", **more)


def session(hears, plays, **more):
    """A node that was proved, and says after the StartupMessage what it says."""
    def whole(visit, stage):
        visit.start_session(stage.context("node"))
        plays(visit)
    return Case(whole, "", hears=hears, **more)


def welcomed(context):
    """A node that is proved with the TLS context of the stage that `context` names."""
    def whole(visit, stage):
        visit.start_session(context(stage))
        visit.send(LOGGED_IN)
    return Case(whole, "", hears=LOGGED_IN, leaves=True)


def proved(plays, reason, says="", told="08001", newest=None):
    """A node that was proved, and gives no session."""
    def whole(visit, stage):
        visit.start_session(stage.context("node", newest=newest))
        plays(visit)
    return Case(whole, told, "startup", reason, says)


def flight(bend, newest=None, second=False):
    """The server's first (or second) half of a handshake, changed by `bend`."""
    def plays(visit, stage):
        visit.agree()
        server = Flight(stage.context("node", newest=newest), visit)
        octets = server.next()
        if second:
            visit.send(octets)
            octets = server.next()
        bent = bend(octets)
        visit.send(bent if isinstance(bent, bytes) else bent[0])
        if not isinstance(bent, bytes):
            bent[1](visit)
    return plays


def records(kind, body, number=1, version=b"\3\3"):
    return (bytes([kind]) + version + struct.pack("!H", len(body)) + body) * number


def raw(octets):
    """In place of the ServerHello."""
    def plays(visit, stage):
        visit.agree()
        visit.sock.recv(65536)  # the ClientHello
        visit.send(octets)
    return plays


def flipped(octets, at):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1:]


def leave(visit):
    visit.sock.shutdown(socket.SHUT_RDWR)


def at_once(visit, octets):
    """And close_notify, in one segment; the socket is not closed."""
    visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    visit.send(octets)
    visit.sock.settimeout(0)
    with contextlib.suppress(ssl.SSLWantReadError):
        visit.sock.unwrap()
    visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    visit.sock.settimeout(PATIENCE)
    visit.wait_for_the_end()


def drip(visit, octets=b"\0" * 10_000):
    for octet in octets:
        visit.send(bytes([octet]))
        time.sleep(DIAL / 20)  # the pace of a slow sender, until nobody listens any more


BEFORE_TLS = {
    "N": hostile(answers(b"N"), "sslrequest", "tls_declined", "never falls back"),
    "N and a session in the clear": hostile(
        answers(b"N" + LOGGED_IN), "sslrequest", "tls_declined"),
    "a session in the clear": hostile(answers(LOGGED_IN), "sslrequest", "not_postgres"),
    "n": hostile(answers(b"n"), "sslrequest", "not_postgres"),
    "s": hostile(answers(b"s"), "sslrequest", "not_postgres"),
    "G": hostile(answers(b"G"), "sslrequest", "not_postgres"),
    "a zero octet": hostile(answers(b"\0"), "sslrequest", "not_postgres", "\\x00"),
    "E": hostile(answers(b"E"), "sslrequest", "error_answer"),
    "an ErrorResponse that it is draining": hostile(
        answers(error(b"57P01")), "sslrequest", "error_answer"),
    "an ErrorResponse with codes for a terminal": hostile(
        answers(error(b"\x1b[2J\x07")), "sslrequest", "error_answer"),
    "S and AuthenticationOk behind it": hostile(
        answers(b"S" + AUTH_OK), "sslrequest", "stuffed", "9 more octets"),
    "S twice": hostile(answers(b"SS"), "sslrequest", "stuffed", "1 more octets"),
    "S and N": hostile(answers(b"SN"), "sslrequest", "stuffed"),
    "S and a TLS record behind it": hostile(
        answers(b"S" + records(22, bytes(100))), "sslrequest", "stuffed"),
    "the SSLRequest itself": hostile(answers(SSL_REQUEST), "sslrequest", "not_postgres"),
    "a StartupMessage": hostile(answers(START), "sslrequest", "not_postgres"),
    "HTTP": hostile(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "sslrequest", "not_postgres",
                    "HTTP/1.1"),
    "SSH": hostile(answers(b"SSH-2.0-OpenSSH_9.2\r\n"), "sslrequest", "stuffed"),
    "a TLS ServerHello": hostile(
        answers(records(22, bytes(100))), "sslrequest", "not_postgres"),
    "1 MB of noise": hostile(answers(b"\xfe" * (1 << 20)), "sslrequest", "not_postgres"),
    "nothing": down(lambda visit, stage: visit.read_request(), "sslrequest", "timeout"),
    "nothing, and it hangs up": down(
        lambda visit, stage: (visit.read_request(), leave(visit)), "sslrequest", "closed"),
    "nothing, and its half is ended": down(
        lambda visit, stage: (visit.read_request(), visit.sock.shutdown(socket.SHUT_WR)),
        "sslrequest", "closed"),
    "nothing, and RST": down(
        lambda visit, stage: (visit.read_request(), visit.reset()), "sslrequest", "reset"),
    "S and nothing": down(answers(b"S"), "tls", "timeout", "handshake"),
    "S, and it hangs up": down(
        lambda visit, stage: (visit.agree(), leave(visit)), "tls", "closed"),
    "S and RST": down(
        lambda visit, stage: (visit.agree(), visit.sock.recv(1), visit.reset()), "tls", "reset"),
    "S that comes too late": down(
        lambda visit, stage: (visit.read_request(), visit.read(), visit.send(b"S")),
        "sslrequest", "timeout"),
}

CERTIFICATES = {
    "self-signed": untrusted("self-signed", "self-signed"),
    "another CA of the same name": untrusted("other-ca-node"),
    "a public-looking CA's": untrusted("foreign"),
    "the root itself": untrusted("root", "serverAuth", "wrong_purpose"),
    "expired": untrusted("expired", "expired", "expired"),
    "not yet valid": untrusted("not-yet-valid", "not yet valid", "not_yet_valid"),
    "over before it began": untrusted("backwards", "valid now", "expired"),
    "revoked": untrusted("revoked", "crl_file", "revoked"),
    "revoked by the other root": untrusted("revoked-too", "crl_file", "revoked"),
    "an intermediate without a CRL": untrusted("no-crl", "CRL", "crl_unusable"),
    "another name": misnamed("wrong-name", "elsewhere.example.net"),
    "the name in the CN alone": misnamed("name-only-in-cn", "CN"),
    "no SAN at all": misnamed("no-san", "CN"),
    "the name in a URI and an e-mail address": misnamed("uri"),
    "the name and a zero octet": misnamed("nul", "\\x00"),
    "the name and a dot": misnamed("dot"),
    "a part of the name": misnamed("part"),
    "the name's parent": misnamed("parent"),
    "a wildcard alone": misnamed("star"),
    "a wildcard for two labels": misnamed("two-labels"),
    "a wildcard in the middle": misnamed("middle"),
    "a wildcard in a label": misnamed("partial-wildcard"),
    "a wildcard in the last label": misnamed("last-label"),
    "two wildcards": misnamed("two-stars"),
    "2,000 other names": misnamed("others"),
    "an address in a dNSName": misnamed("ip-in-dnsname", at=BY_ADDRESS),
    "an address in the CN": misnamed("ip-in-cn", at=BY_ADDRESS),
    "another address": misnamed("wrong-name", "192.0.2.1", at=BY_ADDRESS),
    "an address in IPv6": misnamed("mapped", at=BY_ADDRESS),
    "a client's": untrusted("client-only-eku", "serverAuth", "wrong_purpose"),
    "any usage": untrusted("any-eku", "serverAuth", "wrong_purpose"),
    "no usage": untrusted("no-eku", "serverAuth", "wrong_purpose"),
    "an authority's": untrusted("leaf-is-ca", "may sign", "leaf_is_ca"),
    "an authority's for one more": untrusted("leaf-is-ca-too", "may sign", "leaf_is_ca"),
    "a key of 1024 bits": untrusted("weak-rsa-1024", "too weak", "weak"),
    "a curve of 192 bits": untrusted("weak-curve", "handshake failure", "tls_alert"),
    "a signature with SHA-1": untrusted("sha1-signed", "too weak", "weak"),
    "a signature with MD5": untrusted("md5-signed", "too weak", "weak"),
    "an unknown critical extension": untrusted("critical", "ca_file", "verification_failed"),
    "a name that its authority may not sign": untrusted(
        "constrained", "ca_file", "verification_failed"),
    "an intermediate left out": untrusted("intermediate-missing", "issuer"),
    "an intermediate that is no authority": untrusted("below-a-leaf"),
    "an intermediate below one that may have none": untrusted("too-deep"),
    "an expired intermediate": untrusted("old-intermediate", "expired", "expired"),
    "120 intermediates": untrusted("long-chain"),
    "more than 100 kB of them": hostile(
        shows("huge"), "tls", "verification_failed", "excessive message size"),
    "the leaf not first": untrusted("leaf-last", "serverAuth", "wrong_purpose"),
    "a key that is not the pinned one": untrusted("pinned", "a key of", "pin_mismatch", at=PINNED),
}

HANDSHAKES = {
    "TLS 1.0": hostile(
        shows("rsa", newest=ssl.TLSVersion.TLSv1), "tls", "tls_version", "TLS 1.2"),
    "TLS 1.1": hostile(shows("rsa", newest=V1_1), "tls", "tls_version", "TLS 1.2"),
    "ciphers that encrypt nothing": hostile(
        shows("rsa", newest=V1_2, ciphers="eNULL"), "tls", "tls_alert"),
    "ciphers without certificates": hostile(
        shows(None, newest=V1_2, ciphers="aNULL"), "tls", "tls_alert"),
    "Diffie-Hellman with 1024 bits": hostile(
        lambda visit, stage: visit.start_tls(stage.with_weak_group()), "tls", "weak"),
    "noise": hostile(raw(b"\xff" * 400), "tls", "not_tls"),
    "HTTP": hostile(raw(b"HTTP/1.1 200 OK\r\n\r\n"), "tls", "not_tls"),
    "a session in the clear": hostile(raw(LOGGED_IN), "tls", "not_tls"),
    "its own ClientHello": hostile(
        lambda visit, stage: (visit.agree(), visit.send(visit.sock.recv(65536))),
        "tls", "not_tls"),
    "a record that says 65,535 octets": hostile(
        raw(b"\x16\3\3\xff\xff" + bytes(20_000)), "tls", "not_tls"),
    "a record of 16,641 octets": hostile(raw(records(22, bytes(16_641))), "tls", "not_tls"),
    "a handshake message of 16 MB": hostile(
        raw(records(22, b"\2\xff\xff\xff" + bytes(100))), "tls", "verification_failed"),
    "a record of another version": hostile(
        raw(records(22, bytes(100), version=b"\x09\x09")), "tls", "not_tls"),
    "a record of another kind": hostile(raw(records(99, bytes(100))), "tls", "not_tls"),
    "application data first": hostile(raw(records(23, LOGGED_IN)), "tls", "not_tls"),
    "1,000 empty records": hostile(raw(records(22, b"", 1_000)), "tls", "not_tls"),
    "1,000 warnings": hostile(
        raw(records(21, b"\1\x5a", 1_000)), "tls", "verification_failed"),
    "1,000 ChangeCipherSpecs": hostile(raw(records(20, b"\1", 1_000)), "tls", "not_tls"),
    "an alert of no known kind": hostile(raw(records(21, b"\3\xff")), "tls", "not_tls"),
    "an alert of one octet": hostile(raw(records(21, b"\2")), "tls", "not_tls"),
    "handshake_failure": hostile(raw(records(21, b"\2\x28")), "tls", "tls_alert"),
    "unrecognized_name": hostile(raw(records(21, b"\2\x70")), "tls", "tls_alert"),
    "close_notify": down(raw(records(21, b"\1\0")), "tls", "closed"),
    "three octets and the end": down(
        flight(lambda octets: (octets[:3], leave)), "tls", "closed"),
    "a record's head and the end": down(
        flight(lambda octets: (octets[:5], leave)), "tls", "closed"),
    "half a ServerHello and the end": down(
        flight(lambda octets: (octets[:60], leave)), "tls", "closed"),
    "half the flight and the end": down(
        flight(lambda octets: (octets[:len(octets) // 2], leave)), "tls", "closed"),
    "all but the last octet and the end": down(
        flight(lambda octets: (octets[:-1], leave)), "tls", "closed"),
    "all but the last octet and silence": down(
        flight(lambda octets: octets[:-1]), "tls", "timeout"),
    "half the flight and RST": down(
        flight(lambda octets: (octets[:len(octets) // 2], lambda visit: visit.reset())),
        "tls", "reset"),
    "half of TLS 1.2's flight and the end": down(
        flight(lambda octets: (octets[:len(octets) // 2], leave), V1_2), "tls", "closed"),
    "half of TLS 1.2's second flight and the end": down(
        flight(lambda octets: (octets[:len(octets) // 2], leave), V1_2, True), "tls", "closed"),
    "silence in place of TLS 1.2's second flight": down(
        flight(lambda octets: b"", V1_2, True), "tls", "timeout"),
    "one octet after the other, too slowly": down(
        flight(lambda octets: (b"", lambda visit: drip(visit, octets))), "tls", "timeout"),
    "a bit of the certificate is another": hostile(
        flight(lambda octets: flipped(octets, 400), V1_2), "tls", "untrusted_chain"),
    "a bit of the key exchange is another": hostile(
        flight(lambda octets: flipped(octets, -30), V1_2), "tls", "verification_failed"),
    "a bit of TLS 1.3's flight is another": hostile(
        flight(lambda octets: flipped(octets, -30), V1_3), "tls", "verification_failed"),
    "a bit of TLS 1.2's Finished is another": hostile(
        flight(lambda octets: flipped(octets, -3), V1_2, True), "tls", "verification_failed"),
    "the whole flight twice": hostile(
        flight(lambda octets: octets + octets, V1_2), "tls", "not_tls"),
    "noise behind the flight": hostile(
        flight(lambda octets: octets + b"\xff" * 100, V1_2), "tls", "not_tls"),
}

PROVED = {
    "close_notify": proved(lambda visit: visit.close_notify(), "closed", "without an answer"),
    "the end without close_notify": proved(leave, "closed", "without an answer"),
    "RST": proved(lambda visit: visit.reset(), "closed", "without an answer"),
    "silence": proved(lambda visit: None, "timeout", "did not answer"),
    "half an error and the end": proved(
        lambda visit: (visit.send(error(b"57P01")[:20]), leave(visit)), "closed"),
    "half an error and silence": proved(
        lambda visit: visit.send(error(b"57P01")[:20]), "timeout"),
    "it is draining": proved(
        lambda visit: visit.send(error(b"57P01")), "57P01", told="57P01"),
    "it is full": proved(lambda visit: visit.send(error(b"53300")), "53300", told="53300"),
    "it is starting": proved(lambda visit: visit.send(error(b"57P03")), "57P03", told="57P03"),
    "it demands a certificate": Case(
        lambda visit, stage: visit.start_session(stage.demanding()), "08001", "startup", "closed",
        "certificate"),
}

LONG = error(b"57P01", b"x" * (1 << 20))
SESSIONS = {
    "noise": session(b"\xff" * 64, lambda visit: (visit.send(b"\xff" * 64), leave(visit))),
    "HTTP": session(b"HTTP/1.1 200 OK\r\n\r\n",
                    lambda visit: (visit.send(b"HTTP/1.1 200 OK\r\n\r\n"), leave(visit))),
    "an unknown message": session(
        message(b"\x7f", b"?"), lambda visit: visit.send(message(b"\x7f", b"?")), leaves=True),
    "a message of length 0": session(
        b"R\0\0\0\0", lambda visit: (visit.send(b"R\0\0\0\0"), leave(visit))),
    "a message of length 3": session(
        b"R\0\0\0\3", lambda visit: (visit.send(b"R\0\0\0\3"), leave(visit))),
    "a message of length -1": session(
        b"R\xff\xff\xff\xff", lambda visit: (visit.send(b"R\xff\xff\xff\xff"), leave(visit))),
    "an error of length 0": session(
        b"E\0\0\0\0", lambda visit: (visit.send(b"E\0\0\0\0"), leave(visit))),
    "an error of length 2 GB": session(
        b"E\x7f\xff\xff\xff" + bytes(1_000),
        lambda visit: (visit.send(b"E\x7f\xff\xff\xff" + bytes(1_000)), leave(visit))),
    "an error of 1 MB": session(LONG, lambda visit: (visit.send(LONG), visit.close_notify())),
    "an error without fields": session(
        message(b"E", b"\0"), lambda visit: (visit.send(message(b"E", b"\0")), leave(visit))),
    "an error with a code that is none": session(
        error(b"57p01!"), lambda visit: (visit.send(error(b"57p01!")), leave(visit))),
    "an error without an end": session(
        message(b"E", b"SFATAL"), lambda visit: (visit.send(message(b"E", b"SFATAL")),
                                                 leave(visit))),
    "NegotiateProtocolVersion that nobody asked for": session(
        message(b"v", struct.pack("!II", 3, 1) + b"_pq_.x\0") + LOGGED_IN,
        lambda visit: visit.send(message(b"v", struct.pack("!II", 3, 1) + b"_pq_.x\0")
                                 + LOGGED_IN), leaves=True),
    "16 MB of ParameterStatus": session(
        AUTH_OK + message(b"S", b"a\0b\0") * (1 << 20),
        lambda visit: visit.send(AUTH_OK + message(b"S", b"a\0b\0") * (2 << 20)), leaves=True),
    "100,000 cancel keys": session(
        AUTH_OK + message(b"K", bytes(8)) * 100_000,
        lambda visit: visit.send(AUTH_OK + message(b"K", bytes(8)) * 100_000), leaves=True),
    "a cancel key of 1 MB": session(
        AUTH_OK + message(b"K", bytes(1 << 20)) + READY,
        lambda visit: visit.send(AUTH_OK + message(b"K", bytes(1 << 20)) + READY), leaves=True),
    "the end within a message": session(
        LOGGED_IN + b"T\0\0\1\0abc",
        lambda visit: (visit.send(LOGGED_IN + b"T\0\0\1\0abc"), leave(visit))),
    "the end between messages": session(
        LOGGED_IN, lambda visit: (visit.send(LOGGED_IN), visit.close_notify()), then="08006"),
    "the end without close_notify": session(
        LOGGED_IN, lambda visit: (visit.send(LOGGED_IN), leave(visit)), then="08006"),
    "RST in place of an answer": session(
        LOGGED_IN, lambda visit: (visit.send(LOGGED_IN), visit.read(), visit.reset()),
        asks=query("SELECT 1"), then="08006"),
    "an error and close_notify at once, and it stays": session(
        LOGGED_IN, lambda visit: (visit.send(LOGGED_IN), visit.read(),
                                  at_once(visit, error(b"57P05"))),
        asks=query("SELECT 1"), then="57P05"),
    "200 session tickets": welcomed(lambda stage: stage.with_tickets(200)),
    "a name in capitals": welcomed(lambda stage: stage.context("capitals")),
    "the right name after 1,000 others": welcomed(lambda stage: stage.context("the-last-name")),
    "the chain in another order": welcomed(lambda stage: stage.context("shuffled")),
    "a chain with 30 strangers": welcomed(lambda stage: stage.context("strangers")),
}

# RFC 2409 section 6.2
OAKLEY_2 = dh.DHParameterNumbers(int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF", 16), 2)

FAMILIES = {"before TLS": BEFORE_TLS, "certificate": CERTIFICATES, "handshake": HANDSHAKES,
            "proved": PROVED, "session": SESSIONS}
CASES = {f"{family}: {name}": case for family, cases in FAMILIES.items()
         for name, case in cases.items()}


# --- the stage


def odd_certificates(directory, ours):
    """Those that make_certs does not have, signed by `ours`; and the CRLs that they ask for."""
    issued, lists = {}, []

    def below(name, **odd):
        """An authority below ours, with a revocation list."""
        made = ours.issue(name, authority=odd.pop("authority", -1), **odd)
        if made.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            lists.append(made.revoke())
        return made

    def long_chain(length):
        made = ours
        for number in range(length):
            made = made.issue(f"step {number}", authority=-1)
        return made

    key_of_rsa = rsa.generate_private_key(65537, 2048)
    weak_curve = ec.generate_private_key(ec.SECP192R1())
    many = dns(*(f"node-{number}.crdb.internal" for number in range(2_000)))
    foreign = new_root("Somebody's Public CA")
    issued["node"] = ours.issue(sans=[*dns(NODE), x509.IPAddress(ip_address("127.0.0.1"))])
    issued["rsa"] = ours.issue(key=key_of_rsa)
    issued["good"] = ours.issue(sans=dns(GOOD))
    issued["pinned"] = ours.issue(sans=dns(PINNED))
    issued["capitals"] = ours.issue(sans=dns(NODE.upper()))
    issued["foreign"] = foreign.issue()
    issued["root"] = ours
    issued["backwards"] = ours.issue(days=(-1, -1))
    issued["revoked-too"] = ours.issue()
    issued["no-crl"] = ours.issue("No CRL", authority=-1).issue()
    issued["no-san"] = ours.issue(NODE, sans=[])
    issued["uri"] = ours.issue(sans=[
        x509.UniformResourceIdentifier(f"postgres://{NODE}"), x509.RFC822Name(f"root@{NODE}")])
    issued["nul"] = ours.issue(sans=dns(f"{NODE}\0.attacker.example"))
    issued["mapped"] = ours.issue(sans=[x509.IPAddress(ip_address("::ffff:127.0.0.1"))])
    for name, wrong in {"dot": NODE + ".", "part": NODE[:-1], "parent": "crdb.internal",
                        "star": "*", "two-labels": "*.internal", "middle": "crdb-0.*.internal",
                        "last-label": "crdb-0.crdb.*", "two-stars": "*.*.internal"}.items():
        issued[name] = ours.issue(sans=dns(wrong))
    issued["others"] = ours.issue(sans=many)
    issued["the-last-name"] = ours.issue(sans=many[:1_000] + dns(NODE))
    issued["leaf-is-ca-too"] = ours.issue(
        authority=0, sans=dns(NODE), more=[(x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH]), False)])
    issued["weak-curve"] = ours.issue(key=weak_curve)
    issued["critical"] = ours.issue(more=[(x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0"), True)])
    issued["constrained"] = below("Elsewhere", more=[(x509.NameConstraints(
        dns("elsewhere.example"), None), True)]).issue()
    issued["below-a-leaf"] = ours.issue("a leaf", sans=[]).issue()
    lowest = below("Lowest", authority=0)
    deeper = lowest.issue("Deeper", authority=0)
    lists.append(deeper.revoke())
    issued["too-deep"] = deeper.issue()
    issued["old-intermediate"] = below("Old", days=(-9, -2)).issue()
    issued["long-chain"] = long_chain(120).issue()
    between = below("Between")
    issued["between"] = between.issue()

    heavy = [ours.issue("x" * 60, sans=many) for _ in range(3)]
    strangers = [foreign.issue(f"stranger {number}") for number in range(30)]
    chains = {"huge": [*issued["node"].chain, *(one.certificate for one in heavy)],
              "strangers": [*issued["node"].chain, *(one.certificate for one in strangers)],
              "shuffled": [issued["between"].certificate, ours.certificate,
                           strangers[0].certificate, between.certificate]}
    keys = {"huge": "node", "strangers": "node", "shuffled": "between"}
    written = {name: one.write(directory, name) for name, one in issued.items()}
    written |= {name: issued[keys[name]].write(directory, name, chain)
                for name, chain in chains.items()}
    lists.append(ours.revoke(issued["revoked-too"]))
    return written, "".join(lists)


class Stage:
    def __init__(self, directory):
        self.rogues = Rogues(directory)
        self.directory = directory
        ours = new_root()
        # With elliptic curves, nobody signs an MD5.
        old = new_root("An old Cockroach CA", rsa.generate_private_key(65537, 2048))
        self.odd, lists = odd_certificates(directory, ours)
        self.odd["md5-signed"] = old.issue(digest=hashes.MD5()).write(directory, "md5-signed")
        # The leaf comes second, behind its authority, whose key is the one that is used.
        self.odd["leaf-last"] = ours.write(
            directory, "leaf-last", [ours.certificate, *ours.issue().chain])
        self.ca = directory / "all-ca.crt"
        self.ca.write_text("".join(
            one.cert.read_text() for one in (
                self.rogues["ca"], ours.write(directory, "ours"), old.write(directory, "old"))))
        self.crl = directory / "all.crl"
        self.crl.write_text(
            (directory / "crl-full.pem").read_text() + lists + old.revoke())
        self.weak_group = directory / "dh1024.pem"
        self.weak_group.write_bytes(OAKLEY_2.parameters().parameter_bytes(
            serialization.Encoding.PEM, serialization.ParameterFormat.PKCS3))
        self.slots = {host: HostileNode() for host in (NODE, BY_ADDRESS, PINNED)}

    def start(self, proxy, good):
        self.proxy, self.good = proxy, good
        self.after = Afterwards(proxy, good, GROWTH)
        self.metrics = scrape(proxy)

    def certificate(self, name):
        return self.odd.get(name) or self.rogues[name]

    @functools.lru_cache(maxsize=None)
    def context(self, name, **options):
        return server_context(name and self.certificate(name), **options)

    def with_weak_group(self):
        made = server_context(self.odd["rsa"], newest=V1_2, ciphers="DHE-RSA-AES128-GCM-SHA256")
        made.load_dh_params(self.weak_group)
        return made

    def demanding(self):
        made = server_context(self.odd["node"])
        made.load_verify_locations(self.ca)
        made.verify_mode = ssl.CERT_REQUIRED
        return made

    def with_tickets(self, number):
        made = server_context(self.odd["node"], oldest=V1_3)
        made.num_tickets = number
        return made

    def is_over(self):
        return all(slot.is_alone() for slot in self.slots.values())


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("stage"))
    with contextlib.ExitStack() as stack:
        for slot in made.slots.values():
            stack.enter_context(slot)
        good = stack.enter_context(FakeCockroach(made.odd["good"]))
        nodes = [node(host, slot.port) for host, slot in made.slots.items()]
        nodes[-1]["spki_sha256"] = [made.rogues.pins["node"]]
        settings = configuration(
            made.ca, [*nodes, node(GOOD, good.port, tier=1)],
            cluster={"crl_file": str(made.crl)}, spares={"per_node": 0},
            health={"interval": "1h", "timeout": f"{DIAL * 1000:g}ms"},
            timeouts={"dial": f"{DIAL * 1000:g}ms", "establish": "2500ms"})
        proxy = stack.enter_context(Roachpin(settings))
        made.start(proxy, good)
        yield made


def one_attempt(stage, case):
    """All that a client hears that has no other node."""
    stage.good.command("listen off")
    try:
        stage.slots[case.at].play(lambda visit: case.plays(visit, stage))
        with stage.after.connect() as client:
            client.sendall(START)
            heard = hear(client, len(case.hears)) if case.leaves or case.asks else b""
            client.sendall(case.asks)
            return heard if case.leaves else heard + hear(client)
    finally:
        stage.good.command("listen on")


def hear(client, most=None):
    heard = b""
    while most is None or len(heard) < most:
        more = client.recv(min(65536, most - len(heard)) if most else 65536)
        if not more:
            break
        heard += more
    return heard


def assert_told(stage, case, heard):
    refusal = Refusal.alone(heard)
    assert refusal.code == case.told, refusal
    port = stage.slots[case.at].port
    (why,) = [line for line in refusal["D"].split("\n") if f"127.0.0.1:{port}: " in line]
    assert why.startswith(f"{case.at} at 127.0.0.1:{port}: {case.phase}, {case.reason}: "), why
    assert case.says in why
    (event_id,) = EVENT_ID.findall(refusal["H"])
    assert stage.proxy.wait_event("client_refused", id=event_id)["sqlstate"] == case.told


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_may_answer_as_a_node(stage, case):
    proxy, slot, before = stage.proxy, stage.slots[case.at], scrape(stage.proxy)
    for other in stage.slots.values():
        other.play(None)
    heard = one_attempt(stage, case)
    if case.told:
        assert_told(stage, case, heard)
    else:
        assert heard[:len(case.hears)] == case.hears, (heard[:200], case.hears[:200])
        rest = heard[len(case.hears):]
        assert (Refusal.alone(rest).code if case.then else rest) == (case.then or b"")
        slot.play(None)  # it was proved, and would be believed
    stage.after.check()  # by the next node
    until("all of roachpin's dials have ended", stage.is_over)

    more = Growth(before, scrape(proxy))
    is_proved = case.phase in ("startup", "")
    result = "proved" if is_proved else "hostile" if case.told == "08004" else "down"
    assert more.of("roachpin_upstream_dials_total", node=case.at, result=result) >= 1
    if result == "hostile":
        assert more.of("roachpin_upstream_verification_failures_total",
                       node=case.at, reason=case.reason) >= 1
    for visit in slot.visits:
        assert is_proved or not visit.inside
        assert is_proved or is_no_more_than_a_handshake(visit.before), visit.before


def is_no_more_than_a_handshake(octets):
    """A ClientHello, and an alert, were read as octets where TLS came to nothing."""
    records = tuple(SSL_REQUEST + bytes([kind, 3]) for kind in (0x14, 0x15, 0x16))
    return octets in (b"", SSL_REQUEST) or (
        octets.startswith(records) and b"sentinel" not in octets and b"good" not in octets)
