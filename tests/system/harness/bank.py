"""The applications of config/examples, at work: each makes transfers between accounts, in whatever
way its language and its pool have."""

import contextlib
import importlib
import importlib.util
import io
import json
import logging
import os
import socket
import socketserver
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from werkzeug.serving import WSGIRequestHandler, make_server

from .certificates import NODE
from .jdbc import DRIVER
from .postgres import PASSWORD, USER
from .process import Process
from .project import ROOT
from .roachpin import configuration, node
from .waiting import PATIENCE, until

EXAMPLES = ROOT / "config" / "examples"
APPLICATIONS = EXAMPLES / "applications"
NODE_MODULES = Path(__file__).parents[1] / "node" / "node_modules"
JARS = [Path("/usr/share/java") / name for name in ("HikariCP.jar", "slf4j-api.jar", "slf4j-nop.jar")]
DATABASE = "bank"


class Bank:
    """The database of the examples, looked at from behind."""

    def __init__(self, postgres):
        self._postgres = postgres
        postgres.do(f"CREATE DATABASE {DATABASE} OWNER {USER}",
                    # As CockroachDB has it.
                    f"ALTER ROLE {USER} SET default_transaction_isolation = 'serializable'")
        self.do("CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)",
                f"ALTER TABLE accounts OWNER TO {USER}")

    def direct(self):
        return self._postgres.direct(dbname=DATABASE)

    def do(self, *statements):
        with self.direct() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ask(self, statement):
        with self.direct() as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def open(self):
        """Two accounts, with 100 each."""
        self.do("TRUNCATE accounts", "INSERT INTO accounts VALUES (1, 100), (2, 100)")

    @property
    def balances(self):
        return [row[0] for row in self.ask("SELECT balance FROM accounts ORDER BY id")]

    def wait_session(self):
        """Once the application has a session that is idle: that its pool kept."""
        until("a session is kept", lambda: self.ask(
            f"SELECT 1 FROM pg_stat_activity WHERE usename = '{USER}' AND datname = '{DATABASE}'"
            " AND application_name = 'bank' AND state = 'idle'"))

    def end(self, pid):
        """A session is ended; returns when it is gone."""
        self.do(f"SELECT pg_terminate_backend({pid})")
        until("the session is gone", lambda: not self.ask(
            f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"))

    def wait_blocked(self, on):
        """The pid of the application's session, once it waits for a lock of this kind."""
        return until(f"the application waits for {on}", lambda: self.ask(
            f"SELECT pid FROM pg_stat_activity WHERE usename = '{USER}'"
            f" AND wait_event_type = 'Lock' AND wait_event = '{on}'"))[0][0]

    @contextlib.contextmanager
    def somebody_else_changes(self, account):
        """Holds a row; a serializable transaction that wants it fails at the end, with 40001."""
        with self.direct() as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"UPDATE accounts SET balance = balance + 1 WHERE id = {account}")
            yield
            cursor.execute("COMMIT")

    @contextlib.contextmanager
    def the_next_commit_conflicts(self):
        """COMMIT fails with 40001, once: with CockroachDB it is mostly there that a conflict shows."""
        self.do("CREATE SEQUENCE commits")
        with self._at_commit(
                "IF nextval('commits') = 1 THEN RAISE serialization_failure; END IF;"):
            yield
        self.do("DROP SEQUENCE commits")

    @contextlib.contextmanager
    def commits_hang(self):
        """COMMIT takes as long as the block, or until its session is ended."""
        with self._at_commit("PERFORM pg_advisory_xact_lock(7);"):
            with self.direct() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(7)")
                yield

    @contextlib.contextmanager
    def counting(self, then=""):
        """Yields how many rows were changed until now, kept or not: nobody rolls back a sequence."""
        self.do("CREATE SEQUENCE changes MINVALUE 0")
        with self._at("AFTER UPDATE ON accounts", f"PERFORM nextval('changes'); {then}"):
            self.ask("SELECT nextval('changes')")
            yield lambda: self.ask("SELECT last_value FROM changes")[0][0]
        self.do("DROP SEQUENCE changes")

    def _at_commit(self, statement):
        return self._at("AFTER UPDATE ON accounts DEFERRABLE INITIALLY DEFERRED", statement)

    @contextlib.contextmanager
    def _at(self, moment, statement):
        self.do("CREATE FUNCTION at_change() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$BEGIN {statement} RETURN NULL; END$$",
                f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {USER}",
                f"CREATE CONSTRAINT TRIGGER at_change {moment}"
                " FOR EACH ROW EXECUTE FUNCTION at_change()")
        yield
        self.do("DROP TRIGGER at_change ON accounts", "DROP FUNCTION at_change")


def behind(name, ca_file, port, bind, directory):
    """An example of a configuration, with the test's own places in it: one node at this port, this
    bind, and this folder for what it writes."""
    example = yaml.safe_load((EXAMPLES / "roachpin" / name).read_text())
    listener = {**example.pop("listeners")[0], "bind": bind}
    if "export_file" in listener.get("tls", {}):
        listener["tls"]["export_file"] = str(directory / "local.crt")
    if "allow_uids" in listener:
        listener["allow_uids"] = [os.getuid()]
    cluster = example.pop("cluster")
    assert cluster["nodes"][0]["host"] == NODE
    return configuration(ca_file, [node(NODE, port)], [listener], **example)


class Cable(socketserver.ThreadingTCPServer):
    """Between the application and a port of localhost, from a port of its own. A context manager."""

    block_on_close = False

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), _Strand)
        self.port = self.server_address[1]
        self.target, self.strands = target, set()
        threading.Thread(target=self.serve_forever).start()

    def __exit__(self, *error):
        self.shutdown()
        self.cut()
        self.server_close()

    def cut(self):
        """Every connection ends, and nobody says why."""
        for strand in list(self.strands):
            strand.end()


