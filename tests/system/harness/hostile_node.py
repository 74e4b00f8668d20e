"""Somebody at a node's address who says whatever a test wants, octet by octet, and remembers what he
was told."""

import contextlib
import os
import socket
import ssl
import threading

from .wire import reset
from .waiting import PATIENCE

SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


class Visit:
    """One connection. Whatever is read of it is kept: `before` TLS and `inside`."""

    def __init__(self, sock):
        self.sock = sock
        self.before = self.inside = b""
        self.ended = False
        sock.settimeout(PATIENCE)

    def read(self, size=65536):
        """b"" at the end."""
        got = self.sock.recv(size)
        if isinstance(self.sock, ssl.SSLSocket):
            self.inside += got
        else:
            self.before += got
        return got

    def read_request(self):
        while len(self.before) < len(SSL_REQUEST) and self.read(len(SSL_REQUEST)):
            pass

    def send(self, octets):
        self.sock.sendall(octets)

    def agree(self):
        """SSLRequest is answered as a node answers it."""
        self.read_request()
        self.send(b"S")

    def start_tls(self, context):
        self.agree()
        self.sock = context.wrap_socket(
            self.sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True)
        try:
            self.sock.do_handshake()
        except OSError:
            # What was not read when it is closed would turn the alert into an RST.
            self.sock = socket.socket(fileno=self.sock.detach())
            self.sock.settimeout(PATIENCE)
            raise

    def start_session(self, context):
        """Up to the StartupMessage, which is read."""
        self.start_tls(context)
        self.read()

    def close_notify(self):
        with contextlib.suppress(OSError):
            self.sock = self.sock.unwrap()

    def reset(self):
        reset(self.sock)

    def wait_for_the_end(self):
        """Of the connection, whatever is said inside TLS until then."""
        raw = socket.socket(fileno=os.dup(self.sock.fileno()))
        with raw:
            raw.settimeout(PATIENCE)
            while raw.recv(65536):
                pass

    def hear_out(self):
        """Whatever else comes."""
        while self.read():
            pass


class HostileNode:
    """At a port of its own. `plays`, where there is something to play, is called with each visit;
    then the rest is heard. Where there is nothing, it hangs up."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._plays = None
        self.visits = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def play(self, behaviour):
        self.visits = []
        self._plays = behaviour

    def is_alone(self):
        """Whether all who came have gone."""
        return all(visit.ended for visit in self.visits)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            visit = Visit(sock)
            self.visits.append(visit)
            threading.Thread(target=self._serve, args=[visit, self._plays], daemon=True).start()

    @staticmethod
    def _serve(visit, behaviour):
        with contextlib.suppress(OSError):  # ssl.SSLError is one, and that he has left
            if behaviour:
                behaviour(visit)
        with contextlib.suppress(OSError):
            if behaviour:
                visit.hear_out()
        with contextlib.suppress(OSError):
            visit.sock.close()
        visit.ended = True


def server_context(certificate, newest=None, oldest=None, ciphers="ALL:COMPLEMENTOFALL"):
    """Takes whatever certificate, key, cipher and version there is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.minimum_version = oldest or ssl.TLSVersion.MINIMUM_SUPPORTED
    if newest:
        context.maximum_version = newest
    if certificate:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


class Flight:
    """A server's half of a handshake, in octets that a test may bend. `context`: the server's."""

    def __init__(self, context, visit):
        self._visit = visit
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    def next(self):
        """What the server says once it has heard enough of the client."""
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
            if self._out.pending:
                return self._out.read()
            heard = self._visit.sock.recv(65536)
            if not heard:
                raise ConnectionError("the client has left")
            self._in.write(heard)
