"""Whoever sits at the pinned address and cannot prove to be the node is sent SSLRequest and a TLS
handshake, and nothing else; the client is told what was expected and what was presented."""

from dataclasses import dataclass, field

import pytest

from harness import wire
from harness.certificates import NODE, Rogues
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node, started_with
from harness.wire import Wire

SSL_REQUEST = wire.opening(wire.SSL)
LOGIN = {"user": "sentinel-user", "database": "sentinel-database", "options": "sentinel-options"}
QUICK = {"dial": "500ms", "establish": "1500ms"}

WAITING = "57P03"


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    made = Rogues(tmp_path_factory.mktemp("rogues"))
    files = ["intermediate-ca.crt", "other-ca.crt"]
    (made.directory / "intermediate-and-other-ca.crt").write_text(
        "".join((made.directory / name).read_text() for name in files))
    return made


def connect(ca_file, certificate, behaviour="secure", host=NODE, cluster=None, **options):
    """One client's attempt: the error it was told, what the node saw, and what was logged."""
    with FakeCockroach(certificate, behaviour, **options) as fake:
        settings = configuration(ca_file, [node(host, fake.port)], cluster=cluster, timeouts=QUICK,
                                 start="wait")
        with Roachpin(settings) as proxy:
            dial = proxy.wait_event("address_not_proved")
            with Wire(proxy.port) as client:
                client.send(wire.startup(**LOGIN))
                refusal = client.refusal()
            seen = fake.wait_finished(1)
            assert not proxy.events("session_established")
    return refusal, seen, dial


def assert_nothing_was_given_away(seen):
    for connection in seen:
        assert connection.before_tls in (SSL_REQUEST, b""), connection
        assert connection.plaintext_count == 0, connection
        assert connection.startup_version == 0 and not connection.logged_in, connection
        assert "sentinel" not in repr(connection)


@dataclass
class Case:
    """A certificate, what the configuration asks for, the log's reason and the client's words."""

    certificate: str
    reason: str = ""
    words: list = field(default_factory=list)
    host: str = NODE
    ca: str = "ca.crt"
    cluster: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)


IP = "127.0.0.1"
CERTIFICATES = {
    "another CA of the same name": Case("other-ca-node", "untrusted_chain", ["ca_file"]),
    "another name": Case("wrong-name", "wrong_name", [NODE, "elsewhere.example.net"]),
    "another address": Case("wrong-name", "wrong_name", [IP, "192.0.2.1"], host=IP),
    "the name in the CN alone": Case("name-only-in-cn", "wrong_name", [NODE, "CN"]),
    "the address in a dNSName": Case("ip-in-dnsname", "wrong_name", [IP, "DNS:" + IP], host=IP),
    "the address in the CN": Case("ip-in-cn", "wrong_name", [IP, "CN"], host=IP),
    "a partial wildcard": Case("partial-wildcard", "wrong_name", [NODE, "c*.crdb.internal"]),
    "a CA as a leaf": Case("leaf-is-ca", "leaf_is_ca", ["authority"]),
    "expired": Case("expired", "expired", ["expired"]),
    "not yet valid": Case("not-yet-valid", "not_yet_valid", ["not yet valid"]),
    "a client's certificate": Case("client-only-eku", "wrong_purpose", ["serverAuth"]),
    "any extended usage": Case("any-eku", "wrong_purpose", ["serverAuth"]),
    "no extended usage": Case("no-eku", "wrong_purpose", ["serverAuth"]),
    "self-signed": Case("self-signed", "untrusted_chain", ["self-signed"]),
    "an intermediate left out": Case("intermediate-missing", "untrusted_chain", ["issuer"]),
    "an intermediate beside a foreign root": Case(
        "intermediate-chain", "untrusted_chain", ["issuer"], ca="intermediate-and-other-ca.crt"),
    "a weak key": Case("weak-rsa-1024", "weak", ["weak"]),
    "a weak signature": Case("sha1-signed", "weak", ["weak"]),
    "revoked": Case("revoked", "revoked", ["revoked"], cluster={"crl_file": "crl.pem"}),
    "an expired CRL": Case(
        "node", "crl_unusable", ["CRL", "expired"], cluster={"crl_file": "crl-expired.pem"}),
    "a foreign CRL": Case(
        "node", "crl_unusable", ["CRL"], cluster={"crl_file": "crl-foreign.pem"}),
    "no CRL of the intermediate": Case(
        "intermediate-chain", "crl_unusable", ["CRL"], cluster={"crl_file": "crl.pem"}),
    "TLS 1.1": Case(
        "node", "tls_version", ["1.2"], options={"tls_min": "1.0", "tls_max": "1.1"}),
    "TLS 1.2 where 1.3 is asked for": Case(
        "node", "tls_version", ["1.3"], cluster={"min_tls": "1.3"}, options={"tls_max": "1.2"}),
}


