"""The throw-away PostgreSQL behind every proxy. Not the harness's: this one also takes plain
connections, for the relay without TLS, and more of them."""

import os
import pwd
import shutil
import signal
import subprocess

import psycopg2
from harness.certificates import NODE
from harness.postgres import binaries, free_port
from harness.process import Process
from harness.waiting import until

USER = "bench"

# Who logs in is not measured; loopback only.
HBA = "local all all trust\nhost all all 127.0.0.1/32 trust\n"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "ssl": "on",
    "ssl_cert_file": "node.crt",
    "ssl_key_file": "node.key",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "600",
    "shared_buffers": "256MB",
}


class Database:
    def __init__(self, directory, certificate):
        # PostgreSQL refuses to run as root, and so does PgBouncer.
        owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.identity = {"env": {**os.environ, "LC_ALL": "C"}, "cwd": "/"}
        if owner:
            self.identity |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self.certificate, self.data = directory / "node.crt", directory / "data"
        directory.mkdir()
        self.key = directory / "node.key"
        shutil.copyfile(certificate.cert, self.certificate)
        shutil.copyfile(certificate.key, self.key)
        self.key.chmod(0o600)
        if owner:
            for path in (directory, self.certificate, self.key):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        subprocess.run(
            [binaries() / "initdb", "-D", self.data, "-U", USER, "-A", "trust", "--no-sync",
             "--no-locale", "-E", "UTF8"], check=True, stdout=subprocess.DEVNULL, **self.identity)
        (self.data / "pg_hba.conf").write_text(HBA)
        self._start(directory)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._server.stop(signal.SIGINT, within=60)  # "fast": sessions are ended

    def _start(self, directory):
        settings = SETTINGS | {"ssl_cert_file": self.certificate, "ssl_key_file": self.key}
        self.port = free_port()
        self._server = Process(
            [binaries() / "postgres", "-D", self.data, "-p", self.port, "-k", directory,
             *(f"--{name}={value}" for name, value in settings.items())], **self.identity)
        try:
            self._server.wait_line("ready to accept connections", within=60)
        except AssertionError:
            self._server.kill()
            raise

    def fill(self, scale):
        """pgbench's own tables."""
        subprocess.run(["pgbench", "-i", "-q", "-s", str(scale)], check=True,
                       stderr=subprocess.DEVNULL, env=environment(self.plain))

    @property
    def plain_port(self):
        """For whoever asks for no TLS: the same."""
        return self.port

    @property
    def plain(self):
        """As libpq calls it."""
        return {"host": "127.0.0.1", "port": self.port, "sslmode": "disable"}

    def verified(self, ca_file):
        return {"host": NODE, "hostaddr": "127.0.0.1", "port": self.port,
                "sslmode": "verify-full", "sslrootcert": ca_file}

    def wait_quiet(self):
        """Until no session is left: a server that is still ending hundreds takes CPU."""
        with connect(self.plain) as own, own.cursor() as cursor:
            until("the sessions have ended", lambda: self._others(cursor) == 0, within=60)
        own.close()

    @staticmethod
    def _others(cursor):
        cursor.execute("SELECT pg_stat_clear_snapshot(), count(*) FROM pg_stat_activity"
                       " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        return cursor.fetchone()[1]


LOGIN = {"user": USER, "dbname": "postgres", "gssencmode": "disable"}


def connect(options):
    connection = psycopg2.connect(**LOGIN, **options)
    connection.autocommit = True
    return connection


def environment(options):
    """For pgbench and psql: nothing of the caller's own PG* variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    names = {"dbname": "PGDATABASE"}
    chosen = {names.get(name, "PG" + name.upper()): str(value)
              for name, value in {**LOGIN, **options}.items()}
    return {**kept, **chosen, "LC_ALL": "C"}
