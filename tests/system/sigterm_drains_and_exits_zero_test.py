"""SIGTERM: nobody new, running work is finished, exit 0. A second one does not wait."""

import signal
import time

import pytest

from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.waiting import until
from harness.wire import Wire, probe_refused, query

LOGIN = {"user": USER, "database": DATABASE}


def logged_in(proxy):
    client = Wire(proxy.port)
    client.login(PASSWORD, **LOGIN)
    return client


@pytest.mark.parametrize("asked_by", [signal.SIGTERM, signal.SIGINT])
def test_a_running_statement_finishes(settings, postgres, asked_by):
    with Roachpin(settings(drain={"timeout": "60s"})) as proxy:
        client = logged_in(proxy)
        client.send(query("SELECT 'finished' FROM pg_sleep(1.5)"))
        postgres.wait_running("finished")
        port = proxy.port
        proxy.process.send(asked_by)
        draining = proxy.wait_event("draining")
        assert draining["connections"] == 1
        until("nobody new is accepted", lambda: probe_refused(("127.0.0.1", port)))
        assert client.rows() == ["finished"]
        client.socket.close()
        assert proxy.wait() == 0
    assert proxy.wait_event("session_ended")
    assert proxy.wait_event("drained")["cancelled"] == 0


def test_with_nothing_to_wait_for_it_ends_at_once(settings):
    with Roachpin(settings(drain={"timeout": "60s"})) as proxy:
        began = time.monotonic()
        assert proxy.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 5


def test_at_the_end_of_its_patience_sessions_are_cut_and_it_still_exits_zero(settings, postgres):
    with Roachpin(settings(drain={"timeout": "500ms"})) as proxy:
        client = logged_in(proxy)
        client.send(query("SELECT 'too long' FROM pg_sleep(60)"))
        backend = postgres.wait_running("too long")
        assert proxy.stop(signal.SIGTERM) == 0
        assert proxy.events("drained")[0]["cancelled"] == 1
        while client.read() != (b"", b""):
            pass  # an error, perhaps; then the end
        postgres.ask("SELECT pg_terminate_backend(%s)", backend)


def test_a_second_signal_ends_it_at_once(settings, postgres):
    with Roachpin(settings(drain={"timeout": "60s"})) as proxy:
        client = logged_in(proxy)
        client.send(query("SELECT 'never' FROM pg_sleep(60)"))
        backend = postgres.wait_running("never")
        proxy.process.send(signal.SIGTERM)
        proxy.wait_event("draining")
        began = time.monotonic()
        proxy.process.send(signal.SIGTERM)
        assert proxy.process.wait() != 0, "this was no clean drain"
        assert time.monotonic() - began < 5
        client.socket.close()
        postgres.ask("SELECT pg_terminate_backend(%s)", backend)


def test_its_port_is_free_for_the_next(settings):
    with Roachpin(settings()) as first:
        port = first.port
        client = logged_in(first)
        client.ask("BEGIN")  # an idle one would be ended at once
        first.process.send(signal.SIGTERM)
        first.wait_event("draining")
        until("the port is given up", lambda: probe_refused(("127.0.0.1", port)))
        # While the old one drains, the new one serves.
        with Roachpin(settings([{"bind": f"127.0.0.1:{port}"}])) as second:
            newer = logged_in(second)
            assert newer.ask("SELECT 'new'") == ["new"]
            assert client.ask("SELECT 'old'") == ["old"]
            newer.socket.close()
        client.socket.close()
        assert first.wait() == 0


def test_a_client_in_its_opening_does_not_hold_it_up(settings):
    with Roachpin(
        settings(drain={"timeout": "1s"}, timeouts={"client_opening": "60s"})
    ) as proxy, Wire(proxy.port) as client:
        client.send(b"\0\0\0")
        began = time.monotonic()
        assert proxy.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10


def test_a_terminal_that_closes_ends_nothing(settings):
    with Roachpin(settings()) as proxy:
        client = logged_in(proxy)
        proxy.process.send(signal.SIGHUP)
        client.send(query("SELECT 'still here'"))
        assert client.rows() == ["still here"]
        client.socket.close()
