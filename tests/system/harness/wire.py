"""The PostgreSQL wire in the smallest measure that a rude client needs."""

import socket
import ssl
import struct

from .waiting import PATIENCE

PROTOCOL = 196608
CANCEL, SSL, GSSENC = (80877102 + offset for offset in range(3))


def opening(code, body=b""):
    return struct.pack("!II", 8 + len(body), code) + body


def startup(version=PROTOCOL, **parameters):
    pairs = "".join(f"{name}\0{value}\0" for name, value in parameters.items())
    return opening(version, pairs.encode() + b"\0")


def message(kind, body=b""):
    return kind + struct.pack("!I", 4 + len(body)) + body


def query(text):
    return message(b"Q", text.encode() + b"\0")


class Refusal(dict):
    """An ErrorResponse: its fields by their letters."""

    @classmethod
    def of(cls, body):
        return cls((chr(field[0]), field[1:].decode()) for field in body.split(b"\0") if field)

    @classmethod
    def alone(cls, octets):
        """Of octets that are one ErrorResponse, and nothing else."""
        assert octets[:1] == b"E" and struct.unpack("!I", octets[1:5])[0] == len(octets) - 1, \
            octets[:200]
        return cls.of(octets[5:])

    code = property(lambda self: self["C"])
    explanation = property(lambda self: self.get("D", "") + "\n" + self.get("H", ""))

    @property
    def text(self):
        return "\n".join(self.get(letter, "") for letter in "MDH")


def reset(sock):
    """Ends it with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Wire:
    """One connection, in the clear until `start_tls`."""

    def __init__(self, address):
        """`address`: a port on 127.0.0.1, (host, port), or the path of a unix socket."""
        self.cancel_key = b""  # after `login`
        if isinstance(address, int):
            address = ("127.0.0.1", address)
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, PATIENCE)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(str(address))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, count):
        """Exactly so many bytes; fewer only at the end of the stream."""
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except (ConnectionResetError, ssl.SSLEOFError):
                break
            if not more:
                break
            data += more
        return data

    def request_tls(self):
        self.send(opening(SSL))
        return self.receive(1)

    def start_tls(self, context=None):
        """The handshake."""
        self.socket = (context or unverified()).wrap_socket(self.socket)
        return self

    def read(self):
        """The next message: its kind and body. (b"", b"") at the end of the stream."""
        head = self.receive(5)
        if len(head) < 5:
            assert not head, f"a message broken off: {head!r}"
            return b"", b""
        (length,) = struct.unpack("!I", head[1:])
        return head[:1], self.receive(length - 4)

    def refusal(self):
        """The next message, which must be an ErrorResponse, and then nothing."""
        kind, body = self.read()
        assert kind == b"E", f"no ErrorResponse but {kind!r} {body!r}"
        fields = Refusal.of(body)
        assert self.ended(), "something came after the ErrorResponse"
        return fields

    def ended(self):
        return self.receive(1) == b""

    def login(self, password, **parameters):
        """Up to ReadyForQuery, with a password in clear. Returns the ParameterStatus values."""
        self.send(startup(**parameters))
        seen = {}
        while True:
            kind, body = self.read()
            if kind == b"R" and body == b"\0\0\0\3":
                self.send(message(b"p", password.encode() + b"\0"))
            elif kind == b"S":
                name, value, _ = body.decode().split("\0")
                seen[name] = value
            elif kind == b"K":
                self.cancel_key = body
            elif kind == b"Z":
                return seen
            else:
                assert kind in (b"R", b"N", b"v"), (kind, body)

    @property
    def instance(self):
        """Of a fake node: which one this session is on."""
        return int.from_bytes(self.cancel_key[:8], "big") >> 52

    def ask(self, text):
        """The first column of one simple query's rows, as text."""
        self.send(query(text))
        return self.rows()

    def rows(self):
        """The first column of what a simple query answers, up to ReadyForQuery."""
        rows = []
        while True:
            kind, body = self.read()
            if kind == b"D":
                (length,) = struct.unpack("!i", body[2:6])
                rows.append(body[6:6 + length].decode())
            elif kind == b"Z":
                return rows
            else:
                assert kind in (b"T", b"C"), (kind, body)


def unverified(alpn=None, certificate=None):
    """As libpq's sslmode=require: whoever answers is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    if certificate:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


def probe_refused(address):
    """Whether nobody listens at a TCP address."""
    try:
        socket.create_connection(address, PATIENCE).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it waited to be accepted when the socket was closed
    return False
