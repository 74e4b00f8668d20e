"""A new address inside `allow` gets no session before a full verifying dial has proved it; the one
it replaces leaves after `removal_hold`, and its sessions stay."""

import time

import pytest

from harness.certificates import NODE, Rogues
from harness.dns_servers import A, HostileDns, Knot, address, free_port, says
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, LOGIN, Queries, named, one_query, resolved
from harness.roachpin import Roachpin
from harness.waiting import until
from harness.wire import Wire

NEW = "127.0.0.6"
BOTH = ["127.0.0.4/30"]
HOLD = 1.0  # removal_hold


def zone(*addresses):
    return {"crdb.internal": [f"crdb-0 A {each}" for each in addresses]}


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


@pytest.fixture
def home(rogues):
    with FakeCockroach(rogues["node"], bind=f"{HOME}:0") as fake:
        yield fake


@pytest.fixture
def knot():
    with Knot(zone(HOME)) as server:
        yield server


def settings(rogues, port, server):
    return resolved(rogues.file("ca.crt"), [named(port, BOTH)], server.tcp)


def sessions_at(proxy, where):
    return len(proxy.events("session_established", address=where))


@pytest.mark.parametrize("certificate, reason", [
    ("other-ca-node", "untrusted_chain"), ("wrong-name", "wrong_name"), ("expired", "expired")])
@pytest.mark.parametrize("old", ["stays in the record", "is gone from the record"])
def test_an_impostor_at_an_allowed_address(rogues, home, knot, certificate, reason, old):
    new = f"{NEW}:{home.port}"
    with FakeCockroach(rogues[certificate], bind=new) as impostor:
        with Roachpin(settings(rogues, home.port, knot)) as proxy, Queries(proxy) as queries:
            knot.serve(zone(HOME, NEW) if "stays" in old else zone(NEW))
            refused = proxy.wait_event("address_not_proved", address=new, hostile=True)
            assert (refused["reason"], refused["node"]) == (reason, NODE)
            time.sleep(2 * HOLD)  # long enough for the old one to be dropped, were it that
            queries.go_on(20)
            assert sessions_at(proxy, new) == 0
            assert not proxy.events("address_admitted", address=new)
        for seen in impostor.wait_finished(1):
            assert seen.plaintext == b"" and seen.startup_version == 0


def test_nobody_at_an_allowed_address(rogues, home, knot):
    """Nor does it cost a client anything."""
    with Roachpin(settings(rogues, home.port, knot)) as proxy, Queries(proxy) as queries:
        knot.serve(zone(NEW))
        proxy.wait_event("address_not_proved", address=f"{NEW}:{home.port}", hostile=False)
        time.sleep(2 * HOLD)
        queries.go_on(20)
        assert not proxy.events("dial_failed")


def test_a_silent_stranger_at_an_allowed_address(rogues, home, knot):
    with Impostor(NEW, home.port) as stranger:
        with Roachpin(settings(rogues, home.port, knot)) as proxy, Queries(proxy) as queries:
            knot.serve(zone(HOME, NEW))
            proxy.wait_event("address_not_proved", address=f"{NEW}:{home.port}")
            queries.go_on(20)
            # It was asked for its proof, and not again for each session.
            assert 1 <= stranger.connections <= 5


def test_the_right_node_in_place_of_an_impostor(rogues, home, knot):
    """It enters once it proves itself; the old one leaves, and the session on it stays."""
    new = f"{NEW}:{home.port}"
    with Roachpin(settings(rogues, home.port, knot)) as proxy, Wire(proxy.port) as lasting:
        lasting.login("", **LOGIN)
        with FakeCockroach(rogues["other-ca-node"], bind=new):
            knot.serve(zone(NEW))
            proxy.wait_event("address_not_proved", address=new)
            one_query(proxy.port)
            assert sessions_at(proxy, new) == 0
        with FakeCockroach(rogues["node"], bind=new):
            proxy.wait_event("address_admitted", address=new)
            until("the old address leaves", lambda: any(
                HOME not in event["after"] for event in proxy.events("names_changed")))
            before = sessions_at(proxy, f"{HOME}:{home.port}")
            for _ in range(6):
                one_query(proxy.port)
            assert sessions_at(proxy, new) >= 6
            assert sessions_at(proxy, f"{HOME}:{home.port}") == before
            assert lasting.ask("SELECT 1") == ["SELECT 1"]
            assert not proxy.events("session_ended", reason="node_lost")


def test_the_old_address_is_held_for_removal_hold(rogues, home, knot):
    new = f"{NEW}:{home.port}"
    with FakeCockroach(rogues["node"], bind=new):
        with Roachpin(settings(rogues, home.port, knot)) as proxy, Queries(proxy):
            knot.serve(zone(NEW))
            began = time.monotonic()
            proxy.wait_event("names_changed", after=f"{HOME}:{home.port}, {new}")
            proxy.wait_event("names_changed", after=new)
            assert time.monotonic() - began >= HOLD - 0.5  # less the last answer's age
            knot.serve(zone(HOME))
            proxy.wait_event("names_changed", after=f"{HOME}:{home.port}", count=2)


def test_a_port_of_its_own_by_srv(rogues):
    """The target brings the port; the certificate must still carry the host."""
    ports = free_port(HOME), free_port(NEW)
    records = [f"_sql._tcp 1 SRV 0 0 {ports[0]} a", f"_sql._tcp 1 SRV 0 0 {ports[1]} b",
               f"a A {HOME}", f"b A {NEW}"]
    with Knot({"crdb.internal": records}) as server, \
            FakeCockroach(rogues["node"], bind=f"{HOME}:{ports[0]}"), \
            FakeCockroach(rogues["node"], bind=f"{NEW}:{ports[1]}"):
        entry = named(1, BOTH, srv="_sql._tcp.crdb.internal")
        with Roachpin(resolved(rogues.file("ca.crt"), [entry], server.tcp)) as proxy:
            for _ in range(4):
                one_query(proxy.port)
            assert sessions_at(proxy, f"{HOME}:{ports[0]}") > 0
            assert sessions_at(proxy, f"{NEW}:{ports[1]}") > 0


def test_the_record_changes_without_end(rogues, home):
    """One proven address is enough, whatever comes and goes beside it."""
    def behave(query):
        turn[0] += query.type == A
        return says(address(NODE, f"127.0.0.{4 + turn[0] % 4}"))(query)

    turn = [0]
    with HostileDns(says(address(NODE, HOME))) as server:
        with Roachpin(settings(rogues, home.port, server)) as proxy, Queries(proxy) as queries:
            server.serve(behave)
            proxy.wait_event("names_changed", count=3)
            queries.go_on(60)
