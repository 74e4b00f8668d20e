"""psql connects with every sslmode to every kind of listener that can satisfy it, and is told why
where it cannot."""

import socket

import pytest

from harness.certificates import Pki
from harness.postgres import USER
from harness.psql import psql
from harness.roachpin import Roachpin

PLAIN = ["disable", "allow", "prefer"]
ENCRYPTED = ["require", "verify-ca", "verify-full"]
FAMILIES = {"127.0.0.1": "127.0.0.1:0", "::1": "[::1]:0"}
# What the node itself sees is always roachpin's verified TLS.
QUESTION = "SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
ANSWER = f"{USER}|t\n"


@pytest.fixture(scope="module")
def local_pki(tmp_path_factory):
    """Not the cluster's: the authority of the machine that roachpin runs on."""
    return Pki(tmp_path_factory.mktemp("local"), hosts=["localhost", "127.0.0.1", "::1"])


@pytest.fixture(params=FAMILIES)
def family(request):
    try:
        with socket.socket(socket.AF_INET6 if ":" in request.param else socket.AF_INET) as probe:
            probe.bind((request.param, 0))
    except OSError as error:
        pytest.skip(f"this machine has no {request.param}: {error}")
    return request.param


def tls_files(pki, **more):
    return {"cert_file": str(pki.node.cert), "key_file": str(pki.node.key), **more}


def connects(proxy, sslmode, **options):
    done = psql(QUESTION, port=proxy.port, sslmode=sslmode, **{"host": "localhost", **options})
    assert (done.stdout, done.stderr) == (ANSWER, ""), sslmode
    assert done.returncode == 0


def refuses(proxy, sslmode, because, **options):
    done = psql(QUESTION, port=proxy.port, sslmode=sslmode, **{"host": "localhost", **options})
    assert done.returncode == 2
    assert because in done.stderr


def test_a_listener_without_tls(settings, family):
    with Roachpin(settings([{"bind": FAMILIES[family]}])) as proxy:
        for sslmode in PLAIN:
            connects(proxy, sslmode, hostaddr=family)
        for sslmode in ENCRYPTED:
            refuses(proxy, sslmode, "server does not support SSL", hostaddr=family)
        session = proxy.wait_event("session_established")
        assert session["user"] == USER and session["database"] == "appdb"
        assert session["application_name"] == "psql"


def test_a_listener_with_certificate_files(settings, family, local_pki, pki):
    listener = {"bind": FAMILIES[family], "tls": tls_files(local_pki)}
    with Roachpin(settings([listener])) as proxy:
        for sslmode in PLAIN + ["require"]:
            connects(proxy, sslmode, hostaddr=family)
        for sslmode in ENCRYPTED:
            connects(proxy, sslmode, hostaddr=family, sslrootcert=local_pki.ca)
        connects(proxy, "verify-full", host=family, hostaddr=family, sslrootcert=local_pki.ca)
        refuses(proxy, "verify-full", "certificate verify failed",
                hostaddr=family, sslrootcert=pki.ca)
        refuses(proxy, "verify-full", "does not match host name",
                host="elsewhere", hostaddr=family, sslrootcert=local_pki.ca)


def test_a_listener_with_a_certificate_of_its_own_making(settings, family, tmp_path):
    exported = tmp_path / "roachpin.crt"
    tls = {"auto": True, "export_file": str(exported)}
    with Roachpin(settings([{"bind": FAMILIES[family], "tls": tls}])) as proxy:
        assert b"PRIVATE KEY" not in exported.read_bytes()
        for sslmode in PLAIN + ["require"]:
            connects(proxy, sslmode, hostaddr=family)
        for sslmode in ENCRYPTED:
            connects(proxy, sslmode, hostaddr=family, sslrootcert=exported)


def test_a_listener_that_requires_tls(settings, local_pki):
    listener = {"bind": "127.0.0.1:0", "tls": tls_files(local_pki, required=True)}
    with Roachpin(settings([listener])) as proxy:
        refuses(proxy, "disable", "TLS")
        assert proxy.wait_event("client_refused")["sqlstate"] == "28000"
        # "allow" tries in the clear first, and then as it was told.
        for sslmode in ["allow", "prefer", "require"]:
            connects(proxy, sslmode)
        connects(proxy, "verify-full", sslrootcert=local_pki.ca)


def test_a_listener_that_demands_a_client_certificate(settings, local_pki, pki, tmp_path):
    listener = {
        "bind": "127.0.0.1:0",
        "tls": tls_files(local_pki, client_ca_file=str(local_pki.ca), required=True),
    }
    mine, foreign = local_pki.client(USER), pki.client(USER)
    with Roachpin(settings([listener])) as proxy:
        connects(proxy, "require", sslcert=mine.cert, sslkey=mine.key)
        connects(proxy, "verify-full", sslrootcert=local_pki.ca, sslcert=mine.cert, sslkey=mine.key)
        refuses(proxy, "require", "certificate")
        refuses(proxy, "require", "", sslcert=foreign.cert, sslkey=foreign.key)
        assert len(proxy.events("session_established")) == 2


def test_a_unix_socket(settings, tmp_path):
    bind = f"unix:{tmp_path}/.s.PGSQL.26257"
    with Roachpin(settings([{"bind": bind}])) as proxy:
        for sslmode in PLAIN + ENCRYPTED:  # libpq asks for TLS on TCP only
            done = psql(QUESTION, host=tmp_path, port=26257, sslmode=sslmode)
            assert (done.stdout, done.stderr) == (ANSWER, "")
        assert proxy.listeners == [bind]


@pytest.mark.parametrize("gssencmode", ["disable", "prefer"])
@pytest.mark.parametrize("sslmode", ["prefer", "require"])
def test_gssencmode(settings, gssencmode, sslmode):
    with Roachpin(settings([{"bind": "127.0.0.1:0", "tls": {"auto": True}}])) as proxy:
        connects(proxy, sslmode, gssencmode=gssencmode)


def test_gssencmode_require_fails_on_the_client_side(roachpin):
    done = psql(QUESTION, host="localhost", port=roachpin.port, gssencmode="require")
    assert done.returncode == 2 and "GSS" in done.stderr


def test_several_listeners_of_one_proxy(settings, local_pki, tmp_path):
    listeners = [
        {"bind": "127.0.0.1:0"},
        {"bind": "127.0.0.1:0", "tls": tls_files(local_pki, required=True)},
        {"bind": f"unix:{tmp_path}/.s.PGSQL.5432"},
    ]
    with Roachpin(settings(listeners)) as proxy:
        plain, tls, _ = (bind.rsplit(":", 1)[1] for bind in proxy.listeners)
        for options in [{"host": "localhost", "port": plain}, {"host": tmp_path, "port": 5432},
                        {"host": "localhost", "port": tls, "sslmode": "require"}]:
            assert psql(QUESTION, **options).stdout == ANSWER
