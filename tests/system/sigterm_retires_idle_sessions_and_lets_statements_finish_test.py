"""SIGTERM ends sessions where nothing is lost: idle ones at once, with 57P01, others when their
statement or transaction is through. Load balancers may have their time before, and service managers
are told."""

import os
import select
import signal
import socket
import threading

import psycopg2
import pytest

from harness.certificates import NODE
from harness.control import ServiceManager, post
from harness.door import Door
from harness.drivers import LOGIN, read_end
from harness.fake_cockroach import FakeCockroach
from harness.postgres import Closing
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import PATIENCE
from harness.wire import Wire, probe_refused, startup

LONG = {"timeout": "120s"}


def connect(proxy):
    return psycopg2.connect(Door("127.0.0.1", proxy.port, "disable").dsn)


def idle(proxy):
    """A session as pools keep it: it has worked, and waits."""
    connection = connect(proxy)
    connection.autocommit = True
    one(connection, "SELECT 1")
    return Closing(connection)


def one(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def told_to_end(connection):
    """Whether it was told 57P01 without its asking. libpq 15 reports the end of the stream behind it
    instead, whoever says it; so the socket is looked at."""
    readable, _, _ = select.select([connection.fileno()], [], [], PATIENCE)
    assert readable, "nothing was said"
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        said = same.recv(4096, socket.MSG_PEEK)
    with pytest.raises(psycopg2.OperationalError):
        one(connection, "SELECT 1")
    assert connection.closed
    return said.startswith(b"E") and b"C57P01\0" in said


def assert_ended(proxy, connection, count):
    """After a COMMIT that ended it, the `count`-th to end: libpq may have read what it was told
    together with the answer. A statement that came faster would be served: there is none."""
    proxy.wait_event("session_ended", count=count)
    with pytest.raises(psycopg2.OperationalError):
        one(connection, "SELECT 1")
    assert connection.closed


class Statement(threading.Thread):
    """One that runs in a session of its own."""

    def __init__(self, proxy, text):
        super().__init__(daemon=True)
        self._connection = connect(proxy)
        self._connection.autocommit = True
        self._text = text
        self.answer = None
        self.start()

    def run(self):
        try:
            self.answer = one(self._connection, self._text)
            told_to_end(self._connection)  # it is idle now
        finally:
            self._connection.close()


def ask_to_end(proxy, how):
    if how.startswith("POST"):
        path = proxy.settings["admin"]["control"].partition(":")[2]
        status, said = post(path, how.partition(" ")[2])
        assert status == 202 and "draining" in said
    else:
        proxy.process.send(getattr(signal, how))


@pytest.fixture
def with_control(settings, tmp_path):
    """A configuration with a control socket."""

    def make(**sections):
        return settings(admin={"control": f"unix:{tmp_path}/control.sock"}, **sections)

    return make


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "POST /drain", "POST /quitquitquit"])
def test_idle_statement_and_transaction(with_control, postgres, how):
    with Roachpin(with_control(drain=LONG, workers=2)) as proxy:
        with idle(proxy) as waiting, idle(proxy) as another, Closing(connect(proxy)) as open_one:
            assert one(open_one, "SELECT 'begun'") == "begun"  # psycopg2 sends BEGIN before
            statement = Statement(proxy, "SELECT 'finished' FROM pg_sleep(1.5)")
            postgres.wait_running("finished")
            ask_to_end(proxy, how)
            assert told_to_end(waiting) and told_to_end(another)
            # While the others go on.
            assert one(open_one, "SELECT 'goes on'") == "goes on"
            statement.join(PATIENCE)
            assert statement.answer == "finished"
            assert one(open_one, "SELECT 'still'") == "still"
            open_one.commit()
            assert_ended(proxy, open_one, 4)
        assert proxy.wait() == 0
        assert proxy.events("drained")[0]["cancelled"] == 0
        ends = [event["reason"] for event in proxy.events("session_ended")]
        assert ends == ["retired"] * 4


def test_a_transaction_that_is_committed_is_committed(with_control, postgres):
    postgres.do("DROP TABLE IF EXISTS kept", "CREATE TABLE kept (id int)",
                "GRANT ALL ON kept TO app")
    with Roachpin(with_control(drain=LONG)) as proxy:
        with Closing(connect(proxy)) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO kept VALUES (1)")
            proxy.process.send(signal.SIGTERM)
            proxy.wait_event("draining")
            cursor.execute("INSERT INTO kept VALUES (2)")
            connection.commit()
            assert_ended(proxy, connection, 1)
        assert proxy.wait() == 0
    assert postgres.ask("SELECT count(*) FROM kept") == [(2,)]


