"""Where a node is down, refuses the proof or does not answer, the client gets the next one and
notices nothing."""

import socket

import pytest

from harness import wire
from harness.certificates import NODE, Rogues
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node, started_with
from harness.wire import Wire

OTHER = "crdb-1.crdb.internal"
LOGIN = {"user": "app", "database": "appdb"}
QUICK = {"dial": "500ms", "establish": "5s"}


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


@pytest.fixture
def good(rogues):
    with FakeCockroach(rogues["node"]) as fake:
        yield fake


@pytest.fixture
def closed_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def asks(proxy):
    with Wire(proxy.port) as client:
        client.login("", **LOGIN)
        assert client.ask("SELECT 1") == ["SELECT 1"]


def test_the_first_address_of_a_node_is_down(rogues, good):
    # Nobody listens on 127.0.0.2 at this port.
    nodes = [node(NODE, good.port, ["127.0.0.2", "127.0.0.1"])]
    with Roachpin(configuration(rogues.file("ca.crt"), nodes)) as proxy:
        for _ in range(4):
            asks(proxy)
        for established in proxy.events("session_established"):
            assert established["address"] == f"127.0.0.1:{good.port}"
        for failed in proxy.events("dial_failed"):
            assert failed["address"] == f"127.0.0.2:{good.port}" and failed["hostile"] is False


def test_the_first_node_is_down(rogues, good, closed_port):
    nodes = [node(OTHER, closed_port), node(NODE, good.port, tier=1)]
    with Roachpin(configuration(rogues.file("ca.crt"), nodes)) as proxy:
        asks(proxy)
        assert proxy.wait_event("dial_failed")["node"] == OTHER
        assert proxy.wait_event("session_established")["node"] == NODE


@pytest.mark.parametrize("certificate", ["other-ca-node", "wrong-name", "expired"])
def test_the_first_node_is_hostile(rogues, good, certificate):
    with FakeCockroach(rogues[certificate]) as hostile:
        nodes = [node(OTHER, hostile.port), node(NODE, good.port, tier=1)]
        settings = configuration(rogues.file("ca.crt"), nodes, start="wait")
        with Roachpin(settings) as proxy:
            proxy.wait_event("address_admitted")
            failed = proxy.wait_event("address_not_proved", state="hostile")
            assert failed["hostile"] is True
            assert failed["address"] == f"127.0.0.1:{hostile.port}"
            asks(proxy)
            assert not proxy.events("dial_failed")  # it is not even tried any more
        assert all(seen.plaintext == b"" for seen in hostile.wait_finished(1))


@pytest.mark.parametrize("behaviour", [
    "before-init", "hang-after-client-hello", "reset-after-sslrequest", "answers-n", "http"])
def test_the_first_node_does_not_behave(rogues, good, behaviour):
    with FakeCockroach(rogues["node"], behaviour) as bad:
        nodes = [node(NODE, bad.port), node(NODE, good.port, tier=1)]
        settings = configuration(rogues.file("ca.crt"), nodes, timeouts=QUICK, start="wait")
        with Roachpin(settings) as proxy:
            proxy.wait_event("address_admitted")
            asks(proxy)
            assert proxy.wait_event("session_established")["address"] == f"127.0.0.1:{good.port}"


def test_when_none_is_left_each_is_named(rogues, closed_port):
    with FakeCockroach(rogues["wrong-name"]) as hostile:
        nodes = [node(OTHER, closed_port), node(NODE, hostile.port)]
        settings = configuration(rogues.file("ca.crt"), nodes)
        with started_with(rogues["node"], settings) as proxy:
            with Wire(proxy.port) as client:
                client.send(wire.startup(**LOGIN))
                refusal = client.refusal()
    # One was reached and refused: that is what the client should hear about first.
    assert refusal.code == "08004"
    assert f"127.0.0.1:{closed_port}" in refusal["D"]
    assert f"127.0.0.1:{hostile.port}" in refusal["D"]


def test_all_tries_together_have_one_deadline(rogues):
    with FakeCockroach(rogues["node"], "hang-after-accept", bind="0.0.0.0:0") as silent:
        nodes = [node(NODE, silent.port, [f"127.0.0.{last}" for last in range(1, 9)])]
        settings = configuration(
            rogues.file("ca.crt"), nodes, timeouts={"dial": "10s", "establish": "1s"})
        with started_with(rogues["node"], settings) as proxy, Wire(proxy.port) as client:
            client.send(wire.startup(**LOGIN))
            assert client.refusal().code == "08001"
