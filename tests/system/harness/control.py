"""The control socket, and what a service manager is told."""

import http.client
import socket

from .waiting import PATIENCE


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def post(path, target, method="POST"):
    """Status and text of the answer."""
    connection = _UnixConnection(path)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class ServiceManager:
    """Plays systemd: sd_notify(3) and its watchdog. `environment` is what it adds to a service's."""

    def __init__(self, directory, watchdog=None):
        """`watchdog`: seconds within which signs of life are wanted."""
        path = directory / "notify.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE)
        self.environment = {"NOTIFY_SOCKET": str(path)}
        if watchdog:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._socket.close()

    def wait(self, assignment, passing=("WATCHDOG=1",)):
        """The lines of the next message, which must have this one; those in `passing` may come
        before it."""
        while True:
            try:
                lines = self._socket.recv(4096).decode().splitlines()
            except socket.timeout:
                raise AssertionError(f"nothing with {assignment} came") from None
            if assignment in lines:
                return lines
            assert set(lines) & set(passing), f"{lines} came before {assignment}"
