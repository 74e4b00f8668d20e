"""What scripts/soak records, it judges rightly: a statement without an answer is lost unless its node
was killed or nothing had begun, a row is where it was said to be and nowhere else, an octet to an
impostor is one too many, and what goes up and stays up has grown."""

import contextlib
import sys
from dataclasses import replace

import pytest

from harness import wire
from harness.certificates import NODE, Pki
from harness.postgres import free_port
from harness.project import ROOT
from harness.waiting import until
from harness.wire import Wire

sys.path.insert(1, str(ROOT / "tests" / "soak"))

from impostors import Impostor, Outsider
from judge import (CUT, KILLED, LOST, NOT_TOLD, TURNED_AWAY, Down, End, Impostors, Loss, Run, Sample,
                   growth, judge, verdict)
from ledger import INSERT, TABLE, Ledger, body

DRAIN = 15
LOSS = Loss(session="soak-wire-1-1", node=1, begun=99.0, lost=100.0, inside=False, said="gone")
INSIDE = replace(LOSS, inside=True)
LONG = replace(INSIDE, begun=84.0)
WAS_DOWN = [Down(1, 99.5, 103.0)]


@pytest.mark.parametrize("expected, loss, ends, downs", [
    (LOST, LOSS, [], []),
    (LOST, LOSS, [End("node_lost", 1, 100.0)], []),
    (LOST, LOSS, [End("client_lost", 1, 100.0)], []),
    (KILLED, LOSS, [End("node_lost", 1, 100.0)], WAS_DOWN),
    (KILLED, INSIDE, [], WAS_DOWN),
    (KILLED, LOSS, [], [Down(1, 99.5)]),  # and is not back yet
    (KILLED, replace(LOSS, node=None), [End("node_lost", 1, 100.0)], WAS_DOWN),
    (KILLED, replace(LOSS, lost=160.0), [End("node_lost", 1, 100.0)], WAS_DOWN),  # read late
    (KILLED, replace(LOSS, node=None), [End("client_closed", 1, 100.0)], WAS_DOWN),  # it was told
    (LOST, replace(LOSS, node=None), [End("client_closed", 1, 100.0)], []),
    (LOST, LOSS, [End("node_lost", 1, 100.0)], [Down(0, 99.5, 103.0)]),  # another one was killed
    (LOST, LOSS, [End("node_lost", 1, 100.0)], [Down(1, 100.5, 103.0)]),  # later
    (LOST, LOSS, [End("node_lost", 1, 100.0)], [Down(1, 10.0, 20.0)]),  # long ago
    (TURNED_AWAY, LOSS, [End("retired", 1, 100.0)], []),
    (TURNED_AWAY, replace(LOSS, told=True), [End("retired", 1, 100.0)], []),
    (NOT_TOLD, replace(LOSS, told=False), [End("retired", 1, 100.0)], []),
    (LOST, INSIDE, [End("retired", 1, 100.0)], []),  # never inside a transaction
    (CUT, LONG, [End("cut", 1, 100.0)], []),
    (CUT, LONG, [End("cancelled", 1, 100.0)], []),
    (LOST, INSIDE, [End("cut", 1, 100.0)], []),  # it was not given its time
    (LOST, LOSS, [End("cut", 1, 100.0)], []),
])
def test_what_became_of_a_statement(expected, loss, ends, downs):
    assert verdict(loss, ends, downs, DRAIN) == expected


EVEN = [Sample(at, 22_000, 100, 4, 40) for at in range(100)]


def grown(**rates):
    """The even ones, with so much more each second."""
    return [replace(one, **{name: getattr(one, name) + int(rate * one.at)
                            for name, rate in rates.items()}) for one in EVEN]


WARM_UP = [replace(one, rss=5_000, sessions=0) for one in EVEN[:20]] + EVEN[20:]
PEAK = [replace(one, rss=90_000, descriptors=900) if 40 <= one.at < 60 else one for one in EVEN]


@pytest.mark.parametrize("samples, what", [
    (EVEN, []),
    (EVEN[:15], []),
    (WARM_UP, []),
    (PEAK, []),
    (grown(rss=20), []),  # the allocator
    (grown(rss=200), ["KiB of memory"]),
    (grown(descriptors=2), ["descriptors"]),
    (grown(threads=0.1), ["threads"]),
    (grown(sessions=1), ["sessions"]),
    (grown(sessions=1, descriptors=2), ["descriptors", "sessions"]),
])
def test_growth(samples, what):
    said = growth(3, samples)
    assert len(said) == len(what), said
    assert all(text.startswith("process 3 grew") and text.endswith(word)
               for text, word in zip(said, what))


def well(**changed):
    return Run(**{"samples": {1: EVEN}, "rows": 5, "impostors": Impostors(asked=3), "exits": {1: 0},
                  "rest": {"sessions": (0, 0), "descriptors": (30, 35), "threads": (4, 4)},
                  "done": {"reload": 1}, "wanted": ("reload",), **changed})


