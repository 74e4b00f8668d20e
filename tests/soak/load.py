"""Applications at work, of every kind, each checking all it is answered."""

import asyncio
import hashlib
import itertools
import os
import random
import re
import select
import subprocess
import tempfile
import threading
import time
import traceback
from collections import Counter

import asyncpg
import psycopg2
from harness import wire
from harness.copying import LINE, Hashed, Lines
from harness.drivers import explained, read_or_why
from harness.postgres import DATABASE, PASSWORD, USER
from harness.wire import Wire
from judge import CUT, GOOD_BYES, KILLED, TURNED_AWAY, Loss, verdict
from ledger import INSERT, body

from cluster import COUNT, PATIENCE, home
from proxy import DRAIN_SECONDS

NODE_OF = {home(index): index for index in range(COUNT)}
WHERE = "SELECT host(inet_server_addr())"
SLOW_ROWS = 6000


class Ended(Exception):
    """The session is over, and nobody said good-bye."""


class Refused(Exception):
    """The statement failed, the session goes on: the SQLSTATE."""


class Stage:
    """What every application needs."""

    def __init__(self, run, ledger, proxy, cluster, clock, seed):
        self.run, self.ledger, self.proxy, self.cluster = run, ledger, proxy, cluster
        self.clock, self.seed = clock, seed
        self.stopping = threading.Event()
        self.counts = Counter()
        self._counting = threading.Lock()

    def count(self, **amounts):
        with self._counting:
            self.counts.update(amounts)

    def wrong(self, sentence):
        if len(self.run.wrong) < 200:
            self.run.wrong.append(sentence)


class Application(threading.Thread):
    """One session after the other; `work` has one until it has had enough."""

    kind = ""
    think = (0.02, 0.2)

    def __init__(self, stage, number):
        super().__init__(name=f"{self.kind}-{number}", daemon=True)
        self.stage = stage
        self.chance = random.Random(f"{stage.seed}-{self.name}")
        self.page = stage.ledger.page(self.name)
        self.sessions = itertools.count(1)
        self.session = ""
        self.node, self.begun, self.inside, self.rows = None, 0.0, False, []

    def run(self):
        while not self.stage.stopping.is_set():
            self.session = f"soak-{self.name}-{next(self.sessions)}"
            self.node, self.begun, self.inside, self.rows = None, self.stage.clock(), False, []
            try:
                self.work()
            except Ended as end:
                self.lose(str(end))
                self.stage.stopping.wait(0.1)
            except Exception:
                self.stage.wrong(f"{self.session}: {traceback.format_exc()}")
                self.page.settle(self.rows, self.node or 0, 0x80)
                self.stage.stopping.wait(1)

    def lose(self, said):
        told = said.startswith("57P01") if isinstance(self, Plain) and not self.in_login else None
        loss = Loss(self.session, self.node, self.begun, self.stage.clock(), self.inside, said,
                    told)
        self.stage.ledger.lose(loss, self.page, self.rows)

    def pause(self):
        return self.stage.stopping.wait(self.chance.uniform(*self.think))

    def new_row(self):
        number = self.page.take()
        self.rows.append(number)
        return number, body(self.name, number)

    def answered(self):
        self.page.answered(self.rows, self.node)
        self.rows = []

    def expect(self, got, wanted, what):
        if got != wanted:
            self.stage.wrong(f"{self.session} on node {self.node}: {what}: {got!r}, not {wanted!r}")


