"""A peer goes away without a word, as machines do that lose their power: within the time that
`keepalive` sets the session ends, the other side is told, it is said and counted, and nothing of it
is left."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from harness.metrics import scrape
from harness.postgres import DATABASE, PASSWORD, USER
from harness.three_machines import CLIENTS, NODES, PORT, PROXY
from harness.waiting import until
from harness.wire import Wire, query
from harness.work import Work

KEEPALIVE = {"idle": "1s", "interval": "1s", "count": 2, "user_timeout": "3s"}
BOUND = 3
"""Seconds: idle + interval * count, and user_timeout."""
QUIET = {"interval": "60s"}


@pytest.fixture
def served(machines):
    """A proxy, and applications that are at nobody's end; in the end only theirs was there."""
    with machines.roachpin(health=QUIET, keepalive=KEEPALIVE) as proxy:
        with machines.client.inside():
            work = Work(machines.postgres, PORT, 2, host=PROXY)
            before = proxy.descriptors
            with work:
                yield proxy, work
                work.go_on()
        until("all is given back", lambda: proxy.descriptors <= before)


def connect(work, name):
    session = psycopg2.connect(**work.options, application_name=name, keepalives_idle=1,
                               keepalives_interval=1, keepalives_count=20)
    session.autocommit = True
    return session


def ask(session, statement):
    with session.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def assert_ends_in_time(machines, proxy, reason, name, since):
    said = proxy.wait_event("session_ended", application_name=name)
    took = time.monotonic() - since
    assert said["reason"] == reason and said["level"] == "warning"
    assert said["detail"] in ("Connection timed out", "No route to host")
    assert BOUND - 1.5 < took < BOUND + 8, took
    with machines.proxy.inside():  # the log hears of it first
        until("it is counted", lambda: scrape(proxy).value(
            "roachpin_session_ends_total", reason=reason) == 1)


def own_port(machines, name):
    """Of roachpin's connection to the database for that session."""
    return machines.postgres.ask(
        "SELECT client_port FROM pg_stat_activity WHERE application_name = %s", name)[0][0]


@pytest.mark.parametrize("statement", [None, "SELECT 'nobody answers'"])
def test_the_node_vanishes(machines, served, statement):
    proxy, work = served
    name = "asking" if statement else "idle"
    # psycopg2 says the end of TLS instead of the message before it.
    with Wire((PROXY, PORT)) as client:
        assert client.request_tls() == b"S"
        client.start_tls().login(PASSWORD, user=USER, database=DATABASE, application_name=name)
        machines.node.rules(f"tcp sport {own_port(machines, name)} drop")
        since = time.monotonic()
        if statement:
            client.send(query(statement))
        refusal = client.refusal()
        assert refusal.code == "08006" and NODES[0] in refusal.text and "timed out" in refusal.text
    assert_ends_in_time(machines, proxy, "node_lost", name, since)


@pytest.mark.parametrize("doing", ["nothing", "reading"])
def test_the_client_vanishes(machines, served, doing):
    proxy, work = served
    session = connect(work, "gone")
    facts = proxy.wait_event("session_established", application_name="gone")
    port = facts["client"].rsplit(":", 1)[1]
    assert facts["client"].startswith(CLIENTS)
    with ThreadPoolExecutor() as reader:
        if doing == "reading":
            reader.submit(ask, session, "SELECT repeat('x', 1000), pg_sleep(0.001)"
                                        " FROM generate_series(1, 100000)")
            machines.postgres.wait_running("repeat('x', 1000)")
        machines.client.rules(f"tcp dport {port} drop")
        assert_ends_in_time(machines, proxy, "client_lost", "gone", time.monotonic())
        until("the node has ended it", lambda: not machines.postgres.ask(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'gone'"))
        machines.client.rules("")
        session.close()
