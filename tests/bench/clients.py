"""Runs a client through a proxy, and reads what both have used."""

import os
import subprocess
import tempfile
import time

from database import environment
from usage import cpu_seconds


def timed(peer, command, feed=None):
    start = time.monotonic()
    spent, client, _ = through(peer, command, feed)
    return time.monotonic() - start, spent, client


def through(peer, command, feed=None):
    """The CPU seconds of the proxy (None without one) and of the client, and what the client
    printed."""
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


def percentile(values, share):
    """The value that so many of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
