"""Ctrl-C, conn.cancel() and a timeout end the running statement; the cancel key crosses the network
only inside verified TLS, and the canceller gets no answer, as from PostgreSQL."""

import asyncio
import struct
import threading

import asyncpg
import psycopg2
import pytest

from harness import wire
from harness.certificates import NODE, Pki
from harness.fake_cockroach import FakeCockroach
from harness.postgres import Closing
from harness.psql import InterruptedPsql
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import PATIENCE
from harness.wire import Wire

KEY = struct.pack("!II", 0x00800001, 0xCAFEF00D)


def test_ctrl_c_in_psql(door, postgres):
    with InterruptedPsql("SELECT pg_sleep(60), 'from psql'", **door.options) as psql:
        postgres.wait_running("from psql")
        code, said = psql.interrupt()
    assert code != 0 and "canceling statement due to user request" in said


def test_ctrl_c_where_tls_is_required(settings, postgres):
    """libpq before 17 sends its CancelRequest in clear even then, to loopback."""
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True, "required": True}}
    with Roachpin(settings([listener])) as proxy:
        options = {"host": "localhost", "port": proxy.port, "sslmode": "require"}
        with InterruptedPsql("SELECT pg_sleep(60), 'required'", **options) as psql:
            postgres.wait_running("required")
            code, said = psql.interrupt()
        assert code != 0 and "canceling statement due to user request" in said


def test_cancel_of_psycopg2(door, postgres):
    with Closing(psycopg2.connect(door.dsn)) as connection, connection.cursor() as cursor:
        ended = []

        def run():
            try:
                cursor.execute("SELECT pg_sleep(60), 'from psycopg2'")
            except psycopg2.Error as error:
                ended.append(error.pgcode)

        statement = threading.Thread(target=run)
        statement.start()
        postgres.wait_running("from psycopg2")
        connection.cancel()
        statement.join(PATIENCE)
        assert ended == ["57014"]
        connection.rollback()
        cursor.execute("SELECT 'alive'")
        assert cursor.fetchone() == ("alive",)


def test_a_timeout_of_asyncpg(door):
    async def application():
        connection = await asyncpg.connect(door.url())
        try:
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetch("SELECT pg_sleep(60)", timeout=0.3)
            # It waits here until the server has confirmed the cancel.
            assert await connection.fetchval("SELECT 'alive'", timeout=PATIENCE) == "alive"
        finally:
            await connection.close()

    asyncio.run(application())


@pytest.fixture
def fake(pki):
    with FakeCockroach(pki.node) as node_of_its_own:
        yield node_of_its_own


@pytest.mark.parametrize("local", ["in the clear", "TLS"])
def test_the_key_is_seen_inside_tls_only(pki, fake, local):
    listener = {"bind": "127.0.0.1:0", **({"tls": {"auto": True}} if local == "TLS" else {})}
    with Roachpin(configuration(pki.ca, [node(NODE, fake.port)], [listener])) as proxy:
        with Wire(proxy.port) as client:
            if local == "TLS":
                client.request_tls()
                client.start_tls()
            client.send(wire.opening(wire.CANCEL, KEY))
            assert client.ended()
        proxy.wait_event("cancel_forwarded", node=NODE)
        seen = fake.wait_finished(2)[-1]  # the first one was the proof at the start
    assert seen.before_tls == wire.opening(wire.SSL)
    assert seen.plaintext == wire.opening(wire.CANCEL, KEY)


def test_the_key_is_not_sent_to_an_unverified_node(fake, tmp_path):
    stranger = Pki(tmp_path / "other")
    with Roachpin(configuration(stranger.ca, [node(NODE, fake.port)], start="wait")) as proxy:
        with Wire(proxy.port) as client:
            client.send(wire.opening(wire.CANCEL, KEY))
            assert client.ended()
        assert proxy.wait_event("cancel_failed")["reason"]
        seen = fake.wait_finished(2)
    assert all(one.before_tls == wire.opening(wire.SSL) for one in seen)
    assert all(one.plaintext == b"" for one in seen)