class Plain(Application):
    """On the wire itself, which sees everything: in the clear, with TLS, through the unix socket."""

    kind = "wire"
    in_login = False

    def work(self):
        with self.connect() as session:
            for _ in range(self.chance.randint(3, 25)):
                if self.pause():
                    break
                self.one(session)
            session.send(wire.message(b"X"))

    def connect(self):
        self.in_login = True
        session = self.reach()
        try:
            self.log_in(session)
            self.in_login = False
            self.node = NODE_OF[self.ask(session, WHERE)[0]]
        except BaseException:
            session.socket.close()
            raise
        self.stage.count(connects=1)
        return session

    def reach(self):
        proxy = self.stage.proxy
        way = self.chance.choice(["plain", "plain", "tls", "unix"])
        try:
            session = Wire({"plain": proxy.plain, "tls": proxy.tls}.get(
                way, f"{proxy.current.socket_directory}/.s.PGSQL.26257"))
            session.socket.settimeout(PATIENCE)
            if way == "tls":
                if session.request_tls() != b"S":
                    raise Ended("no TLS was offered")
                session.start_tls()
            return session
        except OSError as error:
            if way == "unix" and isinstance(error, (ConnectionRefusedError, FileNotFoundError)):
                return self.reach()  # its process has just been replaced; it is no shared port
            raise Ended(f"{way}: {error!r}") from None

    def log_in(self, session):
        try:
            session.send(wire.startup(user=USER, database=DATABASE, application_name=self.session))
            while True:
                kind, content = session.read()
                if kind == b"R" and content == b"\0\0\0\3":
                    session.send(wire.message(b"p", PASSWORD.encode() + b"\0"))
                elif kind == b"K":
                    session.cancel_key = content
                elif kind == b"Z":
                    return
                elif kind in (b"E", b""):
                    raise Ended(explained(content))
        except OSError as error:
            raise Ended(repr(error)) from None

    def ask(self, session, text):
        """The first column. What is not answered, was."""
        if not self.inside:
            self.begun = self.stage.clock()
        try:
            session.send(wire.query(text))
        except OSError:
            pass  # what was said before can be read
        rows, error = [], ""
        while True:
            kind, content = read_or_why(session)
            if kind == b"D":
                rows.append(content[6:].decode())
            elif kind == b"E":
                error = explained(content)
            elif kind == b"Z":
                if error:
                    raise Refused(error)
                self.stage.count(statements=1)
                return rows
            elif kind == b"":
                raise Ended(error or explained(content))

    def one(self, session):
        if self.chance.random() < 0.3:
            self.transaction(session)
            return
        number, text = self.new_row()
        self.ask(session, INSERT.format(self.name, number, text))
        self.answered()
        self.read_back(session, number, text)

    def read_back(self, session, number, text):
        found = self.ask(session, "SELECT body FROM ledger WHERE client = "
                                  f"'{self.name}' AND number = {number}")
        # The audit may have been there, and looked for it itself.
        if found:
            self.expect(found, [text], f"row {number}")

    def transaction(self, session):
        self.ask(session, "BEGIN")
        self.inside = True
        for _ in range(2):
            number, text = self.new_row()
            self.ask(session, INSERT.format(self.name, number, text))
            self.expect(self.ask(session, "SELECT body FROM ledger WHERE client = "
                                          f"'{self.name}' AND number = {number}"), [text],
                        f"row {number} of this transaction")
        if self.chance.random() < 0.2:
            self.ask(session, "ROLLBACK")
            self.page.settle(self.rows)
            self.rows = []
        else:
            self.ask(session, "COMMIT")
            self.answered()
        self.inside = False
        self.stage.count(transactions=1)


class Idle(Plain):
    """As pools keep sessions: they wait, most of the time."""

    kind = "idle"
    think = (3.0, 12.0)

    def work(self):
        with self.connect() as session:
            for number in range(self.chance.randint(2, 10)):
                deadline = time.monotonic() + self.chance.uniform(*self.think)
                while not self.stage.stopping.is_set() and time.monotonic() < deadline:
                    if select.select([session.socket], [], [], 0.5)[0]:
                        kind, content = session.read()
                        raise Ended(explained(content) if kind == b"E" else "the end of the stream")
                self.expect(self.ask(session, f"SELECT {number}"), [str(number)], "SELECT")
                if self.stage.stopping.is_set():
                    break
            session.send(wire.message(b"X"))


class Stubborn(Plain):
    """Keeps a transaction open, sometimes for longer than a drain waits."""

    kind = "stubborn"

    def work(self):
        with self.connect() as session:
            self.ask(session, "BEGIN")
            self.inside = True
            number, text = self.new_row()
            self.ask(session, INSERT.format(self.name, number, text))
            hold = self.stage.clock() + self.chance.choice([2, DRAIN_SECONDS / 2, 2 * DRAIN_SECONDS])
            while self.stage.clock() < hold and not self.stage.stopping.wait(0.3):
                self.ask(session, "SELECT 1")
            self.ask(session, "COMMIT")
            self.answered()
            self.inside = False
            session.send(wire.message(b"X"))


class Canceller(Plain):
    """Cancels its own statements, with its key, on a connection of its own."""

    kind = "cancel"
    think = (0.5, 1.5)

    def one(self, session):
        key = session.cancel_key
        self.begun = self.stage.clock()
        cancelled = threading.Timer(0.3, self.cancel, [key])
        cancelled.start()
        try:
            self.ask(session, "SELECT pg_sleep(4)")
        except Refused as error:
            self.expect(str(error)[:5], "57014", "a cancelled statement")
            self.stage.count(cancels=1)
        else:
            # The key is known to the process which the session came through, and to no other.
            if self.era is not None and self.era == self.stage.proxy.era:
                self.stage.wrong(f"{self.session}: a cancel request was lost")
            self.stage.count(cancels_elsewhere=1)
        finally:
            cancelled.join()

    def connect(self):
        before = self.stage.proxy.era
        session = super().connect()
        self.era = before if before is not None and before == self.stage.proxy.era else None
        return session

    def cancel(self, key):
        try:
            with Wire(self.stage.proxy.plain) as other:
                other.send(wire.opening(wire.CANCEL, key))
                other.ended()
        except OSError as error:
            self.stage.wrong(f"{self.session}: a cancel request: {error!r}")


