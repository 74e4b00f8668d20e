"""Somebody at an address where no node is: whoever connects there was led astray."""

import socket
import threading


class Impostor:
    """Accepts at an address, says nothing, and counts. Use it as a context manager: its end asserts
    nothing, the test does."""

    def __init__(self, address, port):
        self._listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(64)
        self.connections = 0
        threading.Thread(target=self._count, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _count(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            peer.close()
