"""Applications that keep connections as drivers and pools do: they work, notice when a session is
over, and make a new one. What went wrong is kept, apart for what may and what may not."""

import random
import select
import threading
import time
from dataclasses import dataclass

from . import wire
from .waiting import PATIENCE, until
from .wire import Wire

LOGIN = {"user": "app", "database": "appdb"}
ADMIN_SHUTDOWN = "57P01"


@dataclass(frozen=True)
class Lost:
    """A statement that was sent and not answered, or a transaction that was broken off."""

    instance: int  # of the node, by its cancel key
    why: str
    inside_transaction: bool


class Load:
    """So many applications at work. As a context manager: its end waits for all of them."""

    def __init__(self, port, count=50, think=0.03, work=(4, 16)):
        """`think`: seconds between two statements; `work`: from how many of them to how many a
        session has."""
        self.port = port
        self.work = work
        self.think = think
        self.stopping = threading.Event()
        self._drivers = [_Driver(self) for _ in range(count)]

    def __enter__(self):
        for driver in self._drivers:
            driver.start()
        until("every application has worked", lambda: all(one.answered for one in self._drivers))
        return self

    def __exit__(self, *error):
        self.stop()

    def stop(self):
        self.stopping.set()
        for driver in self._drivers:
            driver.join(PATIENCE)
        assert not any(driver.is_alive() for driver in self._drivers), "an application hangs"

    def go_on(self, each=3):
        """Once so many more statements have been answered for each application, on average."""
        goal = self.answered + each * len(self._drivers)
        until(f"{goal} answers", lambda: self.answered >= goal)

    def assert_no_harm(self, killed=()):
        """`killed`: instances that ended without a word; what was under way there may be lost."""
        assert not self.failures, self.failures
        assert not self.failed_connects, self.failed_connects
        strange = [one for one in self.lost + self.ended_idle if one.instance not in killed]
        assert not strange, strange

    def _sum(self, name):
        return sum(getattr(driver, name) for driver in self._drivers)

    def _all(self, name):
        return [one for driver in self._drivers for one in getattr(driver, name)]

    answered = property(lambda self: self._sum("answered"))
    connects = property(lambda self: self._sum("connects"))

    turned_away = property(lambda self: self._sum("turned_away"))
    """Sessions that ended with 57P01 between two statements: nothing is lost by it."""

    failed_connects = property(lambda self: self._all("failed_connects"))
    """Why, of each connection that did not come to ReadyForQuery."""

    failed_again = property(lambda self: self._all("failed_again"))
    """Those of them that came right after another."""

    lost = property(lambda self: self._all("lost"))
    ended_idle = property(lambda self: self._all("ended_idle"))
    """Of sessions that ended between two statements otherwise than by 57P01."""

    failures = property(lambda self: self._all("failures"))
    """What is never right: wrong answers, broken messages."""


class _Driver(threading.Thread):
    def __init__(self, load):
        super().__init__(daemon=True)
        self._load = load
        self._number = 0
        self._instance = 0
        self._inside = self._has_failed = False
        self.answered = self.connects = self.turned_away = 0
        self.failed_again = []
        self.failed_connects, self.lost, self.ended_idle, self.failures = [], [], [], []

    def run(self):
        while not self._load.stopping.is_set():
            try:
                self._one_session()
            except (AssertionError, UnicodeDecodeError) as error:
                self.failures.append(repr(error))

    def _one_session(self):
        failed = len(self.failed_connects)
        session = self._connect()
        if session is None and self._has_failed:
            self.failed_again += self.failed_connects[failed:]
        self._has_failed = session is None
        if session is None:
            time.sleep(0.05)
            return
        with session:
            for _ in range(random.randint(*self._load.work)):
                if self._load.stopping.is_set() or not self._work(session):
                    return
            session.send(wire.message(b"X"))

    def _connect(self):
        try:
            session = Wire(self._load.port)
        except OSError as error:
            self.failed_connects.append(repr(error))
            return None
        why = self._login(session)
        if why is None:
            self.connects += 1
            return session
        session.socket.close()
        self.failed_connects.append(why)
        return None

    def _login(self, session):
        """Why not, if so."""
        try:
            session.send(wire.startup(**LOGIN))
            while True:
                kind, body = session.read()
                if kind == b"K":
                    session.cancel_key = body
                    self._instance = session.instance
                elif kind == b"Z":
                    return None
                elif kind in (b"E", b""):
                    return explained(body)
        except OSError as error:
            return repr(error)

    def _work(self, session):
        """Whether the session goes on."""
        if random.random() < 0.75:
            return self._statement(session)
        self._inside = False
        return self._statement(session, "BEGIN") and self._in_transaction(session)

    def _in_transaction(self, session):
        self._inside = True
        done = self._statement(session) and self._statement(session) \
            and self._statement(session, "COMMIT")
        self._inside = False
        return done

    def _statement(self, session, text=None):
        if not self._idle(session):
            return False
        self._number += 1
        text = text or f"SELECT '{self.name} {self._number}'"
        try:
            session.send(wire.query(text))
        except OSError:
            pass  # what was said before can be read
        return self._answer(session, text)

    def _idle(self, session):
        """The time until the next statement; false where the session ends in it."""
        readable, _, _ = select.select([session.socket], [], [], random.uniform(0, 2) * self._load.think)
        if not readable:
            return True
        why = read_end(session)
        if self._inside:
            self.lost.append(Lost(self._instance, f"idle in a transaction: {why}", True))
        elif why.startswith(ADMIN_SHUTDOWN):
            self.turned_away += 1
        else:
            self.ended_idle.append(Lost(self._instance, why, False))
        return False

    def _answer(self, session, text):
        answer = b""
        while True:
            kind, body = read_or_why(session)
            if kind == b"Z":
                expected = b"" if text in ("BEGIN", "COMMIT") else text.encode()
                assert answer == expected, (text, answer)
                self.answered += 1
                return True
            if kind == b"D":
                answer += body[6:]
            elif kind in (b"E", b""):
                why = explained(body)
                if why.startswith(ADMIN_SHUTDOWN) and not self._inside and not answer:
                    self.turned_away += 1
                else:
                    self.lost.append(Lost(self._instance, f"{text}: {why}", self._inside))
                return False


def read_or_why(session):
    """The next message; a connection that is broken has come to its end, and that says why."""
    try:
        return session.read()
    except OSError as error:
        return b"", repr(error).encode()


def read_end(session):
    """Why the node or the proxy ends a session that waits for nothing."""
    kind, body = read_or_why(session)
    assert kind in (b"E", b""), (kind, body)
    return explained(body)


def explained(error_response):
    """SQLSTATE, message and detail of an ErrorResponse; or that there was none."""
    if not error_response[:1].isupper() or b"\0" not in error_response:
        return error_response.decode("utf-8", "replace") or "the end of the stream"
    fields = {field[:1]: field[1:].decode() for field in error_response.split(b"\0") if field}
    return " ".join(fields.get(letter, "") for letter in (b"C", b"M", b"D"))