class SlowReader(Plain):
    """Takes its answer a little at a time, and all of it."""

    kind = "slow"

    def one(self, session):
        self.begun = self.stage.clock()
        seed = self.chance.randrange(1000)
        wanted = hashlib.md5()
        for number in range(SLOW_ROWS):
            wanted.update(f"{number + seed}{'x' * 500}".encode())
        session.send(wire.query(f"SELECT (g + {seed})::text || repeat('x', 500)"
                                f" FROM generate_series(0, {SLOW_ROWS - 1}) g"))
        got, error, count = hashlib.md5(), "", 0
        while True:
            kind, content = read_or_why(session)
            if kind == b"D":
                self.inside = True  # until now, it may have been turned away
                got.update(content[6:])
                count += 1
                if count % 100 == 0:
                    time.sleep(0.03)
            elif kind == b"E":
                error = explained(content)
            elif kind == b"Z":
                break
            elif kind == b"":
                raise Ended(error or explained(content))
        self.inside = False
        self.expect((count, got.hexdigest(), error), (SLOW_ROWS, wanted.hexdigest(), ""),
                    "a long answer")
        self.stage.count(slow_answers=1, statements=1)


class Psycopg(Application):
    """psycopg2, with transactions as SQLAlchemy makes them; COPY both ways in the last of a session."""

    kind = "psycopg2"

    def work(self):
        try:
            connection = psycopg2.connect(**self.door())
        except psycopg2.OperationalError as error:
            raise Ended(str(error)) from None
        self.stage.count(connects=1)
        try:
            self.use(connection)
        except psycopg2.Error as error:
            if not connection.closed and error.pgcode not in ("57P01", "08006"):
                raise
            raise Ended(f"{error.pgcode or ''} {error}") from None
        finally:
            connection.close()

    def door(self):
        proxy = self.stage.proxy
        port, sslmode = self.chance.choice([(proxy.plain, "disable"), (proxy.tls, "require")])
        return {"host": "127.0.0.1", "port": port, "sslmode": sslmode,
                "user": USER, "password": PASSWORD, "dbname": DATABASE,
                "application_name": self.session, "channel_binding": "disable",
                "gssencmode": "disable", "connect_timeout": int(PATIENCE)}

    def use(self, connection):
        with connection.cursor() as cursor:
            cursor.execute(WHERE)
            self.node = NODE_OF[cursor.fetchone()[0]]
            connection.commit()
            for _ in range(self.chance.randint(2, 15)):
                if self.pause():
                    return
                self.transaction(connection, cursor)
            self.copy(connection, cursor)

    def transaction(self, connection, cursor):
        self.begun = self.stage.clock()
        numbers = []
        for _ in range(2):
            number = self.page.take()
            self.rows.append(number)
            numbers.append(number)
            cursor.execute("INSERT INTO ledger VALUES (%s, %s, %s)",
                           (self.name, number, body(self.name, number)))
            # Before its first answer, BEGIN may have been turned away.
            self.inside = True
        cursor.execute("SELECT number, body FROM ledger WHERE client = %s AND number = ANY(%s)"
                       " ORDER BY number", (self.name, numbers))
        self.expect(cursor.fetchall(), [(one, body(self.name, one)) for one in numbers],
                    "its own rows")
        connection.commit()
        self.inside = False
        self.answered()
        self.stage.count(statements=5, transactions=1)

    def copy(self, connection, cursor):
        self.begun = self.stage.clock()
        cursor.execute("CREATE TEMPORARY TABLE copied (line text) ON COMMIT DROP")
        self.inside = True
        lines, back = Lines(self.chance.randint(200, 2000)), Hashed()
        cursor.copy_expert("COPY copied FROM STDIN", lines, 64 * LINE)
        cursor.copy_expert("COPY copied TO STDOUT", back)
        self.expect(back.hash.hexdigest(), lines.hash.hexdigest(), "COPY there and back")
        connection.commit()
        self.inside = False
        self.stage.count(copies=2, copied=2 * back.size, statements=4, transactions=1)


