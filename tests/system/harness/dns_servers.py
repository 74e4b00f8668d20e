"""DNS servers on loopback: Debian's, whose records change at run time, and a hostile one that says
whatever a test wants, octet by octet.

All have `address` (host, port), `tcp` and `udp` (as resolver.servers names them), and `serve`,
which changes what they say; when it returns, the next answer is the new one."""

import random
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from .wire import reset
from .process import Process
from .waiting import until

HOST = "127.0.0.1"
A, NS, CNAME, SOA, AAAA, SRV, OPT = 1, 2, 5, 6, 28, 33, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
TC, AD = 0x0200, 0x0020


def bound_pair(host=HOST):
    """A TCP and a UDP socket of the same port, which nobody else has."""
    while True:
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((host, 0))
        udp = socket.socket(type=socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
            return tcp, udp
        except OSError:
            tcp.close()
            udp.close()


def free_port(host=HOST):
    """For a program that is stopped and started anew at the same port: below those that the kernel
    gives to others meanwhile."""
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
            except OSError:
                continue
            return port


class DnsServer:
    """What all of them have."""

    host = HOST
    port = 0

    @property
    def address(self):
        return self.host, self.port

    @property
    def tcp(self):
        return f"{self.host}:{self.port}"

    @property
    def udp(self):
        return f"udp://{self.tcp}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()


class Program(DnsServer):
    """A server of Debian's in a directory of its own."""

    def __init__(self):
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="roachpin-dns-"))
        self.process = None

    def start(self, *argv):
        self.process = Process(argv, cwd=self.directory)
        try:
            until(f"{argv[0]} answers", self._is_there)
        except AssertionError:
            print(self.process.output)
            self.stop()
            raise

    def end(self):
        """Ends the process, not the directory: `serve` starts it anew, at the same port."""
        if self.process and self.process.exit_code is None:
            self.process.kill()

    def stop(self):
        self.end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _is_there(self):
        assert self.process.exit_code is None, f"it ended:\n{self.process.output}"
        try:
            socket.create_connection(self.address, 1).close()
        except OSError:
            return False
        return True


class Dnsmasq(Program):
    """A small resolver that knows some records by itself. `records` are its options:
    host_record="name,address", cname="alias,target". One value, or a list of them."""

    def __init__(self, **records):
        super().__init__()
        self.serve(**records)

    def serve(self, **records):
        self.end()
        words = [f"--{name.replace('_', '-')}={value}" for name, values in records.items()
                 for value in (values if isinstance(values, list) else [values])]
        self.start(
            "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
            "--no-resolv", "--log-facility=-", f"--pid-file={self.directory}/pid", "--user=",
            "--group=", "--bind-interfaces", f"--listen-address={self.host}", "--cache-size=0",
            f"--port={self.port}", *words)


class Unbound(Program):
    """A resolver. `server` are lines of its section of that name, `more` are whole sections."""

    def __init__(self, server=(), more=""):
        super().__init__()
        self.serve(server, more)

    def serve(self, server=(), more=""):
        self.end()
        lines = [
            f"interface: {self.host}@{self.port}", 'username: ""', 'chroot: ""',
            f'directory: "{self.directory}"', f'pidfile: "{self.directory}/pid"', "use-syslog: no",
            "do-ip6: no", "do-not-query-localhost: no", "num-threads: 1", "cache-max-ttl: 0",
            "cache-max-negative-ttl: 0", "ede: yes", "so-rcvbuf: 0", "so-sndbuf: 0",
            'local-zone: "internal." nodefault', "qname-minimisation: no", *server]
        body = "".join(f"  {line}\n" for line in lines)
        file = self.directory / "unbound.conf"
        file.write_text(f"server:\n{body}remote-control:\n  control-enable: no\n{more}")
        self.start("/usr/sbin/unbound", "-d", "-p", "-c", file)


