"""health.http: a node's own word can take it out, as when it drains or has lost its quorum, and can
let none in."""

import pytest

from harness.certificates import NODE
from harness.drivers import Load
from harness.fake_cockroach import FakeCockroach
from harness.health_port import HealthPort, serving
from harness.roachpin import Roachpin, configuration, node
from harness.wire import Wire

LOGIN = {"user": "app", "database": "bank"}
PATH = "/health?ready=1"
ADDRESSES = ["127.0.0.1", "127.0.0.2"]


@pytest.fixture
def fake(pki):
    """One process for both addresses."""
    with FakeCockroach(pki.node, bind="0.0.0.0:0") as started:
        yield started


@pytest.fixture
def ports(pki):
    """The same port at both addresses."""
    first = HealthPort(ADDRESSES[0], 0, pki.node)
    with serving(first), serving(
            HealthPort(ADDRESSES[1], first.server_address[1], pki.node)) as second:
        yield [first, second]


@pytest.fixture
def proxy(pki, fake, ports):
    made = configuration(
        pki.ca, [node(NODE, fake.port, ADDRESSES)], start="wait", balance="round_robin",
        health={"interval": "200ms", "timeout": "200ms",
                "http": {"enabled": True, "port": ports[0].server_address[1]}})
    with Roachpin(made) as started:
        for address in ADDRESSES:
            started.wait_event("address_admitted", address=f"{address}:{fake.port}")
        yield started


def where_sessions_go(proxy):
    before = len(proxy.events("session_established"))
    for number in range(4):
        with Wire(proxy.port) as client:
            client.login("", **LOGIN)
            assert client.ask("SELECT 1") == ["SELECT 1"]
        proxy.wait_event("session_established", count=before + number + 1)
    return {event["address"].split(":")[0] for event in proxy.events("session_established")[before:]}


def test_503_takes_it_out_and_200_lets_it_back(proxy, fake, ports):
    assert where_sessions_go(proxy) == set(ADDRESSES)
    address = f"{ADDRESSES[0]}:{fake.port}"
    ports[0].status = 503  # quorum lost
    told = proxy.wait_event("address_not_proved", address=address)
    assert (told["state"], told["phase"], told["reason"]) == ("not_ready", "health", "http_status")
    assert "503" in told["detail"] and told["hostile"] is False
    assert where_sessions_go(proxy) == {ADDRESSES[1]}
    ports[0].status = 200
    proxy.wait_event("address_admitted", address=address, count=2)
    assert where_sessions_go(proxy) == set(ADDRESSES)
    assert ports[0].asked[0] == (PATH, f"{NODE}:{ports[0].server_address[1]}")


def test_where_none_is_ready_all_are_tried(proxy, fake, ports):
    for number, port in enumerate(ports):
        port.status = 503
        proxy.wait_event("address_not_proved", address=f"{ADDRESSES[number]}:{fake.port}")
    assert where_sessions_go(proxy)


def test_it_admits_no_node_that_does_not_prove_itself(proxy, fake, ports):
    fake.command("play answers-n")
    for address in ADDRESSES:
        told = proxy.wait_event("address_not_proved", address=f"{address}:{fake.port}")
        assert told["state"] == "hostile"
    asked = len(ports[0].asked)
    fake.command("play secure")
    for address in ADDRESSES:
        proxy.wait_event("address_admitted", address=f"{address}:{fake.port}", count=2)
    assert where_sessions_go(proxy) == set(ADDRESSES)
    assert len(ports[0].asked) > asked  # it is asked behind a proof


def test_fifty_applications_notice_nothing(proxy, fake, ports):
    with Load(proxy.port) as load:
        for number, port in enumerate(ports):
            address = f"{ADDRESSES[number]}:{fake.port}"
            with proxy.expecting("address_not_proved", address=address, state="not_ready"):
                port.status = 503
            load.go_on()
            with proxy.expecting("address_admitted", address=address):
                port.status = 200
            load.go_on()
        load.stop()
        load.assert_no_harm()
        assert not load.lost
