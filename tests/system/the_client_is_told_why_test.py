"""Whoever is refused gets a PostgreSQL error: SQLSTATE, reason, and the id of the log line."""

import os
import re
import socket

import pytest

from harness import wire
from harness.certificates import NODE, Pki
from harness.fake_cockroach import FakeCockroach
from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin, configuration, node, started_with
from harness.wire import Wire

LOGIN = {"user": USER, "database": DATABASE}
EVENT_ID = re.compile(r"\bevent ([0-9a-f]{16})\b")


def refused(proxy, sqlstate, send=None, address=None, tls=None, logged_as="client_refused"):
    """Sends an opening and checks that the answer and the log are about the same."""
    with Wire(address or proxy.port) as client:
        if tls:
            assert client.request_tls() == b"S"
            client.start_tls(tls)
        client.send(send or wire.startup(**LOGIN))
        refusal = client.refusal()
    assert refusal.code == sqlstate, refusal
    assert refusal["S"] == refusal["V"] == "FATAL"
    (event_id,) = set(EVENT_ID.findall(refusal.explanation))
    logged = proxy.wait_event(logged_as, id=event_id)
    assert logged.get("sqlstate", sqlstate) == sqlstate
    assert logged["reason"]
    return refusal, logged


@pytest.fixture
def closed_port():
    """A port on which nobody listens, and nobody else can."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_no_node_could_be_reached(pki, closed_port):
    nodes = [node(NODE, closed_port, ["127.0.0.1", "127.0.0.2"])]
    with started_with(pki.node, configuration(pki.ca, nodes)) as proxy:
        refusal, _ = refused(proxy, "08001")
        # Each address and why.
        assert f"127.0.0.1:{closed_port}" in refusal["D"]
        assert f"127.0.0.2:{closed_port}" in refusal["D"]
        assert "refused" in refusal["D"]
        failed = proxy.events("dial_failed")
        assert {event["address"] for event in failed} >= {
            f"127.0.0.1:{closed_port}", f"127.0.0.2:{closed_port}"}
        assert all(event["node"] == NODE and event["hostile"] is False for event in failed)


def test_a_node_was_reached_and_not_believed(postgres, tmp_path):
    stranger = Pki(tmp_path / "other")
    settings = configuration(stranger.ca, [node(NODE, postgres.port)])
    with started_with(stranger.node, settings) as proxy:
        refusal, logged = refused(proxy, "08004")
        assert NODE in refusal.text
        assert logged["user"] == USER and logged["database"] == DATABASE
        failed = proxy.wait_event("dial_failed", hostile=True)
        assert failed["address"] == f"127.0.0.1:{postgres.port}"


@pytest.mark.parametrize("sent", [
    pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="HTTP"),
    pytest.param(b"\0\0\0\x07\0\x03\0\0", id="a length below the minimum"),
    pytest.param(b"\xff" * 64, id="noise"),
    pytest.param(wire.startup(user="u" * 10_000), id="more than 10,000 bytes"),
    pytest.param(wire.startup(131072, **LOGIN), id="protocol 2"),
    pytest.param(wire.opening(wire.PROTOCOL, b"user\0app"), id="an unterminated parameter"),
    pytest.param(wire.startup(**LOGIN)[:-1] + b"x", id="a missing terminator"),
    pytest.param(wire.startup(**LOGIN, **{"crdb:remote_addr": "1.2.3.4:5"}), id="crdb: parameter"),
    pytest.param(wire.startup(**LOGIN, **{"crdb:session_revival_token_base64": "x"}),
                 id="another crdb: parameter"),
])
def test_a_malformed_opening(roachpin, sent):
    refused(roachpin, "08P01", sent)
    assert not roachpin.events("dial_failed") and not roachpin.events("session_established")


@pytest.mark.parametrize("repeated", [wire.SSL, wire.GSSENC])
def test_a_request_made_twice(roachpin, repeated):
    with Wire(roachpin.port) as client:
        client.send(wire.opening(repeated))
        assert client.receive(1) == b"N"
        client.send(wire.opening(repeated))
        assert client.refusal().code == "08P01"


def test_tls_is_required(settings):
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True, "required": True}}
    with Roachpin(settings([listener])) as proxy:
        refusal, _ = refused(proxy, "28000")
        assert "TLS" in refusal.text
        assert "sslmode" in refusal["H"]  # what to do about it


def test_a_client_certificate_is_required(settings, pki, tmp_path):
    tls = {"auto": True, "client_ca_file": str(pki.ca)}
    stranger = Pki(tmp_path / "other").client(USER)
    with Roachpin(settings([{"bind": "127.0.0.1:0", "tls": tls}])) as proxy:
        refusal, _ = refused(proxy, "28000")  # in clear: no way around the demand
        assert "client_ca_file" in refusal.text
        refusal, _ = refused(proxy, "28000", tls=wire.unverified())
        assert "certificate" in refusal.text
        refusal, _ = refused(proxy, "28000", tls=wire.unverified(certificate=stranger))
        assert "certificate" in refusal.text
        with Wire(proxy.port) as client:
            client.request_tls()
            client.start_tls(wire.unverified(certificate=pki.client(USER)))
            client.login(PASSWORD, **LOGIN)


def test_this_user_may_not_use_the_socket(settings, tmp_path):
    path = tmp_path / "s"
    listener = {"bind": f"unix:{path}", "allow_uids": [os.geteuid() + 1]}
    with Roachpin(settings([listener])) as proxy:
        refusal, _ = refused(proxy, "28000", address=path)
        assert str(os.geteuid()) in refusal.text


def test_this_address_may_not_connect(settings):
    listener = {"bind": "127.0.0.1:0", "allow_from": ["127.0.0.8/29"]}
    with Roachpin(settings([listener])) as proxy:
        refusal, _ = refused(proxy, "28000")
        assert "127.0.0.1" in refusal.text
        allowed = socket.create_connection(
            ("127.0.0.1", proxy.port), source_address=("127.0.0.9", 0))
        with allowed:
            allowed.sendall(wire.startup(**LOGIN))
            assert allowed.recv(1) == b"R"


@pytest.mark.parametrize("limit", ["of the listener", "of all"])
def test_a_limit_is_reached(settings, limit):
    if limit == "of all":
        made = settings([{"bind": "127.0.0.1:0"}], limits={"max_connections": 2})
    else:
        made = settings([{"bind": "127.0.0.1:0", "max_connections": 2}])
    with Roachpin(made) as proxy:
        with Wire(proxy.port) as first, Wire(proxy.port) as second:
            first.login(PASSWORD, **LOGIN)
            second.login(PASSWORD, **LOGIN)
            refusal, _ = refused(proxy, "53300")
            assert "2" in refusal.text
        proxy.wait_event("session_ended", count=2)
        with Wire(proxy.port) as again:
            again.login(PASSWORD, **LOGIN)


@pytest.mark.parametrize("how", ["reset-after-startup", "close-after-startup"])
def test_the_node_goes_away_without_an_answer(pki, how):
    with FakeCockroach(pki.node, how) as fake:
        with Roachpin(configuration(pki.ca, [node(NODE, fake.port)])) as proxy:
            refusal, _ = refused(proxy, "08001")
            assert NODE in refusal.text and str(fake.port) in refusal.text
            assert "without an answer" in refusal.text


@pytest.mark.parametrize("how", ["clean", "abrupt", "reset"])
def test_the_node_goes_away_from_an_idle_session(pki, how):
    with FakeCockroach(pki.node) as fake:
        with Roachpin(configuration(pki.ca, [node(NODE, fake.port)])) as proxy:
            with Wire(proxy.port) as client:
                client.login("", **LOGIN)
                assert client.ask("SELECT 1") == ["SELECT 1"]
                fake.command(f"close {how}")
                refusal = client.refusal()
            assert refusal.code == "08006"
            proxy.wait_event("session_ended")


def test_what_the_node_says_at_its_end_is_passed_on(pki):
    """And nothing is added to it."""
    with FakeCockroach(pki.node) as fake:
        with Roachpin(configuration(pki.ca, [node(NODE, fake.port)])) as proxy:
            with Wire(proxy.port) as client:
                client.login("", **LOGIN)
                fake.command("drain")
                refusal = client.refusal()
            assert refusal.code == "57P01" and "roachpin" not in refusal.text


@pytest.mark.parametrize("behaviour, sqlstate", [("draining", "57P01"), ("full", "53300")])
def test_the_only_nodes_own_refusal_is_passed_on(pki, behaviour, sqlstate):
    with FakeCockroach(pki.node, behaviour) as fake:
        with Roachpin(configuration(pki.ca, [node(NODE, fake.port)])) as proxy:
            with Wire(proxy.port) as client:
                client.send(wire.startup(**LOGIN))
                assert client.refusal().code == sqlstate
