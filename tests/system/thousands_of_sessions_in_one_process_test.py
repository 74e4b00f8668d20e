"""9,500 sessions live in one process, idle ones cost next to nothing, a flood of connects is served,
and clients that never finish their opening keep nobody out."""

import contextlib
import os
import resource
import threading
from pathlib import Path

import pytest

from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until
from harness.wire import Wire, startup

SESSIONS = 9_500
LOGIN = {"user": "app", "database": "bank"}
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture(autouse=True)
def many_descriptors():
    """For this process, and for those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def nodes(pki):
    with FakeCockroach(pki.node) as one, FakeCockroach(pki.node) as other:
        yield [one, other]


def settings(pki, nodes, **sections):
    return configuration(
        pki.ca, [node(NODE, one.port) for one in nodes],
        listeners=[{"bind": "127.0.0.1:0", "max_connections": SESSIONS}],
        **{"limits": {"max_connections": SESSIONS}, "log": {"level": "info", "format": "json"},
           **sections})


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def test_they_all_are_served_and_idle_ones_are_cheap(pki, nodes):
    with contextlib.ExitStack() as clients, Roachpin(settings(pki, nodes)) as proxy:
        before = proxy.rss
        sessions = []
        for _ in range(SESSIONS):
            client = clients.enter_context(Wire(proxy.port))
            client.login("", **LOGIN)
            sessions.append(client)
        assert not proxy.events("session_ended")
        with Wire(proxy.port) as one_more:
            one_more.send(startup(**LOGIN))
            assert one_more.refusal().code == "53300"
        kib = (proxy.rss - before) / SESSIONS / 1024
        at, until_then = cpu_seconds(proxy.process.pid), threading.Event()
        until_then.wait(5)  # what is measured is that nothing happens meanwhile
        cpu = (cpu_seconds(proxy.process.pid) - at) / 5
        print(f"{kib:.1f} KiB a session, {cpu:.1%} of a processor idle")
        assert kib < 40 and cpu < 0.10
        for client in sessions[::50]:
            assert client.ask("SELECT 1") == ["SELECT 1"]
        while sessions:  # in parts: a log of a thousand lines at once drops some
            for client in sessions[-500:]:
                client.socket.close()
            del sessions[-500:]
            most = 2 * len(sessions) + 100
            until("they have ended", lambda limit=most: proxy.descriptors < limit)


def test_a_flood_of_connects(pki, nodes):
    threads, each = 8, 400
    failures = []
    with Roachpin(settings(pki, nodes, spares={"per_node": 0})) as proxy:
        with Wire(proxy.port) as client:
            client.login("", **LOGIN)
        until("the first has ended", lambda: proxy.events("session_ended"))
        before = proxy.descriptors

        def flood():
            try:
                for number in range(each):
                    with Wire(proxy.port) as one:
                        one.login("", **LOGIN)
                        assert one.ask(f"SELECT {number}") == [f"SELECT {number}"]
            except Exception as problem:  # for the test's own thread
                failures.append(problem)

        flooding = [threading.Thread(target=flood) for _ in range(threads)]
        for one in flooding:
            one.start()
        for one in flooding:
            one.join()
        assert not failures
        proxy.wait_event("session_ended", count=threads * each + 1)
        until("all is given back", lambda: proxy.descriptors <= before)


def test_openings_that_never_end_keep_nobody_out(pki, nodes):
    places = 64
    made = settings(pki, nodes, limits={"max_connections": SESSIONS, "max_opening": places},
                    timeouts={"client_opening": "1s"})
    with Roachpin(made) as proxy:
        for _ in range(3):
            with contextlib.ExitStack() as slow_ones:
                slow = [slow_ones.enter_context(Wire(proxy.port)) for _ in range(places)]
                for one in slow:
                    one.send(startup(**LOGIN)[:-1])
                with Wire(proxy.port) as client:
                    client.login("", **LOGIN)
                    assert client.ask("SELECT 1") == ["SELECT 1"]
                for one in slow:
                    assert one.refusal().code == "08P01"
