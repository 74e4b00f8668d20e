"""The applications of config/examples work behind config/examples/roachpin/local.yaml as it stands;
a conflict, a drain and a restart are no errors to them, a COMMIT in doubt and an impostor are."""

import pytest

from harness.bank import APPLICATION, Bank, behind
from harness.certificates import Pki
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, started_with


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
    with first:
        bind = f"127.0.0.1:{first.port}"
        # Not in a `with` of its own: it lives on while its proxies come and go.
        application = APPLICATION[name](first.port, tmp_path)
        try:
            works(application, bank)
            a_commit_in_doubt_is_not_repeated(application, bank)
            a_conflict_is_repeated(application, bank)
            bank.wait_session()
        except BaseException:
            application.__exit__()
            raise
    with application:
        with Roachpin(settings(bind)) as second:
            a_drain_is_not_noticed(application, bank)
            assert second.wait_event("session_established")["application_name"] == "bank"
        with started_with(pki.node, settings(bind, stranger.port)) as misled:
            an_impostor_is_told(application, bank, misled)
        with Roachpin(settings(bind)):
            assert application.begin(1, 2, 1)() == "ok"
            assert bank.balances == [90, 111]


def works(application, bank):
    assert application.begin(1, 2, 5)() == "ok"
    assert bank.balances == [95, 105]


def a_commit_in_doubt_is_not_repeated(application, bank):
    with bank.commits_hang():
        done = application.begin(1, 2, 50)
        pid = bank.wait_blocked("advisory")
        bank.do(f"SELECT pg_terminate_backend({pid})")
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


def a_drain_is_not_noticed(application, bank):
    assert application.begin(1, 2, 1)() == "ok"
    assert bank.balances == [91, 110]


def an_impostor_is_told(application, bank, misled):
    said = application.begin(1, 2, 30)()
    assert said.startswith("failed")
    misled.wait_event("client_refused", sqlstate="08004")
    # libpq tells its applications no SQLSTATE of a login; the reason and the event it does.
    assert said.startswith("failed 08004") or "did not prove to be the one configured" in said
    refused = misled.events("client_refused", sqlstate="08004")
    assert any(event["id"] in said for event in refused), said
    assert bank.balances == [91, 110]