@pytest.mark.parametrize("said, changed", [
    (None, {}),
    (None, {"lost": [(LOSS, KILLED), (LOSS, TURNED_AWAY), (LONG, CUT)]}),
    ("lost: session soak-wire-1-1 on node 1", {"lost": [(LOSS, LOST)]}),
    ("not told: session", {"lost": [(LOSS, NOT_TOLD)]}),
    ("another content", {"wrong": ["another content: row 3"]}),
    ("answered, and not there: row 3", {"missing": ["row 3"]}),
    ("turned away, and there: row 3", {"ghosts": ["row 3"]}),
    ("no row was looked for", {"rows": 0}),
    ("impostors got 1 octets", {"impostors": Impostors(startup_octets=1, asked=3)}),
    ("2 connections to addresses outside", {"impostors": Impostors(outside=2, asked=3)}),
    ("no impostor was ever asked", {"impostors": Impostors()}),
    ("process 1 grew", {"samples": {1: grown(rss=200)}}),
    ("process 2 ended with -11", {"exits": {1: 0, 2: -11}}),
    ("the log says: Assertion failed", {"said": ["Assertion failed"]}),
    ("0 sessions at the start and 1 at the end", {"rest": {"sessions": (0, 1)}}),
    ("30 descriptors at the start and 50 at", {"rest": {"descriptors": (30, 50)}}),
    ("never happened: takeover", {"wanted": ("reload", "takeover")}),
])
def test_the_whole(said, changed):
    problems = judge(well(**changed))
    assert len(problems) == (said is not None), problems
    assert said is None or said in problems[0]


@pytest.fixture
def table(postgres):
    postgres.do(TABLE)
    yield postgres
    postgres.do("DROP TABLE ledger")


def audited(table, write, ends=(), downs=()):
    """What the audit of one node says after these rows were written: the number of a client that
    does not settle them itself is that of a loss."""
    run = Run()
    ledger = Ledger(run, lambda: list(downs), DRAIN)
    page = ledger.page("one")
    write(page, ledger)
    ledger.settle(lambda session: list(ends), 1000.0, 5.0)
    with table.direct() as connection:
        ledger.audit(1, connection)
        ledger.audit(1, connection)  # what has been looked at is not missed
    assert table.ask("SELECT count(*) FROM ledger") == [(0,)]
    return run


def insert(table, number, text=None):
    table.do(INSERT.format("one", number, text or body("one", number)))


def test_what_was_answered_is_there(table):
    def write(page, _):
        for _ in range(5):
            number = page.take()
            insert(table, number)
            page.answered([number], 1)

    run = audited(table, write)
    assert run.rows == 5 and not run.missing + run.ghosts + run.wrong


@pytest.mark.parametrize("node, kept, found", [
    (1, False, "missing"),  # answered, and gone
    (0, True, "ghosts"),  # answered by another node
])
def test_what_was_answered_is_there_and_nowhere_else(table, node, kept, found):
    def write(page, _):
        number = page.take()
        if kept:
            insert(table, number)
        page.answered([number], node)

    run = audited(table, write)
    assert {name for name in ("missing", "ghosts", "wrong") if getattr(run, name)} == {found}


def test_what_was_answered_is_what_was_sent(table):
    def write(page, _):
        insert(table, page.take(), "something else")
        page.answered([1], 1)

    assert audited(table, write).wrong == ["another content: row 1 of one on node 1"]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("ends, downs, ghost, lost", [
    ([End("retired", 1, 100.0)], [], True, False),  # turned away: it must not be there
    ([End("node_lost", 1, 100.0)], WAS_DOWN, False, False),  # nobody knows
    ([End("node_lost", 1, 100.0)], [], False, True),
])
def test_what_was_not_answered(table, there, ends, downs, ghost, lost):
    def write(page, ledger):
        number = page.take()
        if there:
            insert(table, number)
        ledger.lose(LOSS, page, [number])

    run = audited(table, write, ends, downs)
    assert bool(run.ghosts) == (ghost and there) and not run.missing
    assert bool(run.lost) == lost


def test_an_open_row_is_not_looked_for_yet():
    page = Ledger(Run(), list, DRAIN).page("one")
    first, second = page.take(), page.take()
    page.answered([second], 1)
    assert page.settled == 0
    page.answered([first], 1)
    assert page.settled == 2


def test_an_impostor_counts_what_it_gets(pki):
    counts, port = Impostors(), free_port()
    startup = wire.startup(user="app")
    with Impostor("127.0.0.1", port, [pki.node], counts, seed=1):
        with Wire(port) as client:  # in the clear
            client.send(startup)
        until("it counted", lambda: counts.startup_octets == len(startup))
        while counts.handshakes == 0:
            with Wire(port) as client, contextlib.suppress(OSError):
                if client.request_tls() == b"S":
                    client.start_tls().send(startup)
                    client.socket.unwrap()
        until("it counted", lambda: counts.startup_octets == 2 * len(startup))
    assert counts.asked and judge(well(impostors=counts))


def test_who_only_asks_gives_nothing_away(tmp_path):
    stranger = Pki(tmp_path / "stranger", [NODE])
    counts, port = Impostors(), free_port()
    with Impostor("127.0.0.1", port, [stranger.node], counts):
        for _ in range(20):
            with Wire(port) as client:
                client.request_tls()
        until("all were counted", lambda: counts.asked == 20)
    assert not judge(well(impostors=counts))


def test_a_connection_outside_of_the_allowlist_is_one_too_many():
    counts, port = Impostors(asked=1), free_port()
    with Outsider("127.0.0.1", port, counts):
        Wire(port).socket.close()
        until("it was counted", lambda: counts.outside)
    assert judge(well(impostors=counts)) == [
        "1 connections to addresses outside of the allowlist"]
