"""However connections end, their descriptors and memory are given back."""

import contextlib

import pytest

from harness import wire
from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin, configuration, node, started_with
from harness.waiting import until
from harness.wire import Wire, reset

LOGIN = {"user": USER, "database": DATABASE}
ROUNDS = 40
NO_SPARES = {"per_node": 0}  # they come and go by themselves


def good_bye(client):
    client.login(PASSWORD, **LOGIN)
    client.send(wire.message(b"X"))
    assert client.ended()


def leaves(client):
    client.login(PASSWORD, **LOGIN)


def breaks_off(client):
    client.login(PASSWORD, **LOGIN)
    client.send(wire.query("SELECT repeat('x', 100000) FROM generate_series(1, 100)"))
    client.receive(1000)
    reset(client.socket)


def leaves_in_its_opening(client):
    client.send(wire.startup(**LOGIN)[:-3])


def leaves_in_its_handshake(client):
    assert client.request_tls() == b"S"
    client.send(b"\x16\x03\x01\x02\x00")


def leaves_before_the_answer(client):
    client.send(wire.startup(**LOGIN))


def is_refused(client):
    client.send(b"noise" * 20)
    client.refusal()


def cancels(client):
    client.send(wire.opening(wire.CANCEL, bytes(8)))
    assert client.ended()


def fails_to_log_in(client):
    client.send(wire.startup(**LOGIN))
    assert client.read() == (b"R", b"\0\0\0\3")
    client.send(wire.message(b"p", b"wrong\0"))
    assert client.refusal().code == "28P01"


@pytest.mark.parametrize("behave", [
    good_bye, leaves, breaks_off, leaves_in_its_opening, leaves_in_its_handshake,
    leaves_before_the_answer, is_refused, cancels, fails_to_log_in,
])
def test_whatever_the_client_does(settings, behave):
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True}}
    with Roachpin(settings([listener], workers=2, spares=NO_SPARES)) as proxy:
        before = proxy.descriptors
        with Wire(proxy.port) as first:
            behave(first)
        until("the first has ended", lambda: proxy.descriptors <= before)
        memory = proxy.rss
        for _ in range(ROUNDS):
            with Wire(proxy.port) as client:
                behave(client)
        until("all have ended", lambda: proxy.descriptors <= before)
        assert proxy.rss - memory < 4 << 20


@pytest.mark.parametrize("behaviour", [
    "reset-after-accept", "close-after-sslrequest", "reset-after-client-hello", "answers-n",
    "s-and-extra", "reset-after-startup", "close-after-handshake",
])
def test_whatever_the_node_does(pki, behaviour):
    with FakeCockroach(pki.node, behaviour) as fake:
        made = configuration(pki.ca, [node(NODE, fake.port)], spares=NO_SPARES)
        with started_with(pki.node, made) as proxy:
            before = proxy.descriptors
            for _ in range(ROUNDS):
                with Wire(proxy.port) as client, contextlib.suppress(OSError):
                    client.send(wire.startup(**LOGIN))
                    client.receive(10_000)
            until("all have ended", lambda: proxy.descriptors <= before)
