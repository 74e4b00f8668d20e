"""One event, one line that a program can read, whatever clients call themselves; and no secret."""

import base64
import json
import re

import psycopg2
import pytest

from harness import wire
from harness.door import Door
from harness.postgres import DATABASE, PASSWORD, SCRAM_USER, USER, Closing
from harness.roachpin import TEXT_FIELD, TEXT_LINE, Roachpin
from harness.wire import Wire

WRONG_PASSWORD = "wrong-password-91c2"
STATEMENT_SECRET = "the-secret-of-the-statement"
RESULT_SECRET = "tluser-eht-fo-terces-eht"
SECRETS = [PASSWORD, WRONG_PASSWORD, STATEMENT_SECRET, RESULT_SECRET, "BEGIN PRIVATE KEY"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}Z")

HOSTILE_NAMES = {
    "newline": b'x\n{"event":"forged","level":"info","id":"0"}',
    "carriage return": b"x\rforged",
    "escape": b"\x1b[2J\x1b[31mred",
    "quotes": b'","event":"forged","x":"',
    "equals": b"x event=forged",
    "line separators": "x\u2028\u2029\x85forged".encode(),
    "right to left": "x\u202egnp".encode(),
    "not UTF-8": b"\xff\xfe\xc3\x28",
    "long": b"n" * 5000,
}


@pytest.fixture(params=["json", "text"])
def proxy(request, settings):
    listeners = [{"bind": "127.0.0.1:0", "tls": {"auto": True}}]
    with Roachpin(settings(listeners), "--log-format", request.param) as running:
        yield running


def use(proxy):
    """Good and bad logins, by libpq and by hand, with a statement and a cancel."""
    with Closing(psycopg2.connect(Door("localhost", proxy.port, "prefer").dsn)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT reverse('{RESULT_SECRET[::-1]}'), '{STATEMENT_SECRET}'")
            assert cursor.fetchone() == (RESULT_SECRET, STATEMENT_SECRET)
            connection.cancel()
    for user, password in [(USER, WRONG_PASSWORD), (SCRAM_USER, WRONG_PASSWORD)]:
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(host="localhost", port=proxy.port, user=user, password=password,
                             dbname=DATABASE, channel_binding="disable")
    with Wire(proxy.port) as client:  # one that begins with the password
        client.send(wire.message(b"p", PASSWORD.encode() + b"\0"))
        client.receive(10_000)
    proxy.wait_event("session_ended", count=3)
    proxy.wait_event("client_refused")
    proxy.wait_event("cancel_forwarded")


def test_neither_a_password_nor_a_statement_is_logged(proxy):
    use(proxy)
    assert proxy.stop() == 0
    said = proxy.process.output
    assert USER in said and DATABASE in said
    for secret in SECRETS:
        for form in [secret, base64.b64encode(secret.encode()).decode()[:-4],
                     secret.encode().hex()]:
            assert form not in said


def test_every_line_can_be_read_and_has_its_facts(proxy):
    use(proxy)
    assert proxy.stop() == 0
    lines = proxy.process.lines
    events = proxy.events()
    assert len(events) == len(lines), "there is a line that is no event"
    for event in events:
        assert TIME.fullmatch(event["time"])
        assert event["level"] in ("debug", "info", "warning", "error")
    ids = [event["id"] for event in events]
    assert len(set(ids)) == len(ids), "an id is not its event's alone"

    established = proxy.wait_event("session_established")
    ended = proxy.wait_event("session_ended", connection=established["connection"])
    for event in [established, ended]:
        assert (event["user"], event["database"]) == (USER, DATABASE)
        assert event["client"].startswith("127.0.0.1:")
        assert event["listener"] == proxy.listeners[0]
        assert event["node"] and event["address"]
    assert ended["reason"]
    assert int(ended["bytes_to_node"]) > 0 and int(ended["bytes_to_client"]) > 0
    assert float(ended["seconds"]) >= 0


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_a_client_cannot_forge_a_line(proxy, name):
    with Wire(proxy.port) as client:
        parameters = b"user\0%b\0database\0%b\0application_name\0%b\0\0" % (
            USER.encode(), DATABASE.encode(), name)
        client.send(wire.opening(wire.PROTOCOL, parameters))
        client.read()
    proxy.wait_event("session_ended")
    assert proxy.stop() == 0
    assert not proxy.events("forged")
    for line in proxy.process.lines:
        assert line.isprintable(), repr(line)
        if line.startswith("{"):
            assert json.loads(line)["event"] != "forged"
        else:
            text = TEXT_LINE.fullmatch(line)
            assert ("event", "forged") not in TEXT_FIELD.findall(text["fields"])


@pytest.mark.parametrize("field", ["user", "database"])
def test_nor_by_its_user_or_database(proxy, field):
    parameters = {"user": USER, "database": DATABASE, field: HOSTILE_NAMES["newline"].decode()}
    with Wire(proxy.port) as client:
        client.send(wire.startup(**parameters))
        client.read()
    proxy.wait_event("session_ended")
    assert proxy.stop() == 0
    assert not proxy.events("forged")
    assert len(proxy.events()) == len(proxy.process.lines)
