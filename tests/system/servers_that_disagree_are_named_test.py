"""With several DNS servers an address counts once `agreement` of them have named it lately: who
disagrees is named in the log, and one that lies or dies changes nothing."""

import time
from contextlib import ExitStack

import pytest

from harness.certificates import NODE
from harness.dns_servers import Dnsmasq, Unbound
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, Queries, dialled, named, resolved
from harness.roachpin import Roachpin, refused_start

NEW = "127.0.0.6"
BOTH = ["127.0.0.4/30"]
HOLD = 1.0


def records(*addresses):
    return {"host_record": [f"{NODE},{each}" for each in addresses], "local": "/internal/"}


@pytest.fixture
def home(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as fake:
        yield fake


@pytest.fixture
def servers():
    """Three that agree."""
    with ExitStack() as stack:
        yield [stack.enter_context(Dnsmasq(**records(HOME))) for _ in range(3)]


def settings(pki, port, servers, agreement):
    return resolved(pki.ca, [named(port, BOTH)], [server.tcp for server in servers],
                    {"agreement": agreement})


def test_one_of_three_names_another_address(pki, home, servers):
    with Impostor(NEW, home.port) as impostor, \
            Roachpin(settings(pki, home.port, servers, 2)) as proxy, Queries(proxy) as queries:
        servers[1].serve(**records(NEW))
        event = proxy.wait_event("dns_servers_disagree")
        assert (event["host"], event["servers"]) == (NODE, servers[1].tcp)
        assert HOME in event["detail"] and NEW in event["detail"]
        time.sleep(2 * HOLD)
        queries.go_on(20)
        assert impostor.connections == 0
        assert dialled(proxy) == {f"{HOME}:{home.port}"}


def test_one_of_three_adds_an_address(pki, home, servers):
    with Impostor(NEW, home.port) as impostor, \
            Roachpin(settings(pki, home.port, servers, 2)) as proxy, Queries(proxy) as queries:
        servers[2].serve(**records(HOME, NEW))
        assert proxy.wait_event("dns_servers_disagree")["servers"] == servers[2].tcp
        queries.go_on(30)
        assert impostor.connections == 0


def test_two_of_three_name_a_new_address(pki, home, servers):
    new = f"{NEW}:{home.port}"
    with FakeCockroach(pki.node, bind=new), \
            Roachpin(settings(pki, home.port, servers, 2)) as proxy, Queries(proxy):
        servers[0].serve(**records(NEW))
        servers[1].serve(**records(NEW))
        proxy.wait_event("address_admitted", address=new)
        proxy.wait_event("session_established", address=new)
        proxy.wait_event("dns_servers_disagree", servers=servers[2].tcp)


def test_one_of_three_is_refused(pki, home, servers):
    """It is named by itself, and the answers of the others count."""
    with Roachpin(settings(pki, home.port, servers, 2)) as proxy, Queries(proxy) as queries:
        servers[0].serve(**records(HOME, "10.9.9.9"))
        event = proxy.wait_event("dns_answer_refused", reason="not_allowed")
        assert event["server"] == servers[0].tcp and "10.9.9.9" in event["detail"]
        queries.go_on(20)
        assert not proxy.events("dns_servers_disagree")


def test_two_that_have_nothing_in_common(pki, home, servers):
    """Neither is known to be right: both are named, and both are asked for their proof."""
    with Roachpin(settings(pki, home.port, servers[:2], 1)) as proxy, Queries(proxy) as queries:
        servers[1].serve(**records(NEW))
        event = proxy.wait_event("dns_servers_disagree")
        assert event["servers"] == f"{servers[0].tcp}, {servers[1].tcp}"
        proxy.wait_event("address_not_proved", address=f"{NEW}:{home.port}")
        queries.go_on(20)


@pytest.mark.parametrize("agreement", [1, 2])
def test_a_server_dies(pki, home, servers, agreement):
    with Roachpin(settings(pki, home.port, servers, agreement)) as proxy, \
            Queries(proxy) as queries:
        servers[0].end()
        event = proxy.wait_event("dns_answer_refused", reason="unreachable")
        assert event["server"] == servers[0].tcp
        assert event["finding"] == "DNS-RESOLVER-UNREACHABLE"
        queries.go_on(20)
        # The others bring a new node in; the old one goes where no vote of the dead one holds it.
        new = f"{NEW}:{home.port}"
        with FakeCockroach(pki.node, bind=new):
            for server in servers[1:]:
                server.serve(**records(NEW))
            proxy.wait_event("address_admitted", address=new)
            proxy.wait_event("session_established", address=new)
            if agreement == 2:
                proxy.wait_event("names_changed", after=new)
            queries.go_on(20)


def test_all_servers_die_and_come_back(pki, home, servers):
    with Roachpin(settings(pki, home.port, servers, 2)) as proxy, Queries(proxy) as queries:
        for server in servers:
            server.end()
        for server in servers:
            proxy.wait_event("dns_answer_refused", reason="unreachable", server=server.tcp)
        time.sleep(2 * HOLD)
        queries.go_on(20)
        new = f"{NEW}:{home.port}"
        with FakeCockroach(pki.node, bind=new):
            for server in servers:
                server.serve(**records(HOME, NEW))
            proxy.wait_event("address_admitted", address=new)
            queries.go_on(20)


def test_a_server_is_dead_at_the_start(pki, home, servers):
    servers[2].end()
    with Roachpin(settings(pki, home.port, servers, 2)) as proxy, Queries(proxy):
        assert proxy.wait_event("dns_answer_refused")["server"] == servers[2].tcp


def test_too_few_agree_at_the_start(pki, home, servers):
    """No address has been named by two servers: none is usable, and that is said."""
    servers[1].serve(**records(NEW))
    code, said = refused_start(settings(pki, home.port, servers[:2], 2))
    assert code == 1
    for word in [NODE, HOME, NEW]:
        assert word in said, said


def test_servers_of_several_kinds_and_transports(pki, home, servers):
    lines = ['local-zone: "crdb.internal." static', f'local-data: "{NODE}. 1 A {HOME}"']
    with Unbound(lines) as unbound:
        made = resolved(pki.ca, [named(home.port)], [servers[0].tcp, servers[1].udp, unbound.udp],
                        {"agreement": 3})
        with Roachpin(made) as proxy, Queries(proxy) as queries:
            queries.go_on(30)
            assert not proxy.events("dns_answer_refused") + proxy.events("dns_servers_disagree")
