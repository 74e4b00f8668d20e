"""A service manager listens for roachpin and hands it the socket (socket activation): who connects
while one process has ended and the next has not begun waits, and is served."""

import contextlib
import socket

import pytest

from harness.drivers import Load
from harness.roachpin import Roachpin, refused_start
from harness.three_nodes import ThreeNodes

RESTARTS = 3


@pytest.fixture
def nodes(pki):
    with ThreeNodes(pki.node) as three:
        yield three


@pytest.fixture
def held():
    """What a service manager holds: a listening socket at a place of the system's choice."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def handed(*sockets):
    """As sd_listen_fds(3) says: from descriptor 3 on, and for the process that becomes roachpin."""
    numbers = [one.fileno() for one in sockets]
    assert min(numbers) >= 3 + len(numbers), "bash would overwrite one that it still needs"
    moves = " ".join(f"{3 + at}<&{number}" for at, number in enumerate(numbers))
    line = f'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(numbers)} exec "$@"'
    return {"under": ["/bin/bash", "-c", line, "bash"], "pass_fds": numbers}


def settings_for(nodes, pki, *held, **sections):
    settings = nodes.settings(pki.ca, **sections)
    settings["listeners"] = [{"bind": "{}:{}".format(*one.getsockname())} for one in held]
    return settings


def test_nobody_is_refused_and_nothing_is_lost(nodes, pki, held):
    settings = settings_for(nodes, pki, held, drain={"timeout": "60s"})
    running = Roachpin(settings, **handed(held)).__enter__()
    with contextlib.ExitStack() as ends:
        ends.callback(lambda: running.__exit__(None, None, None))
        with Load(running.port, work=(1, 3), think=0.01) as load:
            for _ in range(RESTARTS):
                assert running.stop() == 0
                running.discard()
                running = Roachpin(settings, **handed(held)).__enter__()
                load.go_on(20)
        load.assert_no_harm()
        assert not load.lost and not load.ended_idle
        print(f"{load.connects} connections, {load.turned_away} sessions ended while idle")


def test_a_socket_that_no_listener_has_is_refused(nodes, pki, held):
    """Its clients would wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as stray:
        where = "{}:{}".format(*stray.getsockname())
        code, said = refused_start(settings_for(nodes, pki, held), **handed(held, stray))
    assert code == 1
    assert f"was started with a socket at {where}, and no listener has that place" in said


def test_a_descriptor_that_is_no_listening_socket_is_refused(nodes, pki, held):
    with socket.socket() as idle:
        code, said = refused_start(settings_for(nodes, pki, held), **handed(held, idle))
    assert code == 1
    assert "the inherited descriptor 4 is no listening TCP or unix stream socket" in said


def test_what_was_for_another_process_is_left_alone(nodes, pki, held):
    """LISTEN_PID names another one: the place is taken, as it is for anybody."""
    stranger = handed(held)
    stranger["under"][2] = stranger["under"][2].replace("LISTEN_PID=$$", "LISTEN_PID=1")
    code, said = refused_start(settings_for(nodes, pki, held), **stranger)
    assert code == 1
    assert "another program has it" in said


def test_a_reload_cannot_leave_its_clients_waiting(nodes, pki, held):
    settings = settings_for(nodes, pki, held)
    with Roachpin(settings, **handed(held)) as proxy:
        elsewhere = {**settings, "listeners": [{"bind": "127.0.0.1:0"}]}
        with proxy.expecting("reload_failed"):
            proxy.reconfigure(elsewhere)
        reason = proxy.wait_event("reload_failed")["reason"]
        assert "no listener has that place" in reason
        with proxy.expecting("reloaded"):
            proxy.reconfigure({**settings, "drain": {"timeout": "3s"}})
