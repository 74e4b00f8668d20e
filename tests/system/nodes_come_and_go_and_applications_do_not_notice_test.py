"""Nodes drain, are restarted, die, freeze, hang and answer nonsense, one after the other: as long as
one other works, every connection that an application makes becomes a session, and no statement is
lost but those that were under way on a node that died."""

import signal

import pytest

from harness.drivers import LOGIN, Load, explained
from harness.roachpin import Roachpin
from harness.three_nodes import COUNT, ThreeNodes
from harness.wire import Wire, query


@pytest.fixture
def nodes(pki):
    with ThreeNodes(pki.node) as three:
        yield three


@pytest.fixture
def proxy(pki, nodes):
    with Roachpin(nodes.settings(pki.ca, spares={"per_node": 2}, workers=2)) as started:
        yield started


@pytest.fixture
def load(proxy):
    with Load(proxy.port) as applications:
        yield applications


def busy_session_at(proxy, instance):
    """A session on that node, in a transaction and with a statement that runs."""
    others = []
    try:
        while len(others) < 100:
            client = Wire(proxy.port)
            client.login("", **LOGIN)
            if client.instance == instance:
                client.ask("BEGIN")
                client.send(query("SELECT pg_sleep(1000)"))
                return client
            others.append(client)
        raise AssertionError(f"no session came to node {instance}")
    finally:
        for other in others:
            other.socket.close()


def drain(nodes, proxy, index):
    """What runs there is finished; what begins there, on a spare connection or a new one, is led to
    another node."""
    with busy_session_at(proxy, nodes.instance(index)) as busy:
        with proxy.expecting(
                "address_not_proved", address=nodes.address(index), state="not_ready"):
            nodes[index].command("drain")
        busy.send(query("COMMIT"))  # which also ends the sleep
        assert busy.rows() == ["SELECT pg_sleep(1000)"]
        assert busy.rows() == []
        kind, body = busy.read()
        assert kind == b"E" and explained(body).startswith("57P01")


TROUBLES = {
    "closes its port": (
        "down", lambda nodes, index: nodes[index].command("listen off"),
        lambda nodes, index: nodes[index].command("listen on")),
    "dies": ("down", ThreeNodes.kill, ThreeNodes.start),
    "freezes": (
        "down", lambda nodes, index: nodes[index].send(signal.SIGSTOP),
        lambda nodes, index: nodes[index].send(signal.SIGCONT)),
    "accepts and hangs": (
        "down", lambda nodes, index: nodes[index].command("play before-init"),
        lambda nodes, index: nodes[index].command("play secure")),
    "refuses TLS": (
        "hostile", lambda nodes, index: nodes[index].command("play answers-n"),
        lambda nodes, index: nodes[index].command("play secure")),
}


def test_each_node_drains(nodes, proxy, load):
    for index in range(COUNT):
        drain(nodes, proxy, index)
        load.go_on()
        with proxy.expecting("address_admitted", address=nodes.address(index)):
            nodes[index].command("play secure")
        load.go_on()
    load.stop()
    load.assert_no_harm()
    assert not load.lost and load.turned_away


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_node(nodes, proxy, load, trouble):
    state, begin, end = TROUBLES[trouble]
    for index in range(COUNT):
        address = nodes.address(index)
        with proxy.expecting("address_admitted", address=address):
            with proxy.expecting("address_not_proved", address=address, state=state):
                begin(nodes, index)
            end(nodes, index)
        load.go_on()
    load.stop()
    load.assert_no_harm(nodes.killed)


def test_all_of_it_one_after_the_other(nodes, proxy, load):
    """What is left of one trouble does not add to the next."""
    for number, (state, begin, end) in enumerate(TROUBLES.values()):
        index = number % COUNT
        drain(nodes, proxy, index)
        address = nodes.address(index)
        with proxy.expecting("address_admitted", address=address):
            with proxy.expecting("address_not_proved", address=address, state=state):
                begin(nodes, index)
            end(nodes, index)
            nodes[index].command("play secure")
        load.go_on()
    load.stop()
    load.assert_no_harm(nodes.killed)
    print(f"{load.connects} connections, {load.answered} statements, {load.turned_away} turned "
          f"away, {len(load.lost)} statements and {len(load.ended_idle)} idle sessions lost")
