"""What is measured, in which order, and how it is called."""

from dataclasses import dataclass
from typing import Callable

from connecting import connect
from crowd import sessions
from traffic import active, at, copy_in, copy_out, latency, transactions


@dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    heading: str
    table: str = ""
    """Figures of one table stand side by side; its title, where there are several."""


@dataclass(frozen=True)
class Measure:
    name: str
    title: str
    figures: tuple
    run: Callable
    """(peer, stage) to the figures by their names; without one, or None, where there is none, and
    perhaps a "note" why."""
    main: str = "cpu"
    """The figure that counts, and that ratios are of."""
    max_rounds: int = 1000
    besides: tuple = ()
    """Peers which are measured once more: their name, what is different, the options for it."""
    without: tuple = ()
    beside: tuple = ("haproxy", "pgbouncer", "stunnel")
    """To whom ratios are shown."""
    fake_node: bool = False
    """In front of a fake node instead of PostgreSQL."""

    def variants(self, peer):
        """Pairs of a label and the options to start the peer with."""
        if peer in self.without:
            return []
        return [(peer, {})] + [(f"{name}, {difference}", options)
                               for name, difference, options in self.besides if name == peer]


CPU = Figure("cpu", "µs", "proxy's CPU")
PER_GB = (Figure("cpu", "s", "proxy's CPU"), Figure("client_cpu", "s", "client's CPU"),
          Figure("wall", "s", "wall"))


def measures(amounts):
    return [
        Measure("transactions", "CPU per transaction (pgbench -S -M prepared -c 8)",
                (CPU, Figure("client_cpu", "µs", "client's CPU"),
                 Figure("rate", "/s", "transactions")), transactions),
        Measure("copy-out", "CPU per GB of COPY TO STDOUT", PER_GB, copy_out),
        Measure("copy-in", "CPU per GB of COPY FROM STDIN", PER_GB, copy_in),
        Measure("latency", "Added latency of a transaction (pgbench -S -M prepared -c 1)",
                (Figure("added_p50", "µs", "p50 over direct"),
                 Figure("added_p99", "µs", "p99 over direct"),
                 Figure("over_plain_p50", "µs", "p50 over plain"),
                 Figure("over_plain_p99", "µs", "p99 over plain"),
                 Figure("p50", "µs", "p50"), Figure("p99", "µs", "p99")),
                latency, main="added_p50", beside=()),
        Measure("connect", "Connect and one query, one after the other (psycopg2)",
                (Figure("p50", "ms", "p50"), Figure("p99", "ms", "p99"),
                 Figure("to_direct", "×", "p50 to direct"),
                 Figure("burst_p50", "ms", "p50 of a burst"), CPU),
                connect, main="p50", beside=("stunnel",),
                besides=(("roachpin", "no spares", {"spares": False}),)),
        Measure("active", f"Busy connections: {listed(amounts.active)}; one thread and two",
                growing(amounts.active, (
                    ("cpu", "µs", "Proxy's CPU per transaction"),
                    ("rate", "/s", "Transactions"))),
                active, main=at("cpu", amounts.active[-1]), max_rounds=3,
                without=("direct",), beside=("haproxy",),
                besides=(("roachpin", "2 workers", {"workers": 2}),
                         ("haproxy", "2 threads", {"workers": 2}))),
        Measure("sessions", f"Idle sessions: {listed(amounts.sessions)}",
                growing(amounts.sessions, (
                    ("rss", "KiB", "Memory (RSS) per idle session"),
                    ("idle_cpu", "ms/s", "Proxy's CPU while all are idle"),
                    ("open_cpu", "µs", "Proxy's CPU per session that is opened"))),
                sessions, main=at("rss", amounts.sessions[-1]), max_rounds=2,
                without=("direct",), beside=(),
                besides=(("roachpin", "client TLS", {"tls": True}),
                         ("roachpin", "no proofs", {"proofs": False, "spares": False}),
                         ("pgbouncer", "client TLS", {"tls": True})), fake_node=True),
    ]


def growing(counts, kinds):
    """A table of each kind."""
    return tuple(Figure(at(kind, count), unit, f"{count:,}", title)
                 for kind, unit, title in kinds for count in counts)


def listed(counts):
    return ", ".join(f"{count:,}" for count in counts)
