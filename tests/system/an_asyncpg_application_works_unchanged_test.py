"""asyncpg, which speaks the protocol by itself, works through roachpin as it does without."""

import asyncio

import asyncpg
import pytest

from harness.door import Door
from harness.postgres import SCRAM_USER
from harness.roachpin import Roachpin


@pytest.mark.parametrize("user", ["app", SCRAM_USER])
def test_it_logs_in_and_asks(door, user):
    async def application():
        connection = await asyncpg.connect(door.url(user=user))
        try:
            assert await connection.fetchval("SELECT current_user") == user
            rows = await connection.fetch("SELECT g, g::text FROM generate_series(1, $1) g", 5000)
            assert [tuple(row) for row in rows] == [(n, str(n)) for n in range(1, 5001)]
        finally:
            await connection.close()

    asyncio.run(application())


def test_a_pool_serves_concurrent_transactions(door):
    async def deposit(pool, amount):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("UPDATE asyncpg_till SET money = money + $1", amount)

    async def application():
        async with asyncpg.create_pool(door.url(), min_size=2, max_size=8) as pool:
            await pool.execute("DROP TABLE IF EXISTS asyncpg_till")
            await pool.execute("CREATE TABLE asyncpg_till (money int)")
            await pool.execute("INSERT INTO asyncpg_till VALUES (0)")
            await asyncio.gather(*(deposit(pool, amount) for amount in range(1, 41)))
            assert await pool.fetchval("SELECT money FROM asyncpg_till") == 40 * 41 // 2

    asyncio.run(application())


def test_binary_copy_and_cursors(door):
    records = [(number, bytes([number % 256]) * 200) for number in range(20_000)]

    async def application():
        connection = await asyncpg.connect(door.url())
        try:
            await connection.execute("CREATE TEMP TABLE copied (id int, content bytea)")
            await connection.copy_records_to_table("copied", records=records)
            async with connection.transaction():
                cursor = connection.cursor("SELECT * FROM copied ORDER BY id", prefetch=333)
                assert [tuple(row) async for row in cursor] == records
        finally:
            await connection.close()

    asyncio.run(application())


def test_an_error_leaves_the_connection_usable(door):
    async def application():
        connection = await asyncpg.connect(door.url())
        try:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await connection.fetchval("SELECT 1 / $1::int", 0)
            assert await connection.fetchval("SELECT 1 / $1::int", 1) == 1
        finally:
            await connection.close()

    asyncio.run(application())


def test_verify_full_with_the_exported_certificate(settings, tmp_path):
    exported = tmp_path / "roachpin.crt"
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True, "export_file": str(exported)}}

    async def application(url):
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT 'verified'")
        finally:
            await connection.close()

    with Roachpin(settings([listener])) as proxy:
        door = Door("localhost", proxy.port, "verify-full", str(exported))
        assert asyncio.run(application(door.url())) == "verified"

