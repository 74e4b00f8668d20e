"""`srv` is asked as it is written: its targets and ports are dialled where they are within
cname_allow, and a foreign one refuses the whole answer."""

import pytest

from harness.certificates import NODE
from harness.dns_servers import Dnsmasq
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, LOGIN, named, resolved
from harness.roachpin import Roachpin, refused_start
from harness.wire import Wire

ZONE = NODE.partition(".")[2]
SRV = f"_sql._tcp.{ZONE}"


@pytest.fixture
def home(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as database:
        yield database


def settings(pki, dns):
    return resolved(pki.ca, [named(1, srv=SRV)], dns.tcp)  # the record brings the port


def test_its_target_and_port_are_used(pki, home):
    target = f"gw.{ZONE}"
    with Dnsmasq(srv_host=f"{SRV},{target},{home.port}", host_record=f"{target},{HOME}") as dns:
        with Roachpin(settings(pki, dns)) as proxy, Wire(proxy.port) as client:
            client.login("", **LOGIN)
            established = proxy.wait_event("session_established")
            assert established["node"] == NODE  # the name it proved
            assert established["address"] == f"{HOME}:{home.port}"


def test_a_foreign_target_is_refused(pki, home):
    target = "gw.elsewhere.example"
    with Dnsmasq(srv_host=f"{SRV},{target},{home.port}", host_record=f"{target},{HOME}") as dns:
        code, said = refused_start(settings(pki, dns))
        assert code == 1
        assert target in said and ZONE in said


def test_a_record_that_is_not_there_starts_nothing(pki):
    with Dnsmasq(host_record=f"{NODE},{HOME}", local=f"/{ZONE}/") as dns:
        code, said = refused_start(settings(pki, dns))
        assert code == 1 and "DNS-NXDOMAIN" in said
