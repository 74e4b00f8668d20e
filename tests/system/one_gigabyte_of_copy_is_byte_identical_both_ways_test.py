"""A gigabyte through COPY arrives as it was sent, both ways, with TLS to roachpin and without."""

import psycopg2
import pytest

from harness.copying import LINE, Hashed, Lines
from harness.door import Door
from harness.postgres import Closing
from harness.roachpin import Roachpin

LINES = 1 << 20
SIZE = LINE * LINES


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
            sent = Lines(LINES)
            cursor.copy_expert("COPY gigabyte FROM STDIN", sent, 1 << 20)
            connection.commit()
            assert copied_out(cursor) == sent.hash.hexdigest()
        session = proxy.wait_event("session_ended")
        assert SIZE <= session["bytes_to_node"] < SIZE * 1.01
        assert SIZE <= session["bytes_to_client"] < SIZE * 1.01
    if local == "in the clear":  # once is enough: the database has what was sent
        with postgres.direct() as connection, connection.cursor() as cursor:
            assert copied_out(cursor) == sent.hash.hexdigest()