@pytest.mark.parametrize("case", CERTIFICATES.values(), ids=CERTIFICATES)
def test_a_certificate_that_proves_nothing(rogues, case):
    cluster = {name: rogues.file(value) if name == "crl_file" else value
               for name, value in case.cluster.items()}
    refusal, seen, dial = connect(
        rogues.file(case.ca), rogues[case.certificate], host=case.host, cluster=cluster,
        **case.options)
    assert refusal.code == WAITING
    for word in case.words:
        assert word in refusal.text, (word, refusal)
    assert dial["hostile"] is True and dial["node"] == case.host
    assert dial["phase"] == "tls" and dial["reason"] == case.reason
    assert_nothing_was_given_away(seen)
    assert seen[0].before_tls == SSL_REQUEST and seen[0].client_hello_seen
    assert seen[0].sni == (NODE if case.host == NODE else None)
    assert seen[0].alpn_offered == []  # as CockroachDB's own clients


PINS = {
    "the cluster's": lambda own, other: {"cluster": {"spki_sha256": [other]}},
    "the node's": lambda own, other: {"node": {"spki_sha256": [other]}},
    "the node's in addition to the cluster's":
        lambda own, other: {"cluster": {"spki_sha256": [own]}, "node": {"spki_sha256": [other]}},
    "revoked": lambda own, other: {"cluster": {"revoked_spki_sha256": [own]}},
    "pinned and revoked":
        lambda own, other: {"cluster": {"spki_sha256": [own], "revoked_spki_sha256": [own]}},
}


@pytest.mark.parametrize("pins", PINS.values(), ids=PINS)
def test_a_pin_that_does_not_match(rogues, pins):
    asked = pins(rogues.pins["node"], rogues.pins["other-ca-node"])
    with FakeCockroach(rogues["node"]) as fake:
        pinned = node(NODE, fake.port, **asked.get("node", {}))
        settings = configuration(rogues.file("ca.crt"), [pinned], cluster=asked.get("cluster"),
                                 start="wait")
        with Roachpin(settings) as proxy:
            assert proxy.wait_event("address_not_proved")["hostile"] is True
            with Wire(proxy.port) as client:
                client.send(wire.startup(**LOGIN))
                refusal = client.refusal()
            assert refusal.code == WAITING
            assert rogues.pins["node"] in refusal.text  # presented
            seen = fake.wait_finished(1)
    assert_nothing_was_given_away(seen)


IS_HOSTILE = {
    "answers-n": True,
    "answers-e": True,
    "s-and-extra": True,
    "http": True,
    "garbage": True,
    "insecure": True,
    "before-init": False,
    "hang-after-accept": False,
    "hang-after-sslrequest": False,
    "hang-after-client-hello": False,
    "reset-after-accept": False,
    "reset-after-sslrequest": False,
    "reset-after-client-hello": False,
    "close-after-accept": False,
    "close-after-sslrequest": False,
    "close-after-client-hello": False,
}


