"""asyncpg with its pool: a transfer for each line "SOURCE TARGET AMOUNT" of stdin.

DATABASE_URL=postgresql://app:secret@localhost:26257/bank?sslmode=require
"""

import asyncio
import os
import random
import sys

import asyncpg


def create_pool():
    # Of a fixed size, and idle ones are kept: asyncpg notices by itself when one's session is
    # ended. It knows no greatest age of a connection: that is for roachpin's lifetime.max.
    return asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=16, max_size=16,
        max_inactive_connection_lifetime=0,
        # Longer than roachpin's timeouts.establish: who gives up earlier never hears the reason.
        timeout=20,
        server_settings={"application_name": "bank"})


def is_lost(connection):
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # so much so that the pool has taken it back


def may_be_repeated(error, connection, committing):
    """Whether it is certain that nothing was done. With 40001 the database says so itself; a
    connection that was lost leaves doubt once COMMIT has been sent."""
    if isinstance(error, asyncpg.SerializationError):
        return True
    # 57P01 is told before the connection ends.
    lost = isinstance(error, asyncpg.AdminShutdownError) or is_lost(connection)
    return lost and not committing


async def in_transaction(pool, work, tries=5):
    """work(connection) in a transaction, done again from its start where that is safe."""
    for attempt in range(1, tries + 1):
        # Not repeated when this fails: roachpin has tried every node already.
        async with pool.acquire() as connection:
            committing = False
            try:
                async with connection.transaction():
                    result = await work(connection)
                    committing = True
                return result
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if attempt == tries or not may_be_repeated(error, connection, committing):
                    raise
        await asyncio.sleep(random.uniform(0, 0.05 * 2 ** attempt))


async def transfer(pool, source, target, amount):
    async def work(connection):
        for account, change in (source, -amount), (target, amount):
            done = await connection.execute(
                "UPDATE accounts SET balance = balance + $1 WHERE id = $2", change, account)
            if done != "UPDATE 1":
                raise LookupError(f"no account {account}")

    await in_transaction(pool, work)


async def main():
    loop = asyncio.get_running_loop()
    async with create_pool() as pool:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                await transfer(pool, *map(int, line.split()))
                print("ok", flush=True)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, LookupError) as error:
                sqlstate = getattr(error, "sqlstate", None) or ""
                print("failed", sqlstate, " ".join(str(error).split()), flush=True)


asyncio.run(main())