class Knot(Program):
    """An authoritative server. `zones`: a zone's name → its records as lines of a zone file without
    the SOA, or the text of a whole file."""

    def __init__(self, zones):
        super().__init__()
        self._serial = 0
        self._config = self.directory / "knot.conf"
        self._write(zones)
        self.start("/usr/sbin/knotd", "-c", self._config)

    def serve(self, zones):
        self._write(zones)
        # Blocking: done when this returns.
        done = subprocess.run(["/usr/sbin/knotc", "-c", self._config, "-b", "-t", "10", "reload"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr + self.process.output

    def _write(self, zones):
        self._serial += 1
        directory = self.directory
        made = "".join(f"  - domain: {zone}\n    file: {zone}.{self._serial}.zone\n"
                       for zone in zones)
        self._config.write_text(
            f"server:\n  rundir: {directory}\n  listen: {self.host}@{self.port}\n"
            "  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n"
            f"database:\n  storage: {directory}\n"
            "log:\n  - target: stderr\n    any: info\n"
            f"template:\n  - id: default\n    storage: {directory}\n    zonefile-sync: -1\n"
            "    zonefile-load: whole\n    journal-content: none\n"
            f"zone:\n{made}")
        for zone, records in zones.items():
            text = records if isinstance(records, str) else zone_file(zone, records, self._serial)
            (directory / f"{zone}.{self._serial}.zone").write_text(text)


class Nsd(Program):
    """An authoritative server that serves zone files as they are, with whatever signatures. `zones`
    as for Knot, or None for a zone that cannot be loaded."""

    def __init__(self, zones):
        super().__init__()
        self.serve(zones)

    def serve(self, zones):
        self.end()
        lines = ""
        for zone, records in zones.items():
            file = self.directory / f"{zone}.zone"
            file.unlink(missing_ok=True)
            if records is not None:
                file.write_text(
                    records if isinstance(records, str) else zone_file(zone, records))
            lines += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n'
        file = self.directory / "nsd.conf"
        file.write_text(
            f'server:\n  ip-address: {self.host}\n  port: {self.port}\n  username: ""\n'
            f'  zonesdir: "{self.directory}"\n  pidfile: "{self.directory}/pid"\n  database: ""\n'
            f'  xfrdfile: "{self.directory}/xfrd"\n  zonelistfile: "{self.directory}/zones"\n'
            f'  xfrdir: "{self.directory}"\n  server-count: 1\n  reuseport: no\n'
            f"remote-control:\n  control-enable: no\n{lines}")
        self.start("/usr/sbin/nsd", "-d", "-c", file)

    def end(self):
        """With SIGTERM: its parent process ends its children."""
        if self.process and self.process.exit_code is None:
            self.process.stop()


def zone_file(zone, records, serial=1):
    return "".join(f"{line}\n" for line in (
        f"$ORIGIN {zone}.", "$TTL 1",
        f"@ SOA ns.{zone}. admin.{zone}. {serial} 3600 600 86400 1", f"@ NS ns.{zone}.",
        "ns A 127.0.0.1", *records))


# --- octets


def labels(name):
    """A name as it stands in a message."""
    parts = [part for part in name.rstrip(".").split(".") if part]
    return b"".join(bytes([len(part)]) + part.encode() for part in parts) + b"\0"


def record(name, kind, data, ttl=1):
    return labels(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def address(name, text, ttl=1):
    """A or AAAA, as the text is."""
    family, kind = (socket.AF_INET6, AAAA) if ":" in text else (socket.AF_INET, A)
    return record(name, kind, socket.inet_pton(family, text), ttl)


def alias(name, target, ttl=1):
    return record(name, CNAME, labels(target), ttl)


def soa(zone, ttl=1):
    return record(zone, SOA, labels("ns." + zone) + labels("admin." + zone) +
                  struct.pack("!5I", 1, 3600, 600, 86400, ttl), ttl)


@dataclass(frozen=True)
class Query:
    raw: bytes
    transport: str
    port: int = 0  # of the sender

    @property
    def id(self):
        return struct.unpack("!H", self.raw[:2])[0]

    @property
    def name(self):
        """In lower case; in the message it may be mixed."""
        parts, at = [], 12
        while self.raw[at]:
            parts.append(self.raw[at + 1:at + 1 + self.raw[at]].decode())
            at += 1 + self.raw[at]
        return ".".join(parts).lower()

    @property
    def type(self):
        return struct.unpack("!H", self.question[-4:-2])[0]

    @property
    def question(self):
        """As it was sent, to the letter."""
        end = self.raw.index(b"\0", 12) + 5
        return self.raw[12:end]


def message(query, answers=(), rcode=NOERROR, flags=0, id=None, question=None, authority=()):
    """A reply to the query, with what differs from an honest one."""
    head = struct.pack("!6H", query.id if id is None else id, 0x8180 | flags | rcode, 1,
                       len(answers), len(authority), 0)
    return head + (question or query.question) + b"".join(answers) + b"".join(authority)


def says(*records, **differences):
    """A behaviour: these records where their type is asked for, and aliases always."""
    def behave(query):
        kinds = {query.type, CNAME}
        wanted = [one for one in records if kind_of(one) in kinds]
        return message(query, wanted, **differences)
    return behave


def kind_of(one):
    end = one.index(b"\0")
    return struct.unpack("!H", one[end + 1:end + 3])[0]


def silent(query):
    """A behaviour: no answer at all."""
    return None


class Bare(bytes):
    """Sent over TCP without a length in front."""


class FromElsewhere(bytes):
    """Sent over UDP from another port."""


HANG_UP, RESET = object(), object()
"""In place of a packet: what becomes of the connection."""


class HostileDns(DnsServer):
    """Answers over UDP and TCP with whatever `behave(query)` returns: octets, a list of them (one
    packet each) or of the above, or None for silence. Keeps the queries it was sent."""

    def __init__(self, behave, host=HOST):
        self.host = host
        self.queries = []
        self.failures = []
        self._behave = behave
        self._connections = set()
        self._tcp, self._udp = bound_pair(host)
        self._tcp.listen(64)
        self.port = self._tcp.getsockname()[1]
        self._stopping = False
        for run in (self._serve_udp, self._accept):
            threading.Thread(target=run, daemon=True).start()

    def serve(self, behave):
        self._behave = behave

    def asked(self, transport):
        """How many queries came over "udp" or "tcp"."""
        return sum(query.transport == transport for query in list(self.queries))

    def stop(self):
        self._stopping = True
        for one in (self._tcp, self._udp, *list(self._connections)):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        assert not self.failures, self.failures

    def _answers(self, raw, transport, peer):
        query = Query(raw, transport, peer[1])
        self.queries.append(query)
        try:
            told = self._behave(query)
        except Exception as error:  # a mistake of the test's own
            self.failures.append(error)
            return []
        return told if isinstance(told, list) else [] if told is None else [told]

    def _serve_udp(self):
        while not self._stopping:
            try:
                raw, peer = self._udp.recvfrom(65535)
                if self._stopping:
                    return
                for packet in self._answers(raw, "udp", peer):
                    if isinstance(packet, FromElsewhere):
                        with socket.socket(type=socket.SOCK_DGRAM) as other:
                            other.sendto(packet, peer)
                    else:
                        self._udp.sendto(packet, peer)
            except OSError:
                if self._stopping:
                    return

    def _accept(self):
        while True:
            try:
                connection, peer = self._tcp.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(connection)
            threading.Thread(
                target=self._serve_tcp, args=[connection, peer], daemon=True).start()

    def _serve_tcp(self, connection, peer):
        try:
            with connection, connection.makefile("rb") as stream:
                while True:
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    length = struct.unpack("!H", head)[0]
                    raw = stream.read(length)
                    if len(raw) < length:
                        return
                    for packet in self._answers(raw, "tcp", peer):
                        if packet is RESET:
                            reset(connection)
                        if packet in (RESET, HANG_UP):
                            return
                        head = b"" if isinstance(packet, Bare) else struct.pack("!H", len(packet))
                        connection.sendall(head + packet)
        except (OSError, ValueError):
            pass
        finally:
            self._connections.discard(connection)
