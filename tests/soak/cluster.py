"""Three real PostgreSQL nodes with their names, certificates and health pages; all of it changes."""

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import threading
from collections import deque
from pathlib import Path

from harness import dns_servers, postgres
from harness.certificates import GEN_CERTS, Certificate
from harness.dns_servers import HostileDns, address, says
from harness.health_port import HealthPort, serving
from harness.postgres import DATABASE, USER, Postgres
from harness.waiting import until
from harness.wire import Wire
from impostors import Outsider
from judge import Down
from ledger import TABLE

COUNT = 3
OUTSIDE = "127.0.66.66"
PATIENCE = 90.0
"""Seconds, whatever else the machine has to do."""


def host(index):
    return f"crdb-{index}.crdb.internal"


def home(index):
    return f"127.0.{81 + index}.1"


def trap(index):
    """Inside the allowlist, and no node."""
    return f"127.0.{81 + index}.66"


class Authority:
    def __init__(self, directory):
        self.directory = directory
        run(GEN_CERTS, directory)
        self.text = (directory / "ca.crt").read_text()
        self._issued = 0

    def issue(self, name, *words):
        self._issued += 1
        folder = self.directory / f"issued-{self._issued}"
        run(GEN_CERTS, folder, "--ca", self.directory, *words)
        return Certificate(folder / f"{name}.crt", folder / f"{name}.key")

    def node(self, name):
        return self.issue("node", "--host", name)

    def client(self, user):
        return self.issue(f"client.{user}", "--client", user)


def run(*argv, **options):
    done = subprocess.run([str(one) for one in argv], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300, **options)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


class Node(Postgres):
    """One that can be killed, and told to shut down, and comes back with all it had committed."""

    # What it says is kept in memory, so it says little. A page may be half written when it is killed.
    settings = {**postgres.SETTINGS, "log_connections": "off", "log_min_messages": "log",
                "full_page_writes": "on", "shared_buffers": "32MB", "max_wal_size": "256MB"}

    def __init__(self, index, ca_file, certificate):
        super().__init__(ca_file, certificate, addresses=(home(index),))
        self.index = index
        self._port = self.port
        self.do(TABLE, f"ALTER TABLE ledger OWNER TO {USER}")
        run("pgbench", "-i", "-q", "-s", "1", "-h", self.directory, "-p", self.port, "-U", USER,
            DATABASE, env={**os.environ, "LC_ALL": "C"})

    def kill(self):
        """As a machine that loses its power: the postmaster cannot even start another child."""
        parent = self._server.pid
        self._server.send(signal.SIGSTOP)
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self._server.kill()
        until("all of it is gone", lambda: not any(map(lives, children)), PATIENCE)

    def shut_down(self, patience):
        """New sessions are refused (57P03); after a while, the others are ended (57P01)."""
        self._server.send(signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            return self._server.wait(patience)
        self._server.stop(signal.SIGINT, within=PATIENCE)

    def start(self):
        self._start()

    def present(self, certificate):
        for source, name in ((certificate.cert, "node.crt"), (certificate.key, "node.key")):
            beside = self.data / (name + ".new")
            shutil.copyfile(source, beside)
            beside.chmod(0o600)
            self._give(beside)
            beside.rename(self.data / name)
        self._server.send(signal.SIGHUP)

    def consistent(self):
        """pgbench's books: every transaction was done as a whole, or not at all. (simple-update
        leaves out tellers and branches.)"""
        def total(column, table):
            return self.ask(f"SELECT coalesce(sum({column}), 0) FROM {table}")[0][0]

        return total("abalance", "pgbench_accounts") == total("delta", "pgbench_history") and \
            total("tbalance", "pgbench_tellers") == total("bbalance", "pgbench_branches")


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Cluster:
    """`downs` are the times in which a node was away."""

    def __init__(self, directory, stack, clock, counts):
        self._clock = clock
        directory.chmod(0o755)
        self.authority = Authority(directory / "authority")
        self.other_authority = Authority(directory / "other")
        self.bundle = directory / "bundle.crt"
        self.bundle.write_text(self.authority.text)
        self._lock = threading.Lock()
        self._downs, self._since = [], {}
        self.nodes, self._pages = [], []
        health_port = dns_servers.free_port(home(0))
        for index in range(COUNT):
            certificate = self.authority.node(host(index))
            self.nodes.append(Node(index, self.bundle, certificate))
            stack.callback(self.nodes[index].stop)
            page = HealthPort(home(index), health_port, certificate)
            page.asked = deque(maxlen=10)
            self._pages.append(stack.enter_context(serving(page)))
            stack.enter_context(Outsider(OUTSIDE, self.nodes[index].port, counts))
        self.health_port = health_port
        self._records = {host(index): says(address(host(index), home(index)))
                         for index in range(COUNT)}
        self._lies = {}
        self.servers = [stack.enter_context(HostileDns(self._answer)) for _ in range(2)]
        for server in self.servers:
            server.queries = deque(maxlen=10)

    # --- names

    def _answer(self, query):
        behave = self._lies.get(query.name) or self._records.get(query.name)
        return behave(query) if behave else dns_servers.message(query, rcode=dns_servers.NXDOMAIN)

    @contextlib.contextmanager
    def poisoned(self, index, behave):
        self._lies[host(index)] = behave
        try:
            yield
        finally:
            del self._lies[host(index)]

    # --- nodes

    @property
    def downs(self):
        with self._lock:
            running = [Down(node, begin) for node, begin in self._since.items()]
            return self._downs + running

    @contextlib.contextmanager
    def away(self, index, leave):
        """The node leaves so; at the end of the block it is there again."""
        with self._lock:
            self._since[index] = self._clock()
        leave(self.nodes[index])
        try:
            yield
        finally:
            self.nodes[index].start()
            with self._lock:
                self._downs.append(Down(index, self._since.pop(index), self._clock()))

    def address(self, index):
        return f"{home(index)}:{self.nodes[index].port}"

    def index(self, node_address):
        """Of the node at an address; None where there is none."""
        return next((index for index in range(COUNT) if self.address(index) == node_address), None)

    def set_ready(self, index, ready):
        self._pages[index].status = 200 if ready else 503

    def present(self, index, authority):
        """Another certificate; returns once the node shows it."""
        certificate = authority.node(host(index))
        self._pages[index].socket.context.load_cert_chain(certificate.cert, certificate.key)
        self.nodes[index].present(certificate)
        wanted = ssl.PEM_cert_to_DER_cert(certificate.cert.read_text())
        until(f"node {index} shows it", lambda: self._shown(index) == wanted, PATIENCE)
        shutil.rmtree(certificate.cert.parent)

    def _shown(self, index):
        with Wire((home(index), self.nodes[index].port)) as client:
            assert client.request_tls() == b"S"
            client.start_tls()
            return client.socket.getpeercert(binary_form=True)

    def strangers(self, index):
        """Certificates that prove nothing at a node's address."""
        return [self.authority.node(host((index + 1) % COUNT)),  # another node's
                self.other_authority.node(host(index)),  # the right name, of nobody we know
                self.authority.client("root")]  # a client's