class Asyncpg(Application):
    """asyncpg: the extended protocol, prepared statements, pipelined. One loop in each thread."""

    kind = "asyncpg"

    def work(self):
        try:
            asyncio.run(self.use())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate[:2] not in ("57", "08"):
                raise
            raise Ended(f"{getattr(error, 'sqlstate', '')} {error!r}") from None
        except asyncpg.InternalClientError as error:
            # What it makes of 57P01 where it has asked nothing, and then asks.
            if "another operation (2) is in progress" not in str(error):
                raise
            raise Ended(str(error)) from None

    async def use(self):
        tls = self.chance.random() < 0.5
        proxy = self.stage.proxy
        connection = await asyncpg.connect(
            host="127.0.0.1", port=proxy.tls if tls else proxy.plain, user=USER, password=PASSWORD,
            database=DATABASE, ssl="require" if tls else False, timeout=PATIENCE,
            command_timeout=PATIENCE, server_settings={"application_name": self.session})
        self.stage.count(connects=1)
        try:
            self.node = NODE_OF[await connection.fetchval(WHERE)]
            for _ in range(self.chance.randint(2, 30)):
                await asyncio.sleep(self.chance.uniform(*self.think))
                if self.stage.stopping.is_set():
                    break
                await self.one(connection)
            await connection.close(timeout=PATIENCE)
        finally:
            connection.terminate()

    async def one(self, connection):
        self.begun = self.stage.clock()
        number, text = self.new_row()
        insert = "INSERT INTO ledger VALUES ($1, $2, $3) RETURNING number"
        self.expect(await connection.fetchval(insert, self.name, number, text), number, "an INSERT")
        self.answered()
        self.begun = self.stage.clock()
        rows = await connection.fetch("SELECT g, $1 || g FROM generate_series(1, $2) g", text, 40)
        self.expect([tuple(row) for row in rows],
                    [(one, f"{text}{one}") for one in range(1, 41)], "rows")
        self.stage.count(statements=2)


class Pgbench(Application):
    """pgbench itself, in short runs; what ends one of its clients must be in the log."""

    kind = "pgbench"
    RUNS = (["-b", "tpcb-like"], ["-b", "select-only", "-M", "prepared"],
            ["-b", "simple-update", "-M", "extended"], ["-b", "select-only", "-C"])

    def work(self):
        proxy = self.stage.proxy
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        tls = self.chance.random() < 0.5
        environment = {
            **kept, "LC_ALL": "C", "PGHOST": "localhost", "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(proxy.tls if tls else proxy.plain), "PGUSER": USER, "PGPASSWORD": PASSWORD,
            "PGDATABASE": DATABASE, "PGSSLMODE": "require" if tls else "disable",
            "PGCHANNELBINDING": "disable", "PGGSSENCMODE": "disable", "PGAPPNAME": self.session}
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                ["pgbench", "-n", "-c", "3", "-j", "1", "-R", "60", "-t", "80",
                 *self.chance.choice(self.RUNS)],
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                code = process.wait(2 * PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = "nothing: it hung"
            output.seek(0)
            self.judge(code, output.read())
        self.pause()

    def judge(self, code, said):
        done = re.search(r"actually processed: (\d+)", said)
        self.stage.count(pgbench_transactions=int(done.group(1)) if done else 0,
                         statements=int(done.group(1)) if done else 0)
        if code == 0:
            return
        # Whoever ended may be logged a moment later.
        loss = Loss(self.session, None, self.begun, self.stage.clock(), False, said[-600:])
        for _ in range(100):
            ends = self.stage.proxy.log.ends(self.session)
            verdicts = {verdict(loss, [end], self.stage.cluster.downs, DRAIN_SECONDS)
                        for end in ends if end.reason not in GOOD_BYES or self.was_away(end)}
            if verdicts:
                break
            time.sleep(0.1)
        if code not in (1, 2) or not verdicts or verdicts - {TURNED_AWAY, KILLED, CUT}:
            self.stage.wrong(f"pgbench ended with {code}, {verdicts}: {said[-1500:]}")
        self.stage.count(pgbench_interrupted=1)

    def was_away(self, end):
        """Else it is how a node answers a good-bye."""
        return any(down.node == end.node and down.covers(end.at)
                   for down in self.stage.cluster.downs)


CAST = ((Plain, 8), (Idle, 12), (Psycopg, 6), (Asyncpg, 6), (Stubborn, 1), (Canceller, 1),
        (SlowReader, 2), (Pgbench, 1))


def cast(stage):
    return [kind(stage, number) for kind, many in CAST for number in range(1, many + 1)]
