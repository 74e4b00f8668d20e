"""The proxies side by side, each as its own manual would set it up for this job, on one thread
unless told otherwise, and started when entered."""

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from amounts import Amounts
from database import Database, USER, connect
from harness.certificates import Pki
from harness.postgres import free_port
from harness.process import Process
from harness.waiting import PATIENCE, until


@dataclass(frozen=True)
class Stage:
    """What all measurements share."""

    work: Path
    pki: Pki
    node: str
    database: Database
    server: Any
    """Whom the proxies lead to, at `port` and `plain_port`: the database, or a fake node."""
    most: int
    """Sessions that each lets in. roachpin does not start where the descriptors do not suffice."""
    program: str
    amounts: Amounts


COMPLAINT = re.compile(r"error|fail|reject|refus|limit|too many|cannot", re.IGNORECASE)


@dataclass(frozen=True)
class Peer:
    pid: Any
    """The proxy's only process; None where there is no proxy."""
    libpq: dict
    """How a client gets there."""
    process: Any = None

    def complaint(self):
        """What the proxy said last that sounds like one."""
        found = [line for line in self.process.lines if COMPLAINT.search(line)]
        return found[-1] if found else "nothing"

    def encryption(self):
        """What the server sees of TLS on this way, by its own account."""
        connection = connect(self.libpq)
        with connection.cursor() as cursor:
            cursor.execute("SELECT concat_ws(' ', version, cipher) FROM pg_stat_ssl"
                           " WHERE pid = pg_backend_pid()")
            (text,) = cursor.fetchone()
        connection.close()
        return text or "none"


def local(port, tls=False):
    return {"host": "127.0.0.1", "port": port, "sslmode": "require" if tls else "disable"}


@contextmanager
def roachpin(stage, tls=False, spares=True, proofs=True, workers=1):
    """It proves its nodes again every five seconds, whoever is connected; the others never do."""
    with started(stage, [stage.program, "run", "-c"], lambda port: f"""
listeners:
  - bind: 127.0.0.1:{port}
    max_connections: {stage.most}
    {"tls: {auto: true}" if tls else ""}
cluster:
  ca_file: {stage.pki.ca}
  nodes:
    - host: {stage.node}
      port: {stage.server.port}
      addresses: [127.0.0.1]
limits: {{max_connections: {stage.most}}}
{"" if spares else "spares: {per_node: 0}"}
{"" if proofs else "health: {interval: 8760h}"}
workers: {workers}
admin: {{bind: ~}}
""", tls) as peer:
        yield peer


@contextmanager
def haproxy(stage, workers=1):
    """Plain towards the server too: what a relay costs that does nothing else."""
    with started(stage, ["/usr/sbin/haproxy", "-db", "-f"], lambda port: f"""
global
    nbthread {workers}
    maxconn {stage.most}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgresql
    bind 127.0.0.1:{port}
    server node 127.0.0.1:{stage.server.plain_port}
""") as peer:
        yield peer


@contextmanager
def stunnel(stage):
    with started(stage, ["/usr/bin/stunnel4"], lambda port: f"""
foreground = yes
pid =
[postgresql]
client = yes
protocol = pgsql
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{stage.server.port}
CAfile = {stage.pki.ca}
verifyChain = yes
checkHost = {stage.node}
""") as peer:
        yield peer


@contextmanager
def pgbouncer(stage, tls=False):
    """It has no pinned address beside a name, so it verifies the address. Its connections to the
    server outlive the client's: so the next client finds one, and no new session."""
    local_tls = f"""
client_tls_sslmode = require
client_tls_cert_file = {stage.database.certificate}
client_tls_key_file = {stage.database.key}
"""
    users = stage.work / "users"
    users.write_text(f'"{USER}" ""\n')
    with started(stage, ["/usr/sbin/pgbouncer"], lambda port: f"""
[databases]
* = host=127.0.0.1 port={stage.server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = session
max_client_conn = {stage.most}
default_pool_size = {stage.most}
server_tls_sslmode = verify-full
server_tls_ca_file = {stage.pki.ca}
{local_tls if tls else ""}
""", tls, **stage.database.identity) as peer:
        yield peer


@contextmanager
def direct(stage):
    """No proxy: the client verifies by itself."""
    yield Peer(None, stage.database.verified(stage.pki.ca))


@contextmanager
def started(stage, command, settings, tls=False, **popen):
    """A proxy that takes its port from its settings: another process may take that one first."""
    file = stage.work / "settings"
    for attempt in range(5):
        port = free_port()
        file.write_text(settings(port).lstrip())
        process = Process([*command, file], **popen)
        try:
            until(f"{command[0]} serves", lambda: process.exit_code is not None
                  or serves(local(port, tls)), PATIENCE)
            if process.exit_code is None:
                yield Peer(process.pid, local(port, tls), process)
                return
        finally:
            process.kill()
    raise RuntimeError(f"{command[0]} does not start; it said:\n{process.output}")


def serves(options):
    try:
        connect(options).close()
    except psycopg2.OperationalError:
        return False
    return True


PEERS = {one.__name__: one for one in (roachpin, haproxy, stunnel, pgbouncer, direct)}
