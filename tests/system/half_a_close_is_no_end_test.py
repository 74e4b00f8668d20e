"""A client that has said its last word still gets its answer."""

import socket

from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.wire import Wire, query

LOGIN = {"user": USER, "database": DATABASE}


def test_the_answer_comes_after_the_clients_fin(roachpin):
    with Wire(roachpin.port) as client:
        client.login(PASSWORD, **LOGIN)
        client.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 1000), pg_sleep(0.3)"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rows() == ["x" * 1000] * 1000
        assert client.ended()
    ended = roachpin.wait_event("session_ended")
    assert ended["level"] == "info"  # nothing out of the ordinary


def test_but_not_for_ever(settings, postgres):
    with Roachpin(settings(timeouts={"half_close": "300ms"})) as proxy:
        with Wire(proxy.port) as client:
            client.login(PASSWORD, **LOGIN)
            client.send(query("SELECT 'for ever' FROM pg_sleep(60)"))
            backend = postgres.wait_running("for ever")
            client.socket.shutdown(socket.SHUT_WR)
            proxy.wait_event("session_ended", within=5)
        postgres.ask("SELECT pg_terminate_backend(%s)", backend)