@pytest.mark.parametrize("behaviour", IS_HOSTILE)
def test_a_stranger_that_does_not_behave_as_a_node(rogues, behaviour):
    refusal, seen, dial = connect(rogues.file("ca.crt"), rogues["node"], behaviour)
    assert refusal.code == WAITING, refusal
    assert dial["hostile"] is IS_HOSTILE[behaviour]
    assert dial["phase"] and dial["reason"]
    assert_nothing_was_given_away(seen)


@pytest.mark.parametrize("behaviour", ["s-and-extra", "answers-e"])
def test_what_a_stranger_says_is_not_passed_on(rogues, behaviour):
    with FakeCockroach(rogues["node"], behaviour) as fake:
        settings = configuration(rogues.file("ca.crt"), [node(NODE, fake.port)], timeouts=QUICK)
        with started_with(rogues["node"], settings) as proxy, Wire(proxy.port) as client:
            client.send(wire.startup(**LOGIN))
            assert client.refusal().code == "08004"  # an AuthenticationOk never arrives


def test_every_reason_is_its_own(rogues):
    """An operator can tell them apart by the log alone."""
    reasons = {}
    for behaviour in ["answers-n", "answers-e", "s-and-extra", "http", "hang-after-sslrequest",
                      "hang-after-client-hello", "reset-after-sslrequest", "close-after-accept",
                      "reset-after-client-hello", "close-after-client-hello"]:
        _, _, dial = connect(rogues.file("ca.crt"), rogues["node"], behaviour)
        reasons.setdefault((dial["phase"], dial["reason"]), []).append(behaviour)
    assert all(len(same) == 1 for same in reasons.values()), reasons


GOOD = {
    "a plain one": Case("node"),
    "an address": Case("node", host=IP),
    "a wildcard": Case("wildcard-good"),
    "a chain": Case("intermediate-chain"),
    "a bundle of CAs": Case("other-ca-node", ca="ca-bundle.crt"),
    "not revoked": Case("node", cluster={"crl_file": "crl.pem"}),
    "a chain, not revoked": Case("intermediate-chain", cluster={"crl_file": "crl-full.pem"}),
    "TLS 1.2": Case("node", options={"tls_max": "1.2"}),
    "TLS 1.3 asked for": Case("node", cluster={"min_tls": "1.3"}),
}


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_the_honest_are_believed(rogues, case):
    """Or else the refusals above would prove little."""
    cluster = {name: rogues.file(value) if name == "crl_file" else value
               for name, value in case.cluster.items()}
    with FakeCockroach(rogues[case.certificate], **case.options) as fake:
        settings = configuration(
            rogues.file(case.ca), [node(case.host, fake.port)], cluster=cluster,
            spares={"per_node": 0})
        with Roachpin(settings) as proxy, Wire(proxy.port) as client:
            client.login("", **LOGIN)
            assert client.ask("SELECT 1") == ["SELECT 1"]
            client.send(wire.message(b"X"))
            assert client.ended()
        seen = next(one for one in fake.wait_finished(2) if one.startup)  # the others: proofs
    assert seen.before_tls == SSL_REQUEST
    assert seen.startup == LOGIN


@pytest.mark.parametrize("pins", ["leaf", "root", "one of several"])
def test_a_pin_may_be_of_any_certificate_of_the_chain(rogues, pins):
    pinned = {"leaf": [rogues.pins["node"]], "root": [rogues.pins["ca"]],
              "one of several": [rogues.pins["other-ca"], rogues.pins["node"]]}[pins]
    with FakeCockroach(rogues["node"]) as fake:
        settings = configuration(
            rogues.file("ca.crt"), [node(NODE, fake.port)], cluster={"spki_sha256": pinned})
        with Roachpin(settings) as proxy, Wire(proxy.port) as client:
            client.login("", **LOGIN)
