"""Silence ends a session where timeouts.idle says so, and nowhere else."""

import time

import pytest

from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.wire import Wire

LOGIN = {"user": USER, "database": DATABASE}


def test_it_is_ended_where_that_was_asked_for(settings):
    with Roachpin(settings(timeouts={"idle": "500ms"})) as proxy:
        with Wire(proxy.port) as client:
            client.login(PASSWORD, **LOGIN)
            began = time.monotonic()
            ended = proxy.wait_event("session_ended", within=5)
            assert 0.4 < time.monotonic() - began
            assert "idle" in ended["reason"]
            client.receive(10_000)
            assert client.ended()


def test_a_busy_one_is_not_idle(settings):
    with Roachpin(settings(timeouts={"idle": "1s"})) as proxy:
        with Wire(proxy.port) as client:
            client.login(PASSWORD, **LOGIN)
            for _ in range(5):
                assert client.ask("SELECT 'awake' FROM pg_sleep(0.4)") == ["awake"]


@pytest.mark.parametrize("options", [{}, {"timeouts": {"idle": "0s"}}], ids=["default", "0s"])
def test_by_default_silence_is_no_reason(settings, options):
    with Roachpin(settings(**options)) as proxy:
        with Wire(proxy.port) as client:
            client.login(PASSWORD, **LOGIN)
            # What is to be shown is that nothing happens: longer than the other tests' limits.
            assert client.ask("SELECT 'back' FROM pg_sleep(1.2)") == ["back"]
