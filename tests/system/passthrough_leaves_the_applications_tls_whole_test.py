"""mode: passthrough leads the application's own TLS to a node that has proved itself: it sees the
node's certificate, and whoever is at the node's address instead gets nothing from it."""

import ssl
from pathlib import Path

import psycopg2
import pytest

from harness.certificates import NODE, Rogues
from harness.copying import LINE, Hashed, Lines
from harness.door import Door
from harness.drivers import LOGIN
from harness.fake_cockroach import FakeCockroach
from harness.postgres import DATABASE, PASSWORD, USER, Closing
from harness.psql import InterruptedPsql, psql
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until
from harness.wire import Wire, startup, unverified

PASSING = [{"bind": "127.0.0.1:0", "mode": "passthrough"}]
LIMITS = {"max_connections": 100}  # each takes six descriptors here
COPIED = 200 * 1024  # lines
IMPOSTORS = ["other-ca-node", "self-signed", "wrong-name"]
MARK = "application.test"
"""A name by which a handshake of the application's is told from roachpin's own."""


@pytest.fixture
def proxy(settings):
    with Roachpin(settings(PASSING, workers=2, limits=LIMITS)) as started:
        yield started


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


def verifying(proxy, ca_file):
    """libpq's options: the name that is verified, and where it is reached."""
    return {"host": NODE, "hostaddr": "127.0.0.1", "port": proxy.port,
            "sslmode": "verify-full", "sslrootcert": str(ca_file)}


def test_psql_verifies_the_node_itself(pki, proxy):
    done = psql("SELECT ssl, current_user FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                **verifying(proxy, pki.ca))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"t|{USER}\n"  # TLS that begins at psql, as the database says
    ended = proxy.wait_event("session_ended")
    assert not ended.get("user")  # roachpin has not seen who it was


@pytest.mark.parametrize("verified", [None, "the name", "the authority"])
def test_the_certificate_is_the_nodes(pki, proxy, rogues, verified):
    """And one that is not as the application wants it is refused by the application."""
    if verified is None:
        with Wire(proxy.port) as client:
            assert client.request_tls() == b"S"
            client.start_tls()
            shown = client.socket.getpeercert(binary_form=True)
        assert shown == ssl.PEM_cert_to_DER_cert(Path(pki.node.cert).read_text())
        return
    options = verifying(proxy, pki.ca)
    options |= {"host": "another.internal"} if verified == "the name" else \
        {"sslrootcert": rogues.file("other-ca.crt")}
    done = psql("SELECT 1", **options)
    assert done.returncode != 0
    assert ("does not match host name" if verified == "the name" else "certificate verify failed") \
        in done.stderr


def test_clear_text_is_refused(proxy):
    options = Door("127.0.0.1", proxy.port, "disable").options
    done = psql("SELECT 1", **options)
    assert done.returncode != 0 and "FATAL" in done.stderr
    with Wire(proxy.port) as client:
        client.send(startup(user=USER, database=DATABASE))
        assert client.refusal().code == "28000"


def test_much_data_both_ways(pki, postgres, proxy):
    postgres.do("CREATE UNLOGGED TABLE passed (line text)",
                "ALTER TABLE passed ALTER line SET STORAGE PLAIN, OWNER TO app")
    try:
        options = verifying(proxy, pki.ca)
        connection = psycopg2.connect(user=USER, password=PASSWORD, dbname=DATABASE, **options)
        with Closing(connection), connection.cursor() as cursor:
            sent, got = Lines(COPIED), Hashed()
            cursor.copy_expert("COPY passed FROM STDIN", sent, 1 << 20)
            connection.commit()
            cursor.copy_expert("COPY passed TO STDOUT", got, 1 << 20)
            assert got.size == COPIED * LINE
            assert got.hash.hexdigest() == sent.hash.hexdigest()
    finally:
        postgres.do("DROP TABLE passed")


def test_a_cancel_request_passes(pki, postgres, proxy):
    with InterruptedPsql("SELECT pg_sleep(60), 'passed'", **verifying(proxy, pki.ca)) as client:
        postgres.wait_running("passed")
        code, said = client.interrupt()
    assert code != 0 and "canceling statement due to user request" in said


def replaced(rogues, certificate, real):
    """Somebody else at the node's address."""
    real.kill()
    return FakeCockroach(rogues[certificate], bind=f"127.0.0.1:{real.port}")


def settings_for(rogues, fake, interval):
    return configuration(rogues.file("ca.crt"), [node(NODE, fake.port)], PASSING,
                         health={"interval": interval, "timeout": "300ms", "fall": 2},
                         spares={"per_node": 0}, limits=LIMITS)


@pytest.mark.parametrize("certificate", IMPOSTORS)
def test_an_impostor_is_not_dialled_once_he_is_known(rogues, certificate):
    with FakeCockroach(rogues["node"]) as real, \
            Roachpin(settings_for(rogues, real, "300ms")) as proxy:
        address = f"127.0.0.1:{real.port}"
        with proxy.expecting("address_not_proved", address=address, state="hostile"):
            impostor = replaced(rogues, certificate, real)
        with impostor:
            for _ in range(5):
                with Wire(proxy.port) as client:
                    assert ends_without_tls(client)
        assert impostor.finished
        assert not [seen for seen in impostor.finished if seen.sni == MARK]
        assert not proxy.events("session_established")
        with proxy.expecting("address_admitted", address=address):
            again = FakeCockroach(rogues["node"], bind=address)
        with again, Wire(proxy.port) as client:
            assert client.request_tls() == b"S"
            client.start_tls().login("", **LOGIN)
            assert client.ask("SELECT 1") == ["SELECT 1"]


@pytest.mark.parametrize("certificate", IMPOSTORS)
def test_before_that_the_application_refuses_him(rogues, certificate):
    """The proof of the node is recent; what the application sends goes to the impostor, and ends in
    its own verification."""
    with FakeCockroach(rogues["node"]) as real, \
            Roachpin(settings_for(rogues, real, "1h")) as proxy:
        with replaced(rogues, certificate, real) as impostor:
            done = psql("SELECT 1", **verifying(proxy, rogues.file("ca.crt")))
            assert done.returncode != 0
            assert "certificate verify failed" in done.stderr or \
                "does not match host name" in done.stderr, done.stderr
            until("the impostor has seen it end", lambda: [
                seen for seen in impostor.finished if seen.client_hello_seen])
        for seen in impostor.finished:
            assert seen.plaintext == b"" and seen.startup_version == 0


def ends_without_tls(client):
    """What roachpin refuses before the application's TLS can only be told as an end."""
    try:
        if client.request_tls() != b"S":
            return True
        client.socket = unverified().wrap_socket(client.socket, server_hostname=MARK)
    except OSError:
        return True
    return False