class _Strand(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            there = socket.create_connection(("127.0.0.1", self.server.target))
        except ConnectionRefusedError:
            return
        with there:
            self._ends = self.request, there
            self.server.strands.add(self)
            back = threading.Thread(target=self._carry, args=(there, self.request))
            back.start()
            self._carry(self.request, there)
            back.join()
            self.server.strands.remove(self)

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        self.end()

    def end(self):
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def environment(port, scheme="postgresql"):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "DATABASE_URL":
            f"{scheme}://{USER}:{PASSWORD}@localhost:{port}/{DATABASE}?sslmode=require",
            "DATABASE_PORT": str(port), "DATABASE_PASSWORD": PASSWORD}


class Filter:
    """An application that reads transfers from its standard input, and says what came of each."""

    def __init__(self, argv, port, **variables):
        self._process = Process(argv, stream="stdout", stdin=subprocess.PIPE, stderr=None,
                                env={**environment(port), **variables})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stop()

    def begin(self, source, target, amount):
        """A transfer; what is returned waits for its end: "ok", or "failed", SQLSTATE and why."""
        return self._process.ask(f"{source} {target} {amount}", within=2 * PATIENCE)


class Site(logging.Handler):
    """A web application, served by this process; why it failed is what it logs."""

    def __init__(self, application, logger, encode):
        super().__init__()
        self._encode, self._logger, self._said = encode, logger, []
        logger.addHandler(self)
        # One thread: Django keeps a connection for each.
        self._server = make_server("127.0.0.1", 0, application, request_handler=_Quiet)
        self._threads = ThreadPoolExecutor(2)
        self._threads.submit(self._server.serve_forever)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._threads.shutdown()
        self._server.server_close()
        self._logger.removeHandler(self)

    def emit(self, record):
        self._said.append(" ".join(record.getMessage().split()))

    def begin(self, source, target, amount):
        return self._threads.submit(
            self._post, {"source": source, "target": target, "amount": amount}).result

    def _post(self, fields):
        body, kind = self._encode(fields)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._server.server_port}/transfers", body, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=2 * PATIENCE):
                return "ok"
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            assert error.code in (404, 503), said
            return f"failed {self._said[-1] if error.code == 503 else said}"


