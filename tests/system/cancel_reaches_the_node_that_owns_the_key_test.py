"""A statement is cancelled on whichever node it runs: roachpin knows who gave the key, and asks that
one. Databases other than CockroachDB, like this one, would not pass the request on."""

import asyncio
import subprocess
import threading

import asyncpg
import psycopg2
import pytest

from harness.certificates import NODE
from harness.door import Door
from harness.jdbc import compiled, url
from harness.postgres import Closing, Postgres
from harness.psql import InterruptedPsql
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import PATIENCE, until

TIMES = 4
"""Each application's tries, some of them on each node."""


@pytest.fixture(scope="module")
def databases(pki, postgres):
    second = Postgres(pki.ca, pki.node)
    yield [postgres, second]
    second.stop()


@pytest.fixture
def proxy(pki, databases):
    nodes = [node(NODE, each.port) for each in databases]
    with Roachpin(configuration(pki.ca, nodes, workers=2)) as started:
        yield started


def wait_ended(proxy):
    """Then both databases have no session, and the next one goes to the one whose turn it is."""
    until("the application's session ends", lambda: len(
        proxy.events("session_established")) == len(proxy.events("session_ended")))


def wait_running(databases, text):
    """The database on which the statement runs."""
    query = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s" \
            " AND pid <> pg_backend_pid()"
    return until(f"{text!r} runs", lambda: next(
        (each for each in databases if each.ask(query, f"%{text}%")), None))


def assert_each_owner_was_asked(proxy, owners):
    """`owners`: the databases whose statements were cancelled, in turn."""
    assert len({owner.port for owner in owners}) == 2, "one node had all the sessions"
    proxy.wait_event("cancel_forwarded", count=len(owners))
    asked = [(event["address"], event["owner"]) for event in proxy.events("cancel_forwarded")]
    assert asked == [(f"127.0.0.1:{owner.port}", True) for owner in owners]
    assert not proxy.events("cancel_failed")


def test_ctrl_c_in_psql(databases, proxy):
    owners = []
    for number in range(TIMES):
        text = f"psql {number}"
        door = Door("127.0.0.1", proxy.port, "disable")
        with InterruptedPsql(f"SELECT pg_sleep(60), '{text}'", **door.options) as psql:
            owners.append(wait_running(databases, text))
            code, said = psql.interrupt()
        assert code != 0 and "canceling statement due to user request" in said
        wait_ended(proxy)
    assert_each_owner_was_asked(proxy, owners)


def test_a_timeout_of_asyncpg(databases, proxy):
    async def application():
        connection = await asyncpg.connect(Door("127.0.0.1", proxy.port, "disable").url())
        try:
            port = await connection.fetchval("SELECT inet_server_port()")
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetch("SELECT pg_sleep(60)", timeout=0.3)
            # It waits here until the server has confirmed the cancel.
            assert await connection.fetchval("SELECT 'alive'", timeout=PATIENCE) == "alive"
        finally:
            await connection.close()
        return next(each for each in databases if each.port == port)

    owners = []
    for _ in range(TIMES):
        owners.append(asyncio.run(application()))
        wait_ended(proxy)
    assert_each_owner_was_asked(proxy, owners)


def test_cancel_of_jdbc(databases, proxy, tmp_path):
    java = compiled(tmp_path)
    owners = []
    for _ in range(TIMES):
        application = subprocess.Popen(
            [*java, "cancel", url("127.0.0.1", proxy.port, sslmode="disable")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        owners.append(wait_running(databases, "from jdbc"))
        said, _ = application.communicate("now\n", timeout=PATIENCE)
        assert said.splitlines() == ["ended 57014", "alive"]
        wait_ended(proxy)
    assert_each_owner_was_asked(proxy, owners)


def test_one_of_many_sessions_at_once(databases, proxy):
    """Only the one is cancelled, and the others run on."""
    connections = [psycopg2.connect(Door("127.0.0.1", proxy.port, "disable").dsn)
                   for _ in range(8)]
    ended = {}

    def run(number):
        try:
            with connections[number].cursor() as cursor:
                cursor.execute(f"SELECT pg_sleep(60), 'many {number}.'")
        except psycopg2.Error as error:
            ended[number] = error.pgcode

    statements = [threading.Thread(target=run, args=[number], daemon=True) for number in range(8)]
    try:
        for statement in statements:
            statement.start()
        owners = []
        for number in (5, 0, 6, 3):
            owners.append(wait_running(databases, f"many {number}."))
            connections[number].cancel()
            statements[number].join(PATIENCE)
            assert ended.get(number) == "57014"
        assert sorted(ended) == [0, 3, 5, 6]
        assert_each_owner_was_asked(proxy, owners)
        for number in (1, 2, 4, 7):
            connections[number].cancel()
            statements[number].join(PATIENCE)
        assert set(ended.values()) == {"57014"} and len(ended) == 8
    finally:
        for connection in connections:
            Closing(connection).__exit__()
