"""A node is replaced by somebody else at its very address and port, while applications work: nothing
of theirs reaches him, it is said loudly, and nobody loses anything. The node itself is let in
again."""

import pytest

from harness import wire
from harness.certificates import Rogues
from harness.drivers import Load
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin
from harness.three_nodes import ThreeNodes

IMPOSTORS = {"other-ca-node": "untrusted_chain", "wrong-name": "wrong_name"}


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


@pytest.fixture
def nodes(rogues):
    with ThreeNodes(rogues["node"]) as three:
        yield three


def said_to_be_hostile(proxy, address):
    events = proxy.events("address_not_proved") + proxy.events("dial_failed")
    return [event for event in events if event["address"] == address and event["hostile"]]


def impostors_come_and_go(rogues, nodes, proxy, load):
    """At the first node's address, where nobody listens now."""
    address = nodes.address(0)
    for certificate, reason in IMPOSTORS.items():
        with proxy.expecting(
                "address_not_proved", address=address, state="hostile", reason=reason):
            impostor = FakeCockroach(rogues[certificate], bind=address)
        with impostor:
            load.go_on(20)
        assert impostor.finished
        for seen in impostor.finished:
            assert seen.before_tls == wire.opening(wire.SSL), seen
            assert seen.plaintext == b"" and seen.startup_version == 0, seen
    assert {event["reason"] for event in said_to_be_hostile(proxy, address)} == \
        set(IMPOSTORS.values())


@pytest.mark.parametrize("spares", [0, 2])
def test_in_place_of_a_dead_node(rogues, nodes, spares):
    settings = nodes.settings(rogues.file("ca.crt"), spares={"per_node": spares})
    with Roachpin(settings) as proxy, Load(proxy.port, 20) as load:
        nodes.kill(0)
        impostors_come_and_go(rogues, nodes, proxy, load)
        with proxy.expecting("address_admitted", address=nodes.address(0)):
            nodes.start(0)
        with proxy.expecting("session_established", address=nodes.address(0)):
            load.go_on()
        load.stop()
        load.assert_no_harm(nodes.killed)


def test_in_place_of_a_node_that_lives(rogues, nodes):
    """As when its address is routed elsewhere: the sessions that it has go on."""
    settings = nodes.settings(rogues.file("ca.crt"))
    with Roachpin(settings) as proxy, Load(proxy.port, 20) as load:
        nodes[0].command("listen off")
        impostors_come_and_go(rogues, nodes, proxy, load)
        with proxy.expecting("address_admitted", address=nodes.address(0)):
            nodes[0].command("listen on")
        load.go_on()
        load.stop()
        load.assert_no_harm()
        assert not load.lost and not load.ended_idle
