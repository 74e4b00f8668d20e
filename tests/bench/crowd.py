"""What sessions cost that are idle: they have logged in and asked once, and now wait."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from database import USER
from harness.fake_cockroach import FakeCockroach
from harness.wire import Wire, unverified
from traffic import at
from usage import cpu_seconds, resident_kib

AT_ONCE = 16
"""Openings: on a busy machine each waits for its turn several times."""


@dataclass(frozen=True)
class FakeNode:
    """No PostgreSQL holds thousands of sessions here: the tests' own node does, in one process. It
    agrees on X25519, as CockroachDB does; PostgreSQL before 18 takes P-256 alone, whose keys
    OpenSSL keeps: 3 KiB a session that such a node costs besides."""

    port: int
    plain_port: int


@contextmanager
def fake_node(certificate):
    with FakeCockroach(certificate) as secure, FakeCockroach(certificate, "insecure") as plain:
        try:
            yield FakeNode(secure.port, plain.port)
        finally:  # at once: thousands of farewells are not measured
            secure.kill()
            plain.kill()


def sessions(peer, stage):
    """More and more of them in one process. Where it holds no more, there is a note."""
    figures = {}
    context = None if peer.libpq["sslmode"] == "disable" else unverified()
    with ExitStack() as opened, ThreadPoolExecutor(AT_ONCE) as several:
        open_session(peer, context).close()  # what the first one alone costs is not measured
        time.sleep(stage.amounts.settling_seconds)
        before, there = resident_kib(peer.pid), 0
        for count in stage.amounts.sessions:
            spent, more = cpu_seconds(peer.pid), count - there
            try:
                for session in several.map(lambda _: open_session(peer, context), range(more)):
                    opened.callback(session.close)
                    there += 1
            except (AssertionError, OSError):
                return figures | {"note": f"not beyond {there:,} sessions; it said:"
                                          f" {peer.complaint()}"}
            figures[at("open_cpu", count)] = (cpu_seconds(peer.pid) - spent) / more * 1e6
            time.sleep(stage.amounts.settling_seconds)
            figures[at("rss", count)] = (resident_kib(peer.pid) - before) / count
            spent = cpu_seconds(peer.pid)
            time.sleep(stage.amounts.idle_seconds)
            spent = cpu_seconds(peer.pid) - spent
            figures[at("idle_cpu", count)] = spent / stage.amounts.idle_seconds * 1e3
    return figures


def open_session(peer, context):
    wire = Wire(peer.libpq["port"])
    try:
        if context:
            assert wire.request_tls() == b"S", "no TLS"
            wire.start_tls(context)
        wire.login("", user=USER, database="postgres")
        assert wire.ask("SELECT 1") == ["SELECT 1"]
    except BaseException:
        wire.socket.close()
        raise
    return wire.socket
