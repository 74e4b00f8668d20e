"""SSLRequest, GSSENCRequest, direct TLS, newer protocols: each gets its answer; what is none of
them is not passed on."""

import struct
import time

import pytest

from harness import wire
from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.wire import Wire

LOGIN = {"user": USER, "database": DATABASE}
TLS = {"bind": "127.0.0.1:0", "tls": {"auto": True}}


@pytest.fixture
def tls_roachpin(settings):
    with Roachpin(settings([TLS], timeouts={"client_opening": "1s"})) as proxy:
        yield proxy


def works(connection):
    connection.login(PASSWORD, **LOGIN)
    return connection.ask("SELECT 'works'") == ["works"]


def test_gssenc_then_in_the_clear(roachpin):
    with Wire(roachpin.port) as client:
        client.send(wire.opening(wire.GSSENC))
        assert client.receive(1) == b"N"
        assert works(client)


def test_gssenc_then_tls(tls_roachpin):
    with Wire(tls_roachpin.port) as client:
        client.send(wire.opening(wire.GSSENC))
        assert client.receive(1) == b"N"
        assert client.request_tls() == b"S"
        assert works(client.start_tls())


def test_tls_refused_then_gssenc_then_in_the_clear(roachpin):
    with Wire(roachpin.port) as client:
        assert client.request_tls() == b"N"
        client.send(wire.opening(wire.GSSENC))
        assert client.receive(1) == b"N"
        assert works(client)


def test_tls_asked_for_and_then_not_wanted(tls_roachpin):
    with Wire(tls_roachpin.port) as client:
        assert client.request_tls() == b"S"
        client.start_tls(wire.unverified(alpn=["postgresql"]))  # as libpq from 17 on offers it
        assert client.socket.selected_alpn_protocol() in ("postgresql", None)
        assert works(client)


@pytest.mark.parametrize("offered", [["postgresql"], ["h2", "postgresql"]])
def test_direct_tls(tls_roachpin, offered):
    with Wire(tls_roachpin.port) as client:
        client.start_tls(wire.unverified(alpn=offered))
        assert client.socket.selected_alpn_protocol() == "postgresql"
        assert works(client)


@pytest.mark.parametrize("offered", [None, ["h2", "http/1.1"]])
def test_direct_tls_without_the_postgresql_protocol_is_refused(tls_roachpin, offered):
    """By a TLS alert or by an error inside TLS."""
    with Wire(tls_roachpin.port) as client:
        try:
            client.start_tls(wire.unverified(alpn=offered))
            assert client.refusal().code == "08P01"
        except OSError as alert:
            assert "alert" in str(alert), alert
    assert not tls_roachpin.events("session_established")


def test_direct_tls_to_a_listener_without_tls_is_refused(roachpin):
    with Wire(roachpin.port) as client, pytest.raises(OSError):
        client.start_tls(wire.unverified(alpn=["postgresql"]))
    assert not roachpin.events("session_established")


def test_a_newer_minor_protocol_is_negotiated_by_the_node(roachpin):
    with Wire(roachpin.port) as client:
        client.send(wire.startup(196608 + 2, **LOGIN))
        kind, body = client.read()
        assert kind == b"v" and struct.unpack("!I", body[:4])[0] in (0, 196608)


@pytest.mark.parametrize("stuffing", [
    wire.startup(user="mallory"), b"\x16", b"S" * 200,
], ids=["a StartupMessage", "one byte", "much"])
def test_what_is_stuffed_behind_an_sslrequest_ends_the_connection(tls_roachpin, stuffing):
    with Wire(tls_roachpin.port) as client:
        client.send(wire.opening(wire.SSL) + stuffing)
        answer = client.receive(1)
        assert answer in (b"", b"E"), "it went on to TLS (CVE-2021-23214)"
        tls_roachpin.wait_event("client_refused")
    assert not tls_roachpin.events("session_established")


def test_what_is_stuffed_behind_a_refused_sslrequest_is_not_a_startup(roachpin):
    with Wire(roachpin.port) as client:
        client.send(wire.opening(wire.SSL) + wire.startup(**LOGIN))
        client.receive(10_000)
    roachpin.wait_event("client_refused")
    assert not roachpin.events("session_established")


@pytest.mark.parametrize("beginning", [b"", b"\0", wire.startup(**LOGIN)[:-1]],
                         ids=["nothing", "one byte", "all but one byte"])
def test_a_slow_opening_is_ended_at_its_deadline(settings, beginning):
    with Roachpin(settings(timeouts={"client_opening": "300ms"})) as proxy:
        with Wire(proxy.port) as client:
            began = time.monotonic()
            client.send(beginning)
            client.receive(10_000)
            assert time.monotonic() - began < 5
        assert not proxy.events("session_established")


def test_a_sender_cannot_renew_the_deadline_byte_by_byte(settings):
    with Roachpin(settings(timeouts={"client_opening": "500ms"})) as proxy:
        with Wire(proxy.port) as client:
            client.socket.settimeout(0.1)  # the pace of the bytes
            began = time.monotonic()
            for byte in wire.startup(**LOGIN, application_name="x" * 500):
                try:
                    client.send(bytes([byte]))
                    if client.socket.recv(1) in (b"", b"E"):
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            assert time.monotonic() - began < 5


def test_an_opening_in_single_bytes_is_understood(roachpin):
    with Wire(roachpin.port) as client:
        client.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: a segment for each
        for byte in wire.startup(**LOGIN):
            client.send(bytes([byte]))
        kind, _ = client.read()
        assert kind == b"R"


def test_a_probe_that_says_nothing_is_not_logged(roachpin):
    with Wire(roachpin.port) as probe:
        name = "%s:%d" % probe.socket.getsockname()
    with Wire(roachpin.port) as client:
        assert works(client)
    roachpin.wait_event("session_ended")
    assert name not in roachpin.process.output
