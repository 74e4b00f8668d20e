"""Packets are lost, late and out of order, on both sides of roachpin: every statement and every octet
arrives all the same. A node that is behind a black hole costs its deadline, and that is said."""

import time

import psycopg2

from harness.copying import LINE, Hashed, Lines
from harness.certificates import NODE
from harness.metrics import scrape
from harness.three_machines import NODES, PORT, PROXY, ThreeMachines
from harness.waiting import until
from harness.work import Work

LOSS = "numgen random mod 100 < {} counter drop"
QUIET = {"interval": "60s"}  # no probe finds out what a session shall
LINES = 2 << 10


def copy_both_ways(session, lines):
    """Out and back, byte for byte."""
    with session.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE copied (line text)")
        sent, came = Lines(lines), Hashed()
        cursor.copy_expert("COPY copied FROM STDIN", sent)
        cursor.copy_expert("COPY copied TO STDOUT", came)
    assert came.size == lines * LINE and came.hash.digest() == sent.hash.digest()


def work_and_copy(machines, proxy, lines):
    before = proxy.descriptors
    with machines.client.inside(), Work(machines.postgres, PORT, 2, fresh=1, host=PROXY) as work:
        session = psycopg2.connect(**work.options)
        copy_both_ways(session, lines)
        session.close()
        work.go_on(2, within=60)
    until("all is given back", lambda: proxy.descriptors <= before)
    ends = scrape(proxy)
    assert ends.value("roachpin_session_ends_total", reason="client_closed") >= 3
    for reason in ("client_lost", "node_lost", "cut"):
        assert ends.value("roachpin_session_ends_total", reason=reason) == 0
    assert ends.value("roachpin_bytes_total", node=NODE, direction="to_client") > lines * LINE


def test_packets_are_lost_everywhere(machines):
    with machines.roachpin(health=QUIET) as proxy:
        for machine in (machines.client, machines.proxy, machines.node):
            machine.rules(LOSS.format(3))
        work_and_copy(machines, proxy, LINES)
        assert all(machine.dropped() > 10 for machine in (machines.client, machines.proxy, machines.node))


def test_packets_are_late_and_out_of_order_and_lost(pki):
    with ThreeMachines(pki, slow={"delay": 0.025, "late": 0.02}) as machines, \
            machines.roachpin(health=QUIET) as proxy:
        machines.node.rules(LOSS.format(1))
        work_and_copy(machines, proxy, LINES // 4)
        assert machines.node.dropped() > 0 and machines.slow.reordered > 10


def test_a_node_in_a_black_hole_costs_its_deadline_and_is_said(machines):
    with machines.roachpin(health=QUIET, timeouts={"dial": "1s"}) as proxy, \
            machines.client.inside(), Work(machines.postgres, PORT, 2, host=PROXY) as work:
        machines.node.rules(f"ip daddr {NODES[0]} tcp flags & (syn | ack) == syn counter drop")
        begun = time.monotonic()
        session = psycopg2.connect(**work.options)
        took = time.monotonic() - begun
        assert 0.9 < took < 5
        with session.cursor() as cursor:
            cursor.execute("SELECT host(inet_server_addr())")
            assert cursor.fetchone() == (NODES[1],)
        session.close()
        said = proxy.wait_event("dial_failed", address=f"{NODES[0]}:{PORT}", reason="timeout")
        assert said["phase"] == "tcp" and "timeouts.dial" in said["detail"]
        proxy.wait_event("startup_replayed", address=f"{NODES[1]}:{PORT}", reason="timeout")
        work.go_on()  # their packets pass
        # The session's failure had it looked at, and it is out: the next does not pay.
        proxy.wait_event("address_not_proved", address=f"{NODES[0]}:{PORT}", state="down")
        with machines.proxy.inside():
            seen = scrape(proxy)
        assert seen.value("roachpin_upstream_dials_total", node=NODE, result="down") >= 2
        begun = time.monotonic()
        psycopg2.connect(**work.options).close()
        assert time.monotonic() - begun < 0.9
        machines.node.rules("")
        with proxy.expecting("address_admitted", address=f"{NODES[0]}:{PORT}"):
            pass
