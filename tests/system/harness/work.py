"""Applications at a real database that check every answer, and at the end what the database holds:
nothing that was confirmed may be missing, and nothing be there twice."""

import hashlib
import itertools
import threading

import psycopg2

from .postgres import DATABASE, PASSWORD, USER
from .waiting import PATIENCE, until

BODY = b"0123456789abcdefghijklmnopqrstuvwxyz" * 1200
_tables = itertools.count()


class Work:
    """So many applications, each with one session that lasts as long as the block. `fresh`: so many
    more that make a new session for each transaction. As a context manager: its end waits for all,
    and asserts that all was right; `stop` does that before."""

    def __init__(self, postgres, port, count=4, fresh=0, host="127.0.0.1", pause=0.005, **options):
        """`options` are libpq's."""
        self._postgres = postgres
        self._table = f"work_{next(_tables)}"
        self.options = {"host": host, "port": port, "user": USER, "password": PASSWORD,
                        "dbname": DATABASE, "sslmode": "prefer", "connect_timeout": 15, **options}
        self.stopping, self.pause = threading.Event(), pause
        lasting = [f"lasting {number}" for number in range(count)]
        self._workers = [_Worker(self, name, name in lasting)
                         for name in lasting + [f"fresh {number}" for number in range(fresh)]]

    def __enter__(self):
        self._postgres.do(f"CREATE TABLE {self._table} (name text, number int, body text,"
                          " PRIMARY KEY (name, number))",
                          f"ALTER TABLE {self._table} OWNER TO {USER}")
        for worker in self._workers:
            worker.start()
        self.go_on(1)
        return self

    def __exit__(self, kind, error, trace):
        self.stopping.set()
        if kind is None:
            self.stop()

    def go_on(self, each=3, within=PATIENCE):
        """Once every application has done so many more transactions."""
        goals = [(worker, worker.done + each) for worker in self._workers]

        def reached():
            assert not self.failures, self.failures
            return all(worker.done >= goal for worker, goal in goals)

        until(f"{each} more transactions each", reached, within)

    def stop(self):
        self.stopping.set()
        for worker in self._workers:
            worker.join(2 * PATIENCE)
            assert not worker.is_alive(), f"{worker.name} hangs"
        assert not self.failures, self.failures
        kept = self._postgres.ask(
            f"SELECT name, count(*), max(number), count(*) FILTER (WHERE md5(body) <> %s)"
            f" FROM {self._table} GROUP BY name", hashlib.md5(BODY).hexdigest())
        assert sorted(kept) == sorted(
            (worker.name, worker.done, worker.done, 0) for worker in self._workers)

    @property
    def failures(self):
        return [(worker.name, worker.failure) for worker in self._workers if worker.failure]

    @property
    def done(self):
        return sum(worker.done for worker in self._workers)

    def transaction(self, session, name, number):
        """One: a row goes in, comes back and is compared."""
        with session.cursor() as cursor:
            cursor.execute(f"INSERT INTO {self._table} VALUES (%s, %s, %s)",
                           (name, number, BODY.decode()))
            cursor.execute(f"SELECT number, body FROM {self._table} WHERE name = %s AND number = %s",
                           (name, number))
            assert cursor.fetchall() == [(number, BODY.decode())]
        session.commit()


class _Worker(threading.Thread):
    def __init__(self, work, name, lasts):
        super().__init__(name=name, daemon=True)
        self._work, self._lasts = work, lasts
        self.done, self.failure = 0, None

    def run(self):
        try:
            while not self._work.stopping.is_set():
                self._one_session()
        except (psycopg2.Error, AssertionError) as error:
            self.failure = f"after {self.done}: {error!r}"

    def _one_session(self):
        session = psycopg2.connect(**self._work.options)
        try:
            while True:
                self._work.transaction(session, self.name, self.done + 1)
                self.done += 1
                if self._work.stopping.wait(self._work.pause) or not self._lasts:
                    return
        finally:
            session.close()