def test_a_transaction_that_does_not_end_is_cut(with_control):
    with Roachpin(with_control(drain={"timeout": "500ms"})) as proxy:
        with Closing(connect(proxy)) as connection:
            one(connection, "SELECT 1")
            assert proxy.stop() == 0
            with pytest.raises(psycopg2.OperationalError):
                one(connection, "SELECT 2")
        assert proxy.events("drained")[0]["cancelled"] == 1
        assert proxy.events("session_ended")[0]["reason"] == "cancelled"


def test_within_the_delay_everybody_is_served(with_control):
    with Roachpin(with_control(drain={"delay": "60s", **LONG})) as proxy:
        port = proxy.port
        with idle(proxy) as before:
            proxy.process.send(signal.SIGTERM)
            proxy.wait_event("draining")
            with idle(proxy) as after:
                assert one(before, "SELECT 'before'") == "before"
                assert one(after, "SELECT 'after'") == "after"
                ask_to_end(proxy, "POST /quitquitquit")  # nobody needs to wait any longer
                assert told_to_end(before) and told_to_end(after)
        assert proxy.wait() == 0
        assert probe_refused(("127.0.0.1", port))


def test_the_delay_ends_by_itself(with_control):
    with Roachpin(with_control(drain={"delay": "500ms", **LONG})) as proxy, idle(proxy) as waiting:
        proxy.process.send(signal.SIGTERM)
        assert told_to_end(waiting)
        assert proxy.wait() == 0


def test_a_session_whose_node_is_still_looked_for(pki):
    """It is given its node; then it is idle, and told like the others."""
    with FakeCockroach(pki.node, "hang-after-startup") as silent, \
            FakeCockroach(pki.node, "hang-after-startup") as as_silent, \
            FakeCockroach(pki.node) as good:
        nodes = [node(NODE, each.port, tier=tier)
                 for tier, each in enumerate((silent, as_silent, good))]
        settings = configuration(pki.ca, nodes, drain=LONG, spares={"per_node": 0},
                                 timeouts={"dial": "1s", "establish": "15s"})
        with Roachpin(settings) as proxy, Wire(proxy.port) as client:
            client.send(startup(**LOGIN))
            proxy.wait_event("dial_failed", phase="startup")
            proxy.process.send(signal.SIGTERM)  # while the second node is silent
            while (kind := client.read()[0]) != b"Z":
                assert kind in b"RSKN"
            assert read_end(client).startswith("57P01")
            assert proxy.wait() == 0
            assert proxy.events("session_ended")[0]["reason"] == "retired"


@pytest.mark.parametrize("drain", [LONG, {"delay": "60s", **LONG}])
def test_a_second_signal_does_not_wait(with_control, drain):
    with Roachpin(with_control(drain=drain)) as proxy, Closing(connect(proxy)) as connection:
        one(connection, "SELECT 1")  # in a transaction
        proxy.process.send(signal.SIGTERM)
        proxy.wait_event("draining")
        proxy.process.send(signal.SIGTERM)
        assert proxy.process.wait() == 1


def test_a_service_manager_is_told(with_control, tmp_path):
    with ServiceManager(tmp_path, watchdog=0.4) as manager:
        environment = {**os.environ, **manager.environment}
        with Roachpin(with_control(drain={"delay": "1s"}), env=environment) as proxy:
            manager.wait("READY=1")
            for _ in range(3):
                manager.wait("WATCHDOG=1")
            proxy.process.send(signal.SIGHUP)
            lines = manager.wait("RELOADING=1")
            assert any(line.startswith("MONOTONIC_USEC=") for line in lines)
            manager.wait("READY=1")
            proxy.process.send(signal.SIGTERM)
            manager.wait("STOPPING=1")
            manager.wait("WATCHDOG=1")  # whoever drains for long lives
            assert proxy.wait() == 0


def test_a_failed_reload_is_ready_again(with_control, tmp_path):
    with ServiceManager(tmp_path) as manager:
        environment = {**os.environ, **manager.environment}
        with Roachpin(with_control(), env=environment) as proxy:
            manager.wait("READY=1")
            with proxy.expecting("reload_failed"):
                proxy.reconfigure("listeners: 1\n")
            manager.wait("RELOADING=1")
            manager.wait("READY=1")
