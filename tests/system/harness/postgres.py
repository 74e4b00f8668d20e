"""A real PostgreSQL with TLS, as the node: it speaks the same opening as CockroachDB."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from .process import Process
from .waiting import PATIENCE, until

USER = "app"
PASSWORD = "correct-horse-7f3a"
DATABASE = "appdb"
SCRAM_USER = "scram_app"

# CockroachDB asks for the password in clear inside TLS, or for SCRAM-SHA-256; it never offers
# SCRAM-SHA-256-PLUS. PostgreSQL offers it whenever its side is TLS, and libpq then refuses to log
# in wherever TLS ends before the server: so the user of the libpq tests has `password`, and SCRAM
# is for `scram_app`, which the drivers without channel binding use.
HBA = f"""
local   all all                        trust
hostssl all {SCRAM_USER} samenet scram-sha-256
hostssl all certified  samenet cert
hostssl all all        samenet password
"""

SETTINGS = {
    "ssl": "on",
    "ssl_cert_file": "node.crt",
    "ssl_key_file": "node.key",
    "ssl_ca_file": "ca.crt",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "synchronize_seqscans": "off",
    "log_connections": "on",
    "log_line_prefix": "%p %u ",
}


def binaries():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=version)
    assert found, "PostgreSQL's server is not installed (Debian: postgresql)"
    return found[-1].parent


def version(path):
    return float(path.parts[4])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """TLS only on TCP; a trusted unix socket for the test's own look behind the scenes."""

    settings = SETTINGS

    def __init__(self, ca_file, certificate, addresses=("127.0.0.1",), port=None):
        """`port`: where the test knows that it is free, in a network of its own."""
        # PostgreSQL refuses to run as root.
        self._owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.directory = Path(tempfile.mkdtemp(prefix="roachpin-pg-"))
        self.data = self.directory / "data"
        self._give(self.directory)
        self._run(binaries() / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                  "--no-sync", "--no-locale", "-E", "UTF8")
        (self.data / "pg_hba.conf").write_text(HBA)
        self._addresses, self._port = addresses, port
        for source, name in ((ca_file, "ca.crt"), (certificate.cert, "node.crt"),
                             (certificate.key, "node.key")):
            shutil.copyfile(source, self.data / name)
            (self.data / name).chmod(0o600)
            self._give(self.data / name)
        self._start()
        self._create_application()

    def _start(self):
        settings = [f"--{name}={value}" for name, value in self.settings.items()]
        settings.append(f"--listen_addresses={','.join(self._addresses)}")
        for _ in range(5):  # another process may take a free port first
            self.port = self._port or free_port()
            self._server = Process(
                [binaries() / "postgres", "-D", self.data, "-p", self.port,
                 "-k", self.directory, *settings], **self._identity())
            try:
                self._server.wait_line("ready to accept connections", within=60)
                return
            except AssertionError:
                if "Address already in use" not in self._server.output:
                    self.stop()
                    raise
        raise AssertionError("no free port for PostgreSQL")

    def _create_application(self):
        with self.direct(dbname="postgres") as connection, connection.cursor() as cursor:
            for user in (USER, SCRAM_USER, "certified"):
                cursor.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
            cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")
        self.do(f"ALTER SCHEMA public OWNER TO {USER}")

    def direct(self, dbname=DATABASE, user="postgres"):
        """A connection past every proxy, as superuser; each statement is its own transaction."""
        connection = psycopg2.connect(
            host=str(self.directory), port=self.port, user=user, dbname=dbname)
        connection.autocommit = True
        return Closing(connection)

    def do(self, *statements):
        """Statements, directly."""
        with self.direct() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ask(self, statement, *arguments):
        """The rows of one statement, asked directly."""
        with self.direct() as connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return cursor.fetchall()

    def wait_running(self, text, within=PATIENCE):
        """The backend's pid, once a statement that contains `text` runs."""
        query = ("SELECT pid FROM pg_stat_activity WHERE state = 'active'"
                 " AND pid <> pg_backend_pid() AND query LIKE %s")
        rows = until(f"{text!r} runs", lambda: self.ask(query, f"%{text}%"), within)
        return rows[0][0]

    def stop(self):
        self._server.stop(signal.SIGINT)  # "fast": sessions are ended, not waited for
        shutil.rmtree(self.directory)

    def _run(self, *argv):
        done = subprocess.run([str(argument) for argument in argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, **self._identity())
        assert done.returncode == 0, done.stdout + done.stderr

    def _identity(self):
        # A directory of its own, and plain messages whatever the tester's language is.
        options = {"cwd": self.directory, "env": {**os.environ, "LC_ALL": "C"}}
        if self._owner:
            options |= {"user": self._owner.pw_uid, "group": self._owner.pw_gid,
                        "extra_groups": []}
        return options

    def _give(self, path):
        if self._owner:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)


class Closing:
    """psycopg2's `with connection` ends a transaction and leaves the connection open; this one
    closes it."""

    def __init__(self, connection):
        self._connection = connection

    def __enter__(self):
        return self._connection

    def __exit__(self, *error):
        self._connection.close()
