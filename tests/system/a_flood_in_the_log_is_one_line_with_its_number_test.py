"""Repeated events are folded: an attack, or a node that is away, does not fill the disk, and what a
client was told the id of is still there."""

import pytest

from harness.certificates import NODE
from harness.dns_servers import free_port
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node, started_with
from harness.wire import Wire, startup

LOGIN = {"user": "app", "database": "bank"}
CLIENTS = 30


@pytest.mark.parametrize("level, lines", [("info", 1), ("debug", CLIENTS)])
def test_one_line_for_all(pki, level, lines):
    """At the end of the process what was held back is told; `debug` holds nothing back."""
    away = free_port("127.0.0.1")
    settings = configuration(
        pki.ca, [node(NODE, away)], log={"level": level, "format": "json"},
        health={"interval": "1h"}, spares={"per_node": 0})
    ids = []
    with started_with(pki.node, settings) as proxy:
        for _ in range(CLIENTS):
            with Wire(proxy.port) as client:
                client.send(startup(**LOGIN))
                ids.append(client.refusal()["H"].rpartition("event ")[2].strip(" ."))
        assert proxy.stop() == 0
        failed = proxy.events("dial_failed", address=f"127.0.0.1:{away}")
        folded = [one for one in failed if "repeated" in one]
        assert len(failed) - len(folded) == lines
        assert sum(one["repeated"] for one in folded) == CLIENTS - lines
        told = {one["id"] for one in proxy.events("client_refused")}
        assert set(ids) <= told, "every id that a client was told is in the log"


def test_what_is_not_the_same_is_not_folded(pki):
    with FakeCockroach(pki.node) as database:
        settings = configuration(
            pki.ca, [node(NODE, database.port)], log={"level": "info", "format": "json"})
        with Roachpin(settings) as proxy:
            for user in ("one", "two"):
                with Wire(proxy.port) as client:
                    client.login("", user=user, database="bank")
                proxy.wait_event("session_ended", user=user)
            assert not any("repeated" in one for one in proxy.events())
