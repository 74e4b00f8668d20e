"""What is done through each proxy, and what is read meanwhile."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Callable

from database import connect, environment
from usage import cpu_seconds, exact_cpu_seconds, resident_kib


@dataclass(frozen=True)
class Amounts:
    scale: int
    """pgbench's: 100,000 rows each."""
    pgbench_seconds: int
    copied: int
    """Bytes."""
    sessions: int
    idle_seconds: int


FULL = Amounts(scale=10, pgbench_seconds=5, copied=1_000_000_000, sessions=400, idle_seconds=10)
QUICK = Amounts(scale=1, pgbench_seconds=2, copied=200_000_000, sessions=100, idle_seconds=2)


@dataclass(frozen=True)
class Measure:
    name: str
    title: str
    figures: tuple
    """Pairs of a figure's name and its unit; the first one is what counts."""
    run: Callable
    """(peer, stage) to the figures; None for one there is not."""
    max_rounds: int = 1000
    tls_too: tuple = ()
    """The peers which are measured once more, with TLS towards the client."""
    without: tuple = ()

    def variants(self, peer):
        """Pairs of a label and the options to start the peer with."""
        if peer in self.without:
            return []
        plain = [(peer, {})]
        return plain + [(f"{peer}, client TLS", {"tls": True})] if peer in self.tls_too else plain


def transactions(peer, stage):
    """One prepared SELECT of one row each: what a proxy costs for each message."""
    spent, client, output = through(
        peer, ["pgbench", "-n", "-S", "-M", "prepared", "-c", "8", "-j", "1",
               "-T", str(stage.amounts.pgbench_seconds)])
    count = int(re.search(r"actually processed: (\d+)", output).group(1))
    return {
        "cpu": per(spent, count, 1e6),
        "client_cpu": per(client, count, 1e6),
        "rate": count / stage.amounts.pgbench_seconds,
    }


ROW = "0123456789" * 99 + "012345678\n"  # 1,000 bytes on the wire
BLOCK = (ROW * 1000).encode()


def copy_out(peer, stage):
    rows = stage.amounts.copied // len(ROW)
    query = f"COPY (SELECT '{ROW.strip()}' FROM generate_series(1, {rows})) TO STDOUT"
    return copied(stage, *timed(peer, ["psql", "-Xqc", query, "-o", "/dev/null"]))


def copy_in(peer, stage):
    """The server reads every row and keeps none: it is not what is measured."""
    def feed(pipe):
        for _ in range(stage.amounts.copied // len(BLOCK)):
            pipe.write(BLOCK)

    query = "CREATE TEMPORARY TABLE sink (line text); COPY sink FROM STDIN WHERE false"
    return copied(stage, *timed(peer, ["psql", "-Xqc", query], feed))


def copied(stage, wall, spent, client):
    gigabytes = stage.amounts.copied / 1e9
    return {
        "cpu": per(spent, gigabytes),
        "client_cpu": per(client, gigabytes),
        "wall": wall / gigabytes,
    }


def sessions(peer, stage):
    """Sessions that have logged in and asked once, and now wait. PostgreSQL before 18 agrees on
    P-256 alone, whose keys OpenSSL keeps: 3 KiB of each that a node with X25519 does not cost."""
    count = stage.amounts.sessions
    open_session(peer).close()
    time.sleep(1)
    before = resident_kib(peer.pid)
    opened = [open_session(peer) for _ in range(count)]
    time.sleep(1)
    grown = resident_kib(peer.pid) - before
    spent = exact_cpu_seconds(peer.pid)
    time.sleep(stage.amounts.idle_seconds)
    spent = exact_cpu_seconds(peer.pid) - spent
    for one in opened:
        one.close()
    return {"rss": grown / count, "idle_cpu": spent / stage.amounts.idle_seconds * 1e3}


def open_session(peer):
    connection = connect(peer.libpq)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection


def timed(peer, command, feed=None):
    start = time.monotonic()
    spent, client, _ = through(peer, command, feed)
    return time.monotonic() - start, spent, client


def through(peer, command, feed=None):
    """Runs a client through the peer: the CPU seconds of the proxy (None without one) and of the
    client, and what the client printed."""
    before = peer.pid and cpu_seconds(peer.pid)
    with tempfile.TemporaryFile("w+") as output:
        client = subprocess.Popen(
            command, env=environment(peer.libpq), stdout=output, stderr=output,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL)
        try:
            if feed:
                with client.stdin:
                    feed(client.stdin)
        finally:  # also when interrupted
            _, status, used = os.wait4(client.pid, 0)
            client.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if client.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {client.returncode}: {printed}")
    return (cpu_seconds(peer.pid) - before if peer.pid else None,
            used.ru_utime + used.ru_stime, printed)


def per(seconds, count, unit=1.0):
    return None if seconds is None else seconds / count * unit


COPY_FIGURES = (("cpu", "s/GB"), ("client_cpu", "s/GB"), ("wall", "s/GB"))

MEASURES = [
    Measure("transactions", "CPU per transaction (pgbench -S -M prepared -c 8 -j 1)",
            (("cpu", "µs"), ("client_cpu", "µs"), ("rate", "/s")), transactions),
    Measure("copy-out", "CPU per GB of COPY TO STDOUT", COPY_FIGURES, copy_out),
    Measure("copy-in", "CPU per GB of COPY FROM STDIN", COPY_FIGURES, copy_in),
    Measure("sessions", "Memory (RSS) per idle session",
            (("rss", "KiB"), ("idle_cpu", "ms/s")), sessions, max_rounds=3,
            tls_too=("roachpin", "pgbouncer"), without=("direct",)),
]
