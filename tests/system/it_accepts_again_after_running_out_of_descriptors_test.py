"""When the system has no descriptor left, roachpin says so, waits, and goes on by itself."""

import contextlib
import resource
import socket

from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.wire import Wire, startup

LOGIN = {"user": USER, "database": DATABASE}


def test_accept_backs_off_and_recovers(settings):
    with Roachpin(settings(spares={"per_node": 0})) as proxy, Wire(proxy.port) as living:
        living.login(PASSWORD, **LOGIN)
        limit = proxy.descriptors + 4
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        with contextlib.ExitStack() as crowd:
            for _ in range(12):
                crowd.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
            failed = proxy.wait_event("accept_failed")
            assert failed["listener"] == proxy.listeners[0] and failed["reason"]
            # Who is in is served.
            assert living.ask("SELECT 'still served'") == ["still served"]
        with Wire(proxy.port) as client:
            client.login(PASSWORD, **LOGIN)
            assert client.ask("SELECT 'accepted'") == ["accepted"]
        # It backed off instead of spinning: a second or so of failures is a few lines.
        assert len(proxy.events("accept_failed")) < 50


def test_without_one_for_the_node_the_client_is_told(settings):
    with Roachpin(settings(spares={"per_node": 0})) as proxy:
        limit = proxy.descriptors + 1  # for the client alone
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        with Wire(proxy.port) as client:
            client.send(startup(**LOGIN))
            refusal = client.refusal()
            assert refusal.code == "53300" and "Too many open files" in refusal.text
