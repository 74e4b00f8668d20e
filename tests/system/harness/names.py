"""Nodes that are resolved, and an application that queries while their names are tampered with."""

import threading

from .certificates import NODE
from .roachpin import configuration
from .waiting import PATIENCE, until
from .wire import Wire

LOGIN = {"user": "app", "database": "appdb"}
QUICK = {"timeout": "300ms", "refresh_min": "200ms", "refresh_max": "500ms", "removal_hold": "1s"}

HOME = "127.0.0.5"
"""Where the node is in these tests."""


def named(port, allow=(HOME + "/32",), host=NODE, **more):
    """An entry of cluster.nodes whose addresses are asked for."""
    return {"host": host, "port": port, "allow": list(allow), **more}


def resolved(ca_file, nodes, servers, resolver=None, **sections):
    """A configuration with short times for resolved nodes."""
    servers = servers if isinstance(servers, list) else [servers]
    return configuration(
        ca_file, nodes, resolver={"servers": servers, **QUICK, **(resolver or {})},
        timeouts={"dial": "1s", "establish": "5s"}, **sections)


class Queries:
    """An application at work: one session that is never left, and a new one each time."""

    def __init__(self, proxy):
        self.asked = 0
        self._port = proxy.port
        self._failure = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.go_on()
        return self

    def __exit__(self, kind, *error):
        self._stopping.set()
        self._thread.join(PATIENCE)
        if kind is None:
            assert self._failure is None, f"after {self.asked} rounds: {self._failure!r}"

    def go_on(self, rounds=10):
        """Once so many more rounds have gone well."""
        goal = self.asked + rounds
        until(f"{rounds} rounds of queries", lambda: self._failure or self.asked >= goal)
        assert self._failure is None, f"after {self.asked} rounds: {self._failure!r}"

    def _run(self):
        try:
            with Wire(self._port) as lasting:
                lasting.login("", **LOGIN)
                while not self._stopping.wait(0.03):
                    assert lasting.ask("SELECT 1") == ["SELECT 1"]
                    one_query(self._port)
                    self.asked += 1
        except (AssertionError, OSError) as error:
            self._failure = error


def one_query(port):
    """A new session and a query; the node's answer."""
    with Wire(port) as client:
        client.login("", **LOGIN)
        assert client.ask("SELECT 2") == ["SELECT 2"]


def dialled(proxy):
    """Every address that roachpin says it has dialled."""
    names = ("address_admitted", "address_not_proved", "dial_failed", "session_established")
    return {event["address"] for name in names for event in proxy.events(name)}