class _Quiet(WSGIRequestHandler):
    def log(self, *arguments):
        pass


@contextlib.contextmanager
def _importing(folder, variables):
    """Modules of a folder, as they see the world with these variables."""
    before = dict(os.environ)
    os.environ.update(variables)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def imported(name, port):
    """An application of Python that has read all its input, and its pool with it."""
    with _importing(APPLICATIONS, environment(port)), contextlib.ExitStack() as undone:
        undone.callback(setattr, sys, "stdin", sys.stdin)
        sys.stdin = io.StringIO()
        yield _executed(name)


def _executed(name):
    spec = importlib.util.find_spec(name, None)
    assert Path(spec.origin).parent == APPLICATIONS, spec
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _python(name):
    return lambda port, directory: Filter(["/usr/bin/python3", APPLICATIONS / name], port)


def _flask(port, directory):
    with _importing(APPLICATIONS, environment(port, "postgresql+psycopg2")):
        module = _executed("flask_sqlalchemy")
    return Site(module.app, module.app.logger,
                lambda fields: (json.dumps(fields).encode(), "application/json"))


def _django(port, directory):
    variables = {**environment(port), "DATABASE_ENGINE": "django.db.backends.postgresql",
                 "DJANGO_SETTINGS_MODULE": "settings", "DJANGO_SECRET_KEY": "of this test"}
    with _importing(APPLICATIONS / "django", variables):
        from django.core.wsgi import get_wsgi_application
        application = get_wsgi_application()
        importlib.import_module("bank")  # Django's urls, while the folder is on the path
    return Site(application, logging.getLogger("bank"), lambda fields: (
        urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"))


def _node(port, directory):
    return Filter(["node", APPLICATIONS / "node_postgres.js"], port, NODE_PATH=str(NODE_MODULES))


def _hikari(port, directory):
    jars = ":".join(map(str, [DRIVER, *JARS]))
    subprocess.run(["javac", "-encoding", "UTF-8", "-cp", jars, "-d", directory,
                    APPLICATIONS / "Bank.java"], check=True)
    properties = directory / "hikari.properties"
    text = with_port((APPLICATIONS / "hikari.properties").read_text(), port)
    # HikariCP tries for that long, and the test has to wait for it.
    properties.write_text(text.replace("connectionTimeout=20000", "connectionTimeout=2000"))
    # Else it asks no connection that was used within the last half second, and after a cut the five
    # tries may all meet such a one.
    bypass = "-Dcom.zaxxer.hikari.aliveBypassWindowMs=0"
    return Filter(["java", "-XX:TieredStopAtLevel=1", "-Xmx256m", bypass, "-cp", f"{directory}:{jars}",
                   "Bank", properties], port)


def _pgx(port, directory):
    # Debian's Go libraries are a GOPATH, and complete: nothing is fetched.
    subprocess.run(
        ["go", "build", "-o", directory / "bank", APPLICATIONS / "pgx" / "main.go"], check=True,
        env={**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOPROXY": "off"})
    return Filter([directory / "bank"], port)


def with_port(text, port):
    """An example file that says 26257, for another port."""
    assert "26257" in text
    return text.replace("26257", str(port))


APPLICATION = {
    "psycopg2": _python("psycopg2_pool.py"),
    "flask": _flask,
    "django": _django,
    "asyncpg": _python("asyncpg_pool.py"),
    "hikari": _hikari,
    "node-postgres": _node,
    "pgx": _pgx,
}
"""By name: starts it before a port of localhost, with a folder of its own."""
