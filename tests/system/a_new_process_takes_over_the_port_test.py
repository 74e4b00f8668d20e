"""A new roachpin listens at the port of the old one, which then ends: whether it is killed or drains,
nobody is refused at the port, and after a drain nobody has noticed anything."""

import contextlib

import pytest

from harness.drivers import Load
from harness.roachpin import Roachpin
from harness.three_nodes import ThreeNodes

GENERATIONS = 4
SHORT = {"work": (1, 3), "think": 0.01}
"""So that connections begin all the time."""


@pytest.fixture
def nodes(pki):
    with ThreeNodes(pki.node) as three:
        yield three


def started(nodes, pki, port=0, **sections):
    settings = nodes.settings(pki.ca, workers=2, **sections)
    settings["listeners"] = [{"bind": f"127.0.0.1:{port}"}]
    return Roachpin(settings)


def test_after_a_kill_nobody_is_refused(nodes, pki):
    """What the dead one had is lost: its sessions, and connections that it had not accepted."""
    with contextlib.ExitStack() as running:
        old = running.enter_context(started(nodes, pki))
        with Load(old.port, **SHORT) as load:
            for _ in range(GENERATIONS):
                new = running.enter_context(started(nodes, pki, old.port))
                new.wait_event("session_established")  # both serve
                old.process.kill()
                load.go_on(20)
                old = new
        assert not load.failures, load.failures
        assert not [why for why in load.failed_connects if "refused" in why.lower()]
        assert not load.failed_again, load.failed_again
        print(f"{load.connects} connections, of {GENERATIONS} dead processes "
              f"{len(load.failed_connects)} openings and {len(load.lost)} statements lost")


def test_after_a_drain_nobody_has_noticed(nodes, pki):
    drain = {"delay": "300ms", "timeout": "60s"}
    with contextlib.ExitStack() as running:
        old = running.enter_context(started(nodes, pki, drain=drain))
        with Load(old.port, **SHORT) as load:
            for _ in range(GENERATIONS):
                new = running.enter_context(started(nodes, pki, old.port, drain=drain))
                new.wait_event("session_established")
                assert old.stop() == 0
                load.go_on(20)
                old = new
        load.assert_no_harm()
        assert not load.lost and not load.ended_idle
        print(f"{load.connects} connections, {load.turned_away} sessions ended while idle")
