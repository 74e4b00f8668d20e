"""What sessions cost that are busy: pgbench's transactions, and COPY."""

import re
import tempfile
from pathlib import Path

from clients import per, percentile, through, timed
from peers import Peer


def transactions(peer, stage):
    """One prepared SELECT of one row each: what a proxy costs for each message."""
    return select(peer, 8, stage.amounts.transactions)


def active(peer, stage):
    """The same, with more and more connections."""
    figures = {}
    for count in stage.amounts.active:
        found = select(peer, count, stage.amounts.active_transactions)
        figures |= {at("cpu", count): found["cpu"], at("rate", count): found["rate"]}
    return figures


def at(kind, count):
    """The name of a figure that was taken with so many connections."""
    return f"{kind}_{count}"


def select(peer, connections, transactions):
    """A number, not a time: on a busy machine that may be over before all have connected."""
    each = transactions // connections
    spent, client, output = through(
        peer, ["pgbench", "-n", "-S", "-M", "prepared", "-c", str(connections), "-j", "1",
               "-t", str(each)])
    count = each * connections
    rate = float(re.search(r"tps = ([\d.]+)", output).group(1))
    return {"cpu": per(spent, count, 1e6), "client_cpu": per(client, count, 1e6), "rate": rate}


def latency(peer, stage):
    """The same over one connection, each transaction's time as pgbench logs it. What a proxy adds
    is taken against the same transactions without it, in turns within seconds: on a machine that is
    busy the two are only then to be compared. The row of the client that verifies by itself is
    taken against itself: so much is chance."""
    ways = {"peer": peer, "direct": Peer(None, stage.database.verified(stage.pki.ca)),
            "plain": Peer(None, stage.database.plain)}
    taken = {name: [] for name in ways}
    for _ in range(stage.amounts.slices):
        for name, way in ways.items():
            taken[name] += times(way, stage.amounts.timed_transactions)
    figures = {}
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        own, direct, plain = (percentile(taken[way], share) for way in ways)
        figures |= {name: own, f"added_{name}": own - direct, f"over_plain_{name}": own - plain}
    return figures


def times(peer, count):
    """Microseconds."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = Path(directory) / "log"
        through(peer, ["pgbench", "-n", "-S", "-M", "prepared", "-c", "1", "-t", str(count),
                       "--log", f"--log-prefix={prefix}"])
        (log,) = Path(directory).iterdir()
        return [int(line.split()[2]) for line in log.read_text().splitlines()]


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
