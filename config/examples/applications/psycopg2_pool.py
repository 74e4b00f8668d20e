"""psycopg2 with its own thread pool: a transfer for each line "SOURCE TARGET AMOUNT" of stdin.

DATABASE_URL=postgresql://app:secret@localhost:26257/bank?sslmode=require
"""

import os
import random
import select
import sys
import threading
import time

import psycopg2
from psycopg2.pool import ThreadedConnectionPool

POOL_SIZE = 16
LIFETIME = 300  # seconds


class AgingConnection(psycopg2.extensions.connection):
    """Knows when its time is over: the pool of psycopg2 does not."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.retire_at = time.monotonic() + LIFETIME * random.uniform(0.9, 1)


pool = ThreadedConnectionPool(
    0, POOL_SIZE, os.environ["DATABASE_URL"],
    connection_factory=AgingConnection,
    application_name="bank",
    # Longer than roachpin's timeouts.establish: who gives up earlier never hears the reason.
    connect_timeout=20)
# Of those that are given back, the pool keeps minconn and closes all others. It also connects so
# many when it is made, so this comes after: all are kept, and none is made before it is needed.
pool.minconn = POOL_SIZE
places = threading.BoundedSemaphore(POOL_SIZE)  # the pool itself raises where it should wait


def borrow():
    while True:
        connection = pool.getconn()
        # An idle connection has nothing to read, unless its session was ended.
        ended = select.select([connection], [], [], 0)[0]
        if not ended and time.monotonic() < connection.retire_at:
            return connection
        pool.putconn(connection, close=True)


def may_be_repeated(error, connection, committing):
    """Whether it is certain that nothing was done. With 40001 the database says so itself; a
    connection that was lost leaves doubt once COMMIT has been sent. An OperationalError alone
    says nothing of the connection: a lock_timeout is one, too."""
    return error.pgcode == "40001" or (connection.closed and not committing)


def in_transaction(work, tries=5):
    """work(cursor) in a transaction, done again from its start where that is safe."""
    with places:
        for attempt in range(1, tries + 1):
            # Not repeated when this fails: roachpin has tried every node already.
            connection = borrow()
            committing = False
            try:
                with connection.cursor() as cursor:
                    result = work(cursor)
                committing = True
                connection.commit()
                return result
            except psycopg2.Error as error:
                if attempt == tries or not may_be_repeated(error, connection, committing):
                    raise
            finally:
                pool.putconn(connection)  # rolls back what is open, drops what is closed
            time.sleep(random.uniform(0, 0.05 * 2 ** attempt))


def transfer(source, target, amount):
    def work(cursor):
        for account, change in (source, -amount), (target, amount):
            cursor.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s", (change, account))
            if cursor.rowcount != 1:
                raise LookupError(f"no account {account}")

    in_transaction(work)


for line in sys.stdin:
    try:
        transfer(*map(int, line.split()))
        print("ok", flush=True)
    except (psycopg2.Error, LookupError) as error:
        # libpq keeps the SQLSTATE of a refused login to itself: its text has to do.
        print("failed", getattr(error, "pgcode", None) or "", " ".join(str(error).split()), flush=True)
