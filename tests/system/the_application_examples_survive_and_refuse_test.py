"""The applications of config/examples work behind config/examples/roachpin/local.yaml as it stands;
a conflict, a lost connection, a drain and a restart are no errors to them; a COMMIT in doubt, an
impostor and what fails for a reason of its own are."""

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from harness.bank import APPLICATION, Bank, Cable, behind, imported
from harness.certificates import Pki
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, started_with
from harness.waiting import PATIENCE


@pytest.fixture(scope="module")
def bank(postgres):
    return Bank(postgres)


@pytest.fixture
def settings(pki, postgres, tmp_path):
    def make(bind, port=None):
        return behind("local.yaml", pki.ca, port or postgres.port, bind, tmp_path)

    return make


@pytest.fixture
def stranger(tmp_path):
    (tmp_path / "other").mkdir()
    with FakeCockroach(Pki(tmp_path / "other").node) as one:
        yield one


@pytest.mark.parametrize("name", APPLICATION)
def test_it_survives_what_it_should_and_nothing_else(
        name, bank, settings, pki, postgres, stranger, tmp_path):
    bank.open()
    first = Roachpin(settings("127.0.0.1:0"))
    with first, contextlib.ExitStack() as until_later:
        bind = f"127.0.0.1:{first.port}"
        cable = until_later.enter_context(Cable(first.port))
        application = until_later.enter_context(APPLICATION[name](cable.port, tmp_path))
        works(application, bank)
        a_commit_in_doubt_is_not_repeated(application, bank)
        a_conflict_is_repeated(application, bank)
        a_lost_connection_is_repeated(application, bank, cable)
        what_fails_for_a_reason_of_its_own_is_not_repeated(application, bank)
        bank.wait_session()
        # The application lives on while its proxies come and go.
        rest_of_its_life = until_later.pop_all()
    with rest_of_its_life:
        with Roachpin(settings(bind)) as second:
            a_drain_is_not_noticed(application, bank)
            assert second.wait_event("session_established")["application_name"] == "bank"
        with started_with(pki.node, settings(bind, stranger.port)) as misled:
            an_impostor_is_told(application, bank, misled)
        with Roachpin(settings(bind)):
            assert application.begin(1, 2, 1)() == "ok"
            assert bank.balances == [98, 102]


def works(application, bank):
    assert application.begin(1, 2, 5)() == "ok"
    assert bank.balances == [95, 105]


def a_commit_in_doubt_is_not_repeated(application, bank):
    with bank.commits_hang():
        done = application.begin(1, 2, 50)
        pid = bank.wait_blocked("advisory")
        bank.end(pid)
        assert done().startswith("failed")
    assert bank.balances == [95, 105]


def a_conflict_is_repeated(application, bank):
    with bank.somebody_else_changes(account=2):
        done = application.begin(1, 2, 2)
        bank.wait_blocked("transactionid")
    assert done() == "ok"
    assert bank.balances == [93, 108]
    with bank.the_next_commit_conflicts():
        assert application.begin(1, 2, 1)() == "ok"
    assert bank.balances == [92, 109]


def a_lost_connection_is_repeated(application, bank, cable):
    with bank.somebody_else_changes(account=2):
        done = application.begin(1, 2, 1)
        bank.end(bank.wait_blocked("transactionid"))
    assert done() == "ok"
    assert bank.balances == [91, 111]
    with bank.somebody_else_changes(account=2):
        done = application.begin(1, 2, 1)
        bank.wait_blocked("transactionid")
        cable.cut()
    assert done() == "ok"
    assert bank.balances == [90, 113]


def what_fails_for_a_reason_of_its_own_is_not_repeated(application, bank):
    bank.open()
    with bank.counting() as changes:
        said = application.begin(1, 3, 7)()
        assert said.startswith("failed") and "no account 3" in said
        assert changes() == 1
    with bank.counting(then="RAISE lock_not_available USING MESSAGE = 'of this test';") as changes:
        said = application.begin(1, 2, 7)()
        assert said.startswith("failed") and "of this test" in said
        assert changes() == 1
    assert bank.balances == [100, 100]


def a_drain_is_not_noticed(application, bank):
    assert application.begin(1, 2, 1)() == "ok"
    assert bank.balances == [99, 101]


def an_impostor_is_told(application, bank, misled):
    said = application.begin(1, 2, 30)()
    assert said.startswith("failed")
    misled.wait_event("client_refused", sqlstate="08004")
    # libpq tells its applications no SQLSTATE of a login; the reason and the event it does.
    assert said.startswith("failed 08004") or "did not prove to be the one configured" in said
    refused = misled.events("client_refused", sqlstate="08004")
    assert any(event["id"] in said for event in refused), said
    assert bank.balances == [99, 101]


@pytest.fixture
def local(settings):
    with Roachpin(settings("127.0.0.1:0")) as one:
        yield one


def test_psycopg2s_pool_keeps_what_it_lent_out(local):
    both_are_lent = threading.Barrier(2, timeout=PATIENCE)

    def session(cursor):
        both_are_lent.wait()
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()

    def sessions():
        return set(threads.map(example.in_transaction, [session] * 2))

    with imported("psycopg2_pool", local.port) as example, ThreadPoolExecutor(2) as threads:
        first = sessions()
        assert len(first) == 2 and sessions() == first
        example.pool.closeall()


def test_an_error_of_the_kind_that_a_lost_connection_has_is_not_taken_for_one(local):
    calls = []

    def work(cursor):
        calls.append(cursor)
        raise psycopg2.OperationalError("of another database")

    with imported("psycopg2_pool", local.port) as example:
        with pytest.raises(psycopg2.OperationalError, match="of another"):
            example.in_transaction(work)
        example.pool.closeall()
    assert len(calls) == 1


def test_asyncpg_neither(local):
    calls = []

    async def work(connection):
        calls.append(connection)
        raise ConnectionRefusedError("by another service")

    async def attempt():
        async with example.create_pool() as pool:
            await example.in_transaction(pool, work)

    with imported("asyncpg_pool", local.port) as example, \
            pytest.raises(ConnectionRefusedError, match="another"):
        asyncio.run(attempt())
    assert len(calls) == 1
