"""Threads that share a ThreadedConnectionPool work through roachpin as they do without."""

import contextlib
import hashlib
import select
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from psycopg2.pool import ThreadedConnectionPool

from harness.waiting import PATIENCE

THREADS = 8
TRANSFERS = 25


@pytest.fixture
def pool(door):
    pool = ThreadedConnectionPool(2, THREADS, door.dsn, application_name="bank")
    yield pool
    pool.closeall()


@pytest.fixture
def accounts(postgres):
    postgres.do(
        "DROP TABLE IF EXISTS accounts",
        "CREATE TABLE accounts (id int PRIMARY KEY, balance int CHECK (balance >= 0))",
        "INSERT INTO accounts SELECT g, 1000 FROM generate_series(1, 10) g",
        "ALTER TABLE accounts OWNER TO app")


@contextlib.contextmanager
def borrowed(pool):
    connection = pool.getconn()
    try:
        yield connection
    finally:
        pool.putconn(connection)


@contextlib.contextmanager
def transaction(pool, **options):
    with borrowed(pool) as connection, connection, connection.cursor(**options) as cursor:
        yield cursor


def transfer(pool, source, target, amount):
    with transaction(pool) as cursor:
        # In the order of the ids, so that two transfers never wait for each other.
        for account, change in sorted([(source, -amount), (target, amount)]):
            cursor.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s", (change, account))


def test_concurrent_transactions_add_up(pool, accounts, postgres):
    def work(number):
        for step in range(TRANSFERS):
            transfer(pool, number + 1, (number + step % 9 + 1) % 10 + 1, 1)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))
    assert postgres.ask("SELECT sum(balance), count(*) FROM accounts") == [(10000, 10)]


def test_an_error_rolls_back_and_the_connection_lives_on(pool, accounts, postgres):
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        transfer(pool, 1, 2, 5000)
    assert refused.value.diag.table_name == "accounts"
    assert postgres.ask("SELECT balance FROM accounts WHERE id IN (1, 2)") == [(1000,), (1000,)]
    transfer(pool, 1, 2, 5)
    assert postgres.ask("SELECT balance FROM accounts WHERE id = 1") == [(995,)]


def test_a_large_result_arrives_whole(pool):
    with transaction(pool) as cursor:
        cursor.execute("SELECT g, repeat(chr(65 + g % 26), 1000) FROM generate_series(1, 50000) g")
        rows = cursor.fetchall()
    assert rows == [(number, chr(65 + number % 26) * 1000) for number in range(1, 50001)]


def test_a_large_parameter_arrives_whole(pool):
    content = bytes(range(256)) * 65536  # 16 MiB, twice that on the wire
    with transaction(pool) as cursor:
        cursor.execute("SELECT sha256(%s)", (psycopg2.Binary(content),))
        assert bytes(cursor.fetchone()[0]) == hashlib.sha256(content).digest()


def test_a_server_side_cursor_streams(pool):
    with transaction(pool, name="streamed") as cursor:
        cursor.itersize = 500
        cursor.execute("SELECT g FROM generate_series(1, 20000) g")
        assert sum(row[0] for row in cursor) == 20000 * 20001 // 2


def test_a_notification_reaches_a_listener_that_is_silent(pool):
    with borrowed(pool) as listener, transaction(pool) as cursor:
        listener.autocommit = True
        listener.cursor().execute("LISTEN news")
        cursor.execute("SELECT pg_notify('news', 'roaches')")
        cursor.connection.commit()
        assert select.select([listener], [], [], PATIENCE)[0]
        listener.poll()
        assert [notice.payload for notice in listener.notifies] == ["roaches"]


def test_the_login_carries_every_parameter(pool):
    with transaction(pool) as cursor:
        cursor.execute("SELECT current_user, current_database(), current_setting('application_name')")
        assert cursor.fetchone() == ("app", "appdb", "bank")
