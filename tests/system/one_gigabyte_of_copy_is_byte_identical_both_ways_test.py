"""A gigabyte through COPY arrives as it was sent, both ways, with TLS to roachpin and without."""

import hashlib

import psycopg2
import pytest

from harness.door import Door
from harness.postgres import Closing
from harness.roachpin import Roachpin

LINE = 1024
LINES = 1 << 20
SIZE = LINE * LINES


class Gigabyte:
    """What COPY ... FROM STDIN reads: lines that are all different, made and hashed on the way."""

    _filler = b"0123456789abcdefghijklmnopqrstuvwxyz" * (LINE // 36 + 2)

    def __init__(self):
        self.hash = hashlib.sha256()
        self._next = 0

    def read(self, size):
        first, self._next = self._next, min(self._next + size // LINE, LINES)
        lines = b"".join(self._line(number) for number in range(first, self._next))
        self.hash.update(lines)
        return lines

    def _line(self, number):
        # Each begins elsewhere in the filler, so that bytes lost or repeated cannot fit.
        start = number % 36
        return b"%010d%b\n" % (number, self._filler[start:start + LINE - 11])


class Hashed:
    """What COPY ... TO STDOUT writes to."""

    def __init__(self):
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)


def copied_out(cursor):
    out = Hashed()
    cursor.copy_expert("COPY gigabyte TO STDOUT", out, 1 << 20)
    assert out.size == SIZE
    return out.hash.hexdigest()


@pytest.fixture
def table(postgres):
    """Unlogged, and its lines stored as they are: the disk is not what is tested."""
    postgres.do(
        "CREATE UNLOGGED TABLE gigabyte (line text)",
        "ALTER TABLE gigabyte ALTER line SET STORAGE PLAIN, OWNER TO app")
    yield
    postgres.do("DROP TABLE gigabyte")


@pytest.mark.parametrize("local", ["in the clear", "TLS"])
def test_in_and_out(settings, postgres, table, local):
    tls = {"tls": {"auto": True, "required": True}} if local == "TLS" else {}
    with Roachpin(settings([{"bind": "127.0.0.1:0", **tls}])) as proxy:
        door = Door("localhost", proxy.port, "require" if tls else "disable")
        with Closing(psycopg2.connect(door.dsn)) as connection, connection.cursor() as cursor:
            sent = Gigabyte()
            cursor.copy_expert("COPY gigabyte FROM STDIN", sent, 1 << 20)
            connection.commit()
            assert copied_out(cursor) == sent.hash.hexdigest()
        session = proxy.wait_event("session_ended")
        assert SIZE <= session["bytes_to_node"] < SIZE * 1.01
        assert SIZE <= session["bytes_to_client"] < SIZE * 1.01
    if local == "in the clear":  # once is enough: the database has what was sent
        with postgres.direct() as connection, connection.cursor() as cursor:
            assert copied_out(cursor) == sent.hash.hexdigest()
