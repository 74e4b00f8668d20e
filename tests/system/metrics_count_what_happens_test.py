"""Every metric tells what it says it tells: through the real program, and clean for promtool."""

import socket
import subprocess

import pytest

from harness.certificates import NODE, Pki
from harness.dns_servers import Dnsmasq
from harness.fake_cockroach import FakeCockroach
from harness.metrics import scrape
from harness.names import named, resolved
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until
from harness.wire import Wire, startup

LOGIN = {"user": "app", "database": "bank"}
QUICK = {"interval": "200ms", "timeout": "200ms"}


@pytest.fixture
def fake(pki):
    with FakeCockroach(pki.node) as one:
        yield one


@pytest.fixture
def proxy(pki, fake):
    settings = configuration(
        pki.ca, [node(NODE, fake.port)], health=QUICK, limits={"max_connections": 2})
    with Roachpin(settings) as one:
        yield one


def settled(proxy, name, expected, **labels):
    """Waits for a value, since what a client sees comes a little before what is counted."""
    until(f"{name} {labels} to be {expected}",
          lambda: scrape(proxy).value(name, **labels) == expected)


def test_what_becomes_of_clients(proxy):
    listener = proxy.listeners[0]
    results = {"listener": listener}
    name = "roachpin_client_connections_total"
    assert {has["result"]: value for has, value in scrape(proxy).all(name, **results)} == {
        "session": 0, "refused": 0, "gone": 0, "cancel": 0, "probe": 0}

    with Wire(proxy.port) as first, Wire(proxy.port) as second:
        first.login("", **LOGIN)
        second.login("", **LOGIN)
        settled(proxy, "roachpin_client_connections_active", 2, listener=listener)
        with Wire(proxy.port) as third:
            third.send(startup(**LOGIN))
            assert third.refusal()["C"] == "53300"
        now = scrape(proxy)
        assert now.value("roachpin_connections_active") == 2
        assert now.value("roachpin_connections_limit") == 2
        assert now.value(name, result="session") == 2
        assert now.value(name, result="refused") == 1
        assert now.value(
            "roachpin_client_rejections_total", reason="too_many_connections") == 1
        assert now.value("roachpin_session_seconds_count") == 0
    settled(proxy, "roachpin_session_seconds_count", 2)
    settled(proxy, "roachpin_connections_active", 0)

    socket.create_connection(("127.0.0.1", proxy.port)).close()
    settled(proxy, name, 1, result="probe")
    with socket.create_connection(("127.0.0.1", proxy.port)) as gone:
        gone.sendall(b"\0\0\0")
    settled(proxy, name, 1, result="gone")
    assert scrape(proxy).value("roachpin_client_opening_seconds_count") == 3
    assert scrape(proxy).value("roachpin_establish_seconds_count", node=NODE) == 2


def test_octets_are_counted_while_they_pass(proxy):
    with Wire(proxy.port) as client:
        client.login("", **LOGIN)
        before = scrape(proxy)
        client.ask("SELECT 1")
        after = scrape(proxy)
        for direction in ("to_node", "to_client"):
            grown = [now.value("roachpin_bytes_total", node=NODE, direction=direction)
                     for now in (before, after)]
            assert 0 < grown[0] < grown[1]
    ended = proxy.wait_event("session_ended")
    now = scrape(proxy)
    for direction in ("to_node", "to_client"):
        value = now.value("roachpin_bytes_total", node=NODE, direction=direction)
        assert value == ended[f"bytes_{direction}"]


def test_a_node_and_what_answers_in_its_place(tmp_path, fake, proxy):
    address = f"127.0.0.1:{fake.port}"
    now = scrape(proxy)
    states = {has["state"]: value for has, value in now.all("roachpin_node_state", node=NODE)}
    assert states == {
        "unknown": 0, "ready": 1, "failing": 0, "down": 0, "hostile": 0, "not_ready": 0}
    assert now.value("roachpin_ready") == 1
    assert now.value("roachpin_upstream_dials_total", node=NODE, result="hostile") == 0
    for phase in ("tcp", "sslrequest", "tls"):
        assert now.value("roachpin_upstream_dial_seconds_count", node=NODE, phase=phase) >= 1
    ends = now.value("roachpin_node_certificate_not_after_timestamp_seconds", address=address)
    assert ends > now.value("process_start_time_seconds")
    assert len(now.all("roachpin_ca_certificate_not_after_timestamp_seconds")) == 1

    fake.kill()
    settled(proxy, "roachpin_node_state", 1, address=address, state="down")
    stranger = Pki(tmp_path).node
    with FakeCockroach(stranger, bind=address):
        settled(proxy, "roachpin_node_state", 1, address=address, state="hostile")
        settled(proxy, "roachpin_ready", 0)
        now = scrape(proxy)
        assert now.value("roachpin_upstream_dials_total", node=NODE, result="hostile") >= 1
        assert now.all("roachpin_upstream_verification_failures_total", node=NODE)
        assert now.value("roachpin_node_state", address=address, state="ready") == 0


def test_names(pki, fake):
    answer = {"host_record": [f"{NODE},127.0.0.1"], "local": "/internal/"}
    with Dnsmasq(**answer) as server:
        nodes = [named(fake.port, allow=["127.0.0.1/32"])]
        with Roachpin(resolved(pki.ca, nodes, server.tcp)) as proxy:
            settled(proxy, "roachpin_dns_addresses", 1, host=NODE, state="usable")
            now = scrape(proxy)
            assert now.value("roachpin_dns_stale", host=NODE) == 0
            assert now.value("roachpin_dns_queries_total", result="answered") >= 1
            assert now.value("roachpin_dns_query_seconds_count", server=server.tcp) >= 1
            assert now.value("roachpin_dns_last_success_timestamp_seconds", host=NODE) > 0
            refused = "roachpin_dns_answers_refused_total"
            assert now.value(refused, host=NODE, reason="not_allowed") == 0
            server.serve(host_record=[f"{NODE},10.9.9.9"], local="/internal/")
            proxy.wait_event("dns_answer_refused", reason="not_allowed")
            first = scrape(proxy).value(refused, host=NODE, reason="not_allowed")
            until("every refusal to be counted, not only the first", lambda: scrape(
                proxy).value(refused, host=NODE, reason="not_allowed") > first)
            assert len(proxy.events("dns_answer_refused")) == 1


def test_a_reload(proxy):
    now = scrape(proxy)
    read_at = now.value("roachpin_config_last_reload_success_timestamp_seconds")
    assert now.value("roachpin_config_reloads_total", result="success") == 0
    with proxy.expecting("reload_failed"):
        proxy.reconfigure("nonsense: 1\n")
    now = scrape(proxy)
    assert now.value("roachpin_config_reloads_total", result="failure") == 1
    assert now.value("roachpin_config_last_reload_success_timestamp_seconds") == read_at
    with proxy.expecting("reloaded"):
        proxy.reconfigure(proxy.settings)
    now = scrape(proxy)
    assert now.value("roachpin_config_reloads_total", result="success") == 1
    assert now.value("roachpin_config_last_reload_success_timestamp_seconds") > read_at


def test_promtool_finds_nothing_to_say(proxy):
    with Wire(proxy.port) as client:
        client.login("", **LOGIN)
    proxy.wait_event("session_ended")
    done = subprocess.run(["promtool", "check", "metrics"], input=proxy.get("/metrics")[2],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
