"""Who is no node, at an address where one might be: it asks for everything, and counts what it gets."""

import contextlib
import random
import socket
import ssl
import struct
import threading

SSL_REQUEST = struct.pack("!II", 8, 80877103)
WAIT = 5.0
AT_ONCE = threading.BoundedSemaphore(64)


class Impostor:
    """`certificates`: what it may show; one of them each time, or it plays without TLS."""

    def __init__(self, address, port, certificates, counts, seed=0):
        self._counts, self._chance = counts, random.Random(seed)
        self._lock = threading.Lock()
        self._contexts = [_context(one) for one in certificates]
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(64)
        self.address = f"{address}:{port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(WAIT)

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            AT_ONCE.acquire()
            threading.Thread(target=self._serve, args=[peer], daemon=True).start()

    def _serve(self, peer):
        try:
            peer.settimeout(WAIT)
            with peer:
                self._play(peer)
        except OSError:
            pass  # it was found out
        finally:
            AT_ONCE.release()

    def _play(self, peer):
        asked = receive(peer, len(SSL_REQUEST))
        if asked and asked != SSL_REQUEST:
            self._count("startup_octets", len(asked) + drained(peer))
            return
        if not asked:
            return
        self._count("asked", 1)
        play = self._chance.choice(["tls"] * 6 + ["no", "stuffed", "noise", "silence"])
        if play == "tls":
            peer.sendall(b"S")
            self._handshake(peer)
            return
        peer.sendall({"no": b"N", "stuffed": b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",
                      "noise": b"HTTP/1.1 200 OK\r\n\r\n", "silence": b""}[play])
        self._count("startup_octets", drained(peer))

    def _handshake(self, peer):
        with self._chance.choice(self._contexts).wrap_socket(peer, server_side=True) as inside:
            self._count("handshakes", 1)
            self._count("startup_octets", drained(inside))

    def _count(self, name, number):
        with self._lock:
            setattr(self._counts, name, getattr(self._counts, name) + number)


class Outsider(Impostor):
    """At an address that no allowlist has: a connection is too much already."""

    def __init__(self, address, port, counts):
        super().__init__(address, port, [], counts)

    def _play(self, peer):
        self._count("outside", 1)
        self._count("startup_octets", drained(peer))


def _context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    return context


def receive(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def drained(peer):
    """How many octets came until the end."""
    count = 0
    with contextlib.suppress(OSError):
        while count < 1 << 20:
            more = peer.recv(65536)
            if not more:
                break
            count += len(more)
    return count
