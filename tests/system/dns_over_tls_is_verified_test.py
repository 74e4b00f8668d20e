"""A `tls://` server must prove its name, or its address, by a certificate of resolver.ca_file before
it is asked anything."""

import shutil

import pytest

from harness.certificates import NODE, Pki, Rogues
from harness.dns_servers import HostileDns, Unbound, address, says
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, Queries, named, resolved
from harness.roachpin import Roachpin, refused_start

NAME = "dns.internal"
REFUSED = "DNS-RESOLVER-UNREACHABLE"


class TlsUnbound(Unbound):
    """Unbound over TLS, with a certificate, and a record it knows by itself."""

    def serve(self, server=(), more=""):
        certificate = server
        for source, name in ((certificate.cert, "tls.crt"), (certificate.key, "tls.key")):
            shutil.copyfile(source, self.directory / name)
        super().serve([
            f"tls-port: {self.port}", 'tls-service-key: "tls.key"', 'tls-service-pem: "tls.crt"',
            'local-zone: "crdb.internal." static', f'local-data: "{NODE}. 1 A {HOME}"'])

    def tls(self, name=None):
        return f"tls://{self.tcp}" + (f"#{name}" if name else "")


@pytest.fixture(scope="module")
def dns_pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("dns"), hosts=(NAME, "127.0.0.1"))


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


@pytest.fixture
def home(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as fake:
        yield fake


@pytest.fixture
def unbound(dns_pki):
    with TlsUnbound(dns_pki.node) as server:
        yield server


def settings(pki, home, ca_file, server):
    return resolved(pki.ca, [named(home.port)], server, {"ca_file": str(ca_file), "timeout": "1s"})


@pytest.mark.parametrize("name", [NAME, NAME.upper(), None], ids=["name", "NAME", "address"])
def test_the_right_server(pki, dns_pki, home, unbound, name):
    made = settings(pki, home, dns_pki.ca, unbound.tls(name))
    with Roachpin(made) as proxy, Queries(proxy) as queries:
        queries.go_on(30)
        assert not proxy.events("dns_answer_refused")


def test_another_name(pki, dns_pki, home, unbound):
    server = unbound.tls("other.internal")
    code, said = refused_start(settings(pki, home, dns_pki.ca, server))
    assert code == 1 and REFUSED in said and "wrong_name" in said and "other.internal" in said


def test_another_authority(pki, home, unbound):
    code, said = refused_start(settings(pki, home, pki.ca, unbound.tls(NAME)))
    assert code == 1 and REFUSED in said and "untrusted_chain" in said


@pytest.mark.parametrize("certificate, reason", [
    ("expired", "expired"), ("name-only-in-cn", "wrong_name"), ("client-only-eku", "wrong_purpose"),
    ("self-signed", "untrusted_chain")])
def test_another_certificate(pki, home, rogues, certificate, reason):
    with TlsUnbound(rogues[certificate]) as server:
        made = settings(pki, home, rogues.file("ca.crt"), server.tls(NODE))
        code, said = refused_start(made)
        assert code == 1 and REFUSED in said and reason in said


def test_a_server_without_tls_is_told_no_name(pki, dns_pki, home):
    with HostileDns(says(address(NODE, HOME))) as server:
        code, said = refused_start(settings(pki, home, dns_pki.ca, f"tls://{server.tcp}#{NAME}"))
        assert code == 1 and REFUSED in said
        assert not any(NODE.encode() in query.raw or b"crdb" in query.raw
                       for query in server.queries)


def test_somebody_else_takes_its_place_while_queries_run(pki, dns_pki, home, unbound, rogues):
    made = settings(pki, home, dns_pki.ca, unbound.tls(NAME))
    with Roachpin(made) as proxy, Queries(proxy) as queries:
        unbound.serve(rogues["node"])
        event = proxy.wait_event("dns_answer_refused", finding=REFUSED, reason="unreachable")
        assert event["server"] == unbound.tls(NAME)
        queries.go_on(20)
        unbound.serve(dns_pki.node)
        queries.go_on(20)


def test_its_word_on_dnssec_counts(pki, dns_pki, home, unbound):
    """As that of a server on loopback does; this one knows the record by itself and cannot give
    it."""
    made = settings(pki, home, dns_pki.ca, unbound.tls(NAME))
    made["resolver"]["dnssec"] = "require_ad"
    code, said = refused_start(made)
    assert code == 1 and "DNS-NOT-AUTHENTICATED" in said
