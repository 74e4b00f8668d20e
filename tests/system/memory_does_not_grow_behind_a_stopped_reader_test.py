"""A client that asks for much and reads nothing, or a node that reads nothing, stops the other side;
roachpin does not collect what they do not take."""

import contextlib
import select

import pytest

from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.waiting import until
from harness.wire import Wire, query

LOGIN = {"user": USER, "database": DATABASE}
CLIENTS = 8
MIB = 1 << 20
# All of them together: some buffers each, nothing near the 100 MiB that each has asked for.
ALLOWED = 8 * MIB


@pytest.fixture(params=["in the clear", "TLS"])
def proxy(request, settings):
    tls = {"tls": {"auto": True}} if request.param == "TLS" else {}
    with Roachpin(settings([{"bind": "127.0.0.1:0", **tls}], workers=2)) as running:
        yield running


@pytest.fixture
def clients(proxy):
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(Wire(proxy.port)) for _ in range(CLIENTS)]
        for client in made:
            if "tls" in proxy.settings["listeners"][0]:
                assert client.request_tls() == b"S"
                client.start_tls()
            client.login(PASSWORD, **LOGIN)
            assert client.ask("SELECT repeat('x', 1000000)") == ["x" * 1_000_000]  # warmed up
        yield made


def test_a_client_that_does_not_read(proxy, clients, postgres):
    before = proxy.rss
    for client in clients:
        client.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 100000) AS stopped"))

    def all_stuck():
        waiting = postgres.ask(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE query LIKE '%%stopped' AND wait_event = 'ClientWrite'")
        return waiting == [(CLIENTS,)]

    # The pressure has reached the database: nobody between takes any more. Twice, since a backend
    # waits for a moment in between as well.
    until("the backends wait for their clients", lambda: all_stuck() and all_stuck())
    assert proxy.rss - before < ALLOWED
    # Nothing was lost on the way, and one of them reads on.
    assert clients[0].rows() == ["x" * 1000] * 100_000


def test_a_node_that_does_not_read(proxy, clients):
    before = proxy.rss
    for client in clients:
        client.send(query("SELECT pg_sleep(60)"))  # it reads nothing until that is over
        client.socket.setblocking(False)
    flood = query("SELECT '" + "x" * 100_000 + "'")
    taken = 0
    while writable := select.select([], [client.socket for client in clients], [], 1.0)[1]:
        for ready in writable:
            try:
                taken += ready.send(flood)
            except OSError:  # it wants to be asked later
                pass
        assert taken < CLIENTS * 100 * MIB, "nobody stops the client"
    assert proxy.rss - before < ALLOWED
