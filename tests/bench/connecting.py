"""What it costs to connect: from the first packet to the answer of one query, in one process that
connects again and again, as an application without a pool does."""

import time

from clients import per, percentile
from database import connect as log_in
from usage import cpu_seconds

PAUSE = 0.01
"""Seconds between two. roachpin makes a spare connection anew in this time; a pool or a web server
that connects a hundred times a second is busy already."""


def connect(peer, stage):
    """In turns with connecting directly. A proxy that prepares connections does so between them:
    that is in its CPU time. The burst comes without a pause, and nothing can be prepared for it."""
    direct = stage.database.verified(stage.pki.ca)
    once(peer.libpq)  # what a proxy does only once is not measured
    taken, directly, spent = [], [], 0
    for _ in range(stage.amounts.connects):
        directly.append(once(direct))
        time.sleep(PAUSE)
        before = peer.pid and cpu_seconds(peer.pid)
        taken.append(once(peer.libpq))
        time.sleep(PAUSE)
        spent = peer.pid and spent + cpu_seconds(peer.pid) - before
    burst = [once(peer.libpq) for _ in range(stage.amounts.connects)]
    return {
        "p50": percentile(taken, 0.50),
        "p99": percentile(taken, 0.99),
        "to_direct": percentile(taken, 0.50) / percentile(directly, 0.50),
        "burst_p50": percentile(burst, 0.50),
        "cpu": per(spent, len(taken), 1e6),
    }


def once(options):
    """Milliseconds."""
    start = time.monotonic()
    connection = log_in(options)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    taken = time.monotonic() - start
    connection.close()
    return taken * 1e3
