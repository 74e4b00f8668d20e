"""What a soak finds wrong, from what was recorded: no socket, no clock, no thread."""

from dataclasses import dataclass, field
from statistics import median

SLACK = 5.0
"""Seconds between what happened and what was read of it, on a loaded machine."""


@dataclass(frozen=True)
class Down:
    """A time in which a node was killed or shut down; `end` is None while it lasts."""

    node: int
    begin: float
    end: float = None

    def covers(self, moment):
        return self.begin <= moment <= (moment if self.end is None else self.end + SLACK)


@dataclass(frozen=True)
class End:
    """What the log says of a session's end."""

    reason: str
    node: int  # None where it had none
    at: float


@dataclass(frozen=True)
class Loss:
    """A statement, or an opening, that got no answer."""

    session: str  # the application_name: each has its own
    node: int  # None before the node is known
    begun: float  # of the transaction, where there was one
    lost: float
    inside: bool  # a transaction that had done something
    said: str  # what the client was told, or what it saw instead
    told: bool = None  # whether 57P01 was read; None where the driver cannot tell
    rows: tuple = ()  # numbers of the rows which may be there, or not


GOOD_BYES = ("client_closed", "client_lost", "node_closed", "half_close_timeout")
"""Also how a session ends whose client has just read why its node is leaving."""

DEADLINE = ("cut", "cancelled")
"""At drain.timeout, after a reload and after SIGTERM."""

KILLED, TURNED_AWAY, CUT, LOST, NOT_TOLD = "killed", "turned away", "cut", "lost", "not told"


def verdict(loss, ends, downs, drain_timeout):
    """What became of it. KILLED and CUT: nobody knows whether it was done. TURNED_AWAY: it was not."""
    for end in ends:
        if end.reason == "retired" and not loss.inside:
            return NOT_TOLD if loss.told is False else TURNED_AWAY
        if end.reason in DEADLINE and loss.inside and loss.lost - loss.begun >= drain_timeout - 1:
            return CUT
    nodes = {loss.node, *(end.node for end in ends)} - {None}
    moments = [loss.lost, *(end.at for end in ends)]
    if any(down.node in nodes and down.covers(moment) for down in downs for moment in moments):
        return KILLED
    return LOST


@dataclass(frozen=True)
class Sample:
    """Of one process, once a second."""

    at: float
    rss: int  # KiB
    descriptors: int
    threads: int
    sessions: int


# By how much the last quarter of a process's life may be above the second: a share, and so much
# more. The load is even, yet nodes come and go, and the allocator keeps what it once had.
GROWTH = {
    "rss": (0.10, 4096, "KiB of memory"),
    "descriptors": (0.15, 24, "descriptors"),
    "threads": (0.0, 0, "threads"),
    "sessions": (0.15, 12, "sessions"),
}
FEWEST_SAMPLES = 16


def growth(process, samples):
    """Medians of the second and the last quarter: the first is warm-up, and a peak is no growth."""
    if len(samples) < FEWEST_SAMPLES:
        return []
    quarter = len(samples) // 4
    problems = []
    for name, (share, more, what) in GROWTH.items():
        values = [getattr(one, name) for one in samples]
        before, after = median(values[quarter:2 * quarter]), median(values[-quarter:])
        if after > before * (1 + share) + more:
            problems.append(f"process {process} grew from {before:.0f} to {after:.0f} {what}")
    return problems


@dataclass
class Impostors:
    """What came to those who are no nodes."""

    startup_octets: int = 0  # anything of a session, in clear or inside TLS
    handshakes: int = 0  # which came to their end: the name and the usage are judged after that
    outside: int = 0  # connections to an address outside of the allowlist
    asked: int = 0  # honest SSLRequests; there must be some, or nothing was tried


@dataclass
class Run:
    """All that is judged."""

    samples: dict = field(default_factory=dict)  # process → samples, while it served
    lost: list = field(default_factory=list)  # (Loss, verdict)
    wrong: list = field(default_factory=list)  # sentences: wrong results, clients that broke
    missing: list = field(default_factory=list)  # rows that were answered and are not there
    ghosts: list = field(default_factory=list)  # rows that are there and must not be
    rows: int = 0  # that were looked for
    impostors: Impostors = field(default_factory=Impostors)
    exits: dict = field(default_factory=dict)  # process → exit code
    said: list = field(default_factory=list)  # log lines which nothing explains
    rest: dict = field(default_factory=dict)  # at rest: what → (at the start, at the end)
    done: dict = field(default_factory=dict)  # kind → how often
    wanted: tuple = ()  # kinds


AT_REST = {"sessions": 0, "descriptors": 12, "threads": 0}
"""How many more there may be at the end than there were at the start, when nobody does anything."""


def judge(run):
    """Sentences; none where all is well."""
    problems = [
        f"{what}: session {loss.session} on node {loss.node}, {loss.begun:.1f} to {loss.lost:.1f} s"
        f"{', in a transaction' if loss.inside else ''}: {loss.said}"
        for loss, what in run.lost if what in (LOST, NOT_TOLD)]
    problems += run.wrong
    problems += [f"answered, and not there: {row}" for row in run.missing]
    problems += [f"turned away, and there: {row}" for row in run.ghosts]
    if not run.rows:
        problems.append("no row was looked for")
    problems += _of_impostors(run.impostors)
    for process, samples in run.samples.items():
        problems += growth(process, samples)
    problems += [f"process {process} ended with {code}"
                 for process, code in run.exits.items() if code != 0]
    problems += [f"the log says: {line}" for line in run.said]
    problems += [f"at rest there were {before} {what} at the start and {after} at the end"
                 for what, (before, after) in run.rest.items() if after > before + AT_REST[what]]
    problems += [f"never happened: {kind}" for kind in run.wanted if not run.done.get(kind)]
    return problems


def _of_impostors(seen):
    problems = []
    if seen.startup_octets:
        problems.append(f"impostors got {seen.startup_octets} octets of sessions")
    if seen.outside:
        problems.append(f"{seen.outside} connections to addresses outside of the allowlist")
    if not seen.asked:
        problems.append("no impostor was ever asked for a proof")
    return problems
