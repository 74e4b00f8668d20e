"""What has to be so after somebody hostile was there: a good client is served, and roachpin holds no
more than it held before.

There is no count of coroutines. One that has not ended holds what can be counted, though: a session
or a dial holds sockets and a place in a gauge, and a client that was accepted is counted by what
became of it only when its opening has come to an end. So every connection that a test has made is
added up here, and found again in roachpin_client_connections_total: what is missing there is still
under way."""

import contextlib
import socket

from . import wire
from .metrics import scrape
from .waiting import PATIENCE, until
from .wire import Wire

GOOD = "a good client"
LOGIN = {"user": "app", "database": "appdb", "application_name": GOOD}
CROWD = 200
"""So many good clients at once, before anything is measured: the memory that is used again and
again has been asked for then."""


class Afterwards:
    """Of one roachpin and one good node behind it. Make it when nothing else happens."""

    def __init__(self, proxy, good_node, growth):
        """`growth`: octets of resident memory that all cases together may leave behind."""
        self.proxy = proxy
        self.made = 0
        """The connections that were made to its listeners."""
        self._node = good_node
        self._growth = growth
        self._seen = 0
        with contextlib.ExitStack() as stack:
            for _ in range(CROWD):
                self.made += 1
                stack.enter_context(Wire(proxy.port)).login("", **LOGIN)
        for _ in range(10):
            self.good_client()
        until("the crowd has gone", lambda: scrape(proxy).value("roachpin_connections_active") == 0)
        self.others_at_the_node()  # what had it prove itself
        self._descriptors = self._settled_descriptors()
        self._threads = scrape(proxy).value("process_threads")
        self._memory = proxy.rss

    def connect(self, port=None, source=None):
        """A connection to one of its listeners; counted."""
        made = socket.create_connection(
            ("127.0.0.1", port or self.proxy.port), PATIENCE, source)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.made += 1
        return made

    def good_client(self):
        with Wire(self.proxy.port) as client:
            self.made += 1
            client.login("", **LOGIN)
            assert client.ask("SELECT 1") == ["SELECT 1"]
            client.send(wire.message(b"X"))
            assert client.ended()

    def check(self):
        """A good client is served, and everything is as it was before."""
        self.good_client()
        until("every connection has come to its end, and is counted", self._at_rest)
        until(f"its descriptors are {self._descriptors} again",
              lambda: self.proxy.descriptors <= self._descriptors)
        self.check_memory()
        assert not self.proxy.events("internal_error")

    def check_memory(self):
        grown = self.proxy.rss - self._memory
        assert grown < self._growth, f"{grown} octets more than before the first case"

    def others_at_the_node(self, number=0):
        """What the good node has seen of others than good clients since it was last asked, once it
        has seen so many of them."""
        def others():
            return [seen for seen in self._node.finished[self._seen:] if not is_good(seen)]

        until(f"{number} others have left the node", lambda: len(others()) >= number)
        found = others()
        self._seen = len(self._node.finished)
        return found

    def _at_rest(self):
        now = scrape(self.proxy)
        gauges = ["roachpin_connections_active", "roachpin_client_connections_active",
                  "roachpin_node_connections", "roachpin_upstream_spares"]
        held = sum(value for name in gauges for _, value in now.all(name))
        ended = sum(value for _, value in now.all("roachpin_client_connections_total"))
        return (held, ended, now.value("process_threads")) == (0, self.made, self._threads)

    def _settled_descriptors(self):
        """How many are open, once they are as many three times in a row."""
        readings = [-1, -2]

        def are_settled():
            readings.append(self.proxy.descriptors)
            return len(set(readings[-3:])) == 1

        until("its descriptors stay as many", are_settled)
        return readings[-1]


class Growth:
    """What the counters of one scrape have more than those of an earlier one."""

    def __init__(self, earlier, later):
        self._earlier, self._later = earlier, later

    def of(self, name, **labels):
        """Over all series that have these labels."""
        def total(scraped):
            return sum(value for _, value in scraped.all(name, **labels))

        return total(self._later) - total(self._earlier)


def is_good(seen):
    return seen.startup.get("application_name") == GOOD


def hear_all(sock):
    """Everything up to the end, however that comes."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while more := sock.recv(65536):
            said += more
    return said


def exchange(client, does):
    """All that this client hears: `does` are octets that it sends, or a function that does something
    else with the connection and returns that."""
    with client:
        if callable(does):
            return does(client)
        with contextlib.suppress(ConnectionError):
            client.sendall(does)
        return hear_all(client)
