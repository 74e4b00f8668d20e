"""While queries run, the name's records become whatever a poisoner likes: the session goes on, new
ones open, nobody at another address sees a connection, and the log says what was refused and why.

First on Debian's own servers, as an attacker (or an operator) would change their records; then on
one that says what no honest server can be made to say."""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from harness import dns_servers as dns
from harness.certificates import NODE
from harness.dns_servers import Dnsmasq, HostileDns, Knot, Nsd, address, alias, message, says
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, Queries, dialled, named, resolved
from harness.roachpin import Roachpin

ELSEWHERE = ["127.0.0.66", "::1"]
FOREIGN = "db.attacker.example"
PUBLIC = "93.184.216.34"
PRIVATE_NET = {"allow": [HOME + "/32", "10.0.0.0/8", "93.184.0.0/16"], "network": "private"}


@dataclass
class Case:
    """What the name's records become, and what is said of that."""

    poison: object
    reason: str
    finding: str
    node: dict = None


def host(*addresses):
    return {"host_record": [f"{NODE},{each}" for each in addresses], "local": "/internal/"}


def zone(*records):
    return {"zones": {"crdb.internal": records}}


CLASS = "address_class", "DNS-ADDRESS-CLASS"
DNSMASQ = {
    "another address": Case(host("127.0.0.66"), *CLASS),
    "another address beside the right one": Case(host(HOME, "127.0.0.66"), *CLASS),
    "another IPv6 address beside the right one": Case(host(HOME, "::1"), *CLASS),
    "another IPv6 address": Case(host("::1"), *CLASS),
    "the metadata service": Case(host("169.254.169.254"), *CLASS),
    "a link-local IPv6 address": Case(host("fe80::1"), *CLASS),
    "the unspecified address": Case(host("0.0.0.0"), *CLASS),
    "an address of another network": Case(
        host("10.9.9.9"), "not_allowed", "DNS-ADDRESS-UNEXPECTED"),
    "an IPv6 address of another network": Case(
        host("fd00::9"), "not_allowed", "DNS-ADDRESS-UNEXPECTED"),
    "a public address for a private host": Case(
        host(PUBLIC), "network", "DNS-PUBLIC-FOR-PRIVATE", PRIVATE_NET),
    "a denied address": Case(
        host("10.9.9.9"), "denied", "DNS-ADDRESS-UNEXPECTED",
        {"allow": [HOME + "/32", "10.0.0.0/8"], "deny": ["10.9.0.0/16"]}),
    "40 addresses, all of them allowed": Case(
        host(*(f"127.1.0.{last}" for last in range(40))), "too_many", "DNS-ADDRESS-UNEXPECTED",
        {"allow": ["127.0.0.0/8"]}),
    "200 addresses, all of them allowed": Case(
        host(*(f"127.1.0.{last}" for last in range(200))), "too_many", "DNS-ADDRESS-UNEXPECTED",
        {"allow": ["127.0.0.0/8"]}),
    "an alias to a foreign zone": Case(
        {"cname": f"{NODE},{FOREIGN}", "host_record": f"{FOREIGN},127.0.0.66"},
        "alias", "DNS-CNAME-UNEXPECTED"),
    "an alias to a foreign zone with the right address": Case(
        {"cname": f"{NODE},{FOREIGN}", "host_record": f"{FOREIGN},{HOME}"},
        "alias", "DNS-CNAME-UNEXPECTED"),
    "NXDOMAIN": Case({"local": "/internal/"}, "nxdomain", "DNS-NXDOMAIN"),
    "NODATA": Case({"local": "/internal/", "txt_record": f"{NODE},x"}, "nodata", "DNS-NODATA"),
    "a server without an upstream": Case({}, "servfail", "DNS-SERVFAIL"),
}
KNOT = {
    "NXDOMAIN": Case(zone(), "nxdomain", "DNS-NXDOMAIN"),
    "NODATA": Case(zone("crdb-0 TXT x"), "nodata", "DNS-NODATA"),
    "an alias to a name that does not exist": Case(
        zone("crdb-0 CNAME step", "step CNAME gone"), "dangling_alias", "DNS-DANGLING-CNAME"),
    "an alias in a circle": Case(
        zone("crdb-0 CNAME step", "step CNAME crdb-0"), "malformed", "DNS-SERVFAIL"),
    "a lame server": Case({"zones": {"elsewhere.internal": []}}, "servfail", "DNS-SERVFAIL"),
}
NSD = {"SERVFAIL": Case({"zones": {"crdb.internal": None}}, "servfail", "DNS-SERVFAIL")}

LIE = address(NODE, "127.0.0.66")
FLOOD = [address(NODE, f"127.0.1.{last}") for last in range(200)]


def other_question(query):
    return message(query, [address("crdb-1.crdb.internal", "127.0.0.66")],
                   question=dns.labels("crdb-1.crdb.internal") + query.question[-4:])


def other_type(query):
    kind = b"\0\x1c" if query.type == dns.A else b"\0\1"
    return message(query, [LIE], question=query.question[:-4] + kind + query.question[-2:])


def other_id(query):
    return [message(query, [LIE], id=guess) for guess in range(40) if guess != query.id]


UNREACHABLE = "DNS-RESOLVER-UNREACHABLE"
HOSTILE = {
    "no answer": Case(dns.silent, "unreachable", UNREACHABLE),
    "SERVFAIL": Case(says(rcode=dns.SERVFAIL), "servfail", "DNS-SERVFAIL"),
    "REFUSED": Case(says(rcode=dns.REFUSED), "servfail", "DNS-SERVFAIL"),
    "NOTIMP with a record": Case(says(LIE, rcode=dns.NOTIMP), "servfail", "DNS-SERVFAIL"),
    "NXDOMAIN for ever": Case(
        lambda query: message(query, rcode=dns.NXDOMAIN,
                              authority=[dns.soa("crdb.internal", 0x7fffffff)]),
        "nxdomain", "DNS-NXDOMAIN"),
    "NXDOMAIN with a record": Case(says(LIE, rcode=dns.NXDOMAIN), "malformed", "DNS-SERVFAIL"),
    "a lie for ever": Case(says(address(NODE, "127.0.0.66", 0x7fffffff)), *CLASS),
    "a lie that is over at once": Case(says(address(NODE, "127.0.0.66", 0)), *CLASS),
    "another name's record": Case(
        says(address("crdb-1.crdb.internal", HOME)), "malformed", "DNS-SERVFAIL"),
    "another record besides": Case(
        says(address(NODE, HOME), address(FOREIGN, "127.0.0.66")), "malformed", "DNS-SERVFAIL"),
    "a fork of aliases": Case(
        says(alias(NODE, "a.crdb.internal"), alias(NODE, FOREIGN),
             address("a.crdb.internal", HOME)), "malformed", "DNS-SERVFAIL"),
    "a record in the authority section": Case(
        lambda query: message(query, authority=[LIE]), "nodata", "DNS-NODATA"),
    "200 addresses": Case(
        says(*FLOOD), "too_many", "DNS-ADDRESS-UNEXPECTED", {"allow": ["127.0.0.0/8"]}),
    "the answer to another question": Case(other_question, "unreachable", UNREACHABLE),
    "the answer to another type": Case(other_type, "unreachable", UNREACHABLE),
    "other ids": Case(other_id, "unreachable", UNREACHABLE),
    "the query itself": Case(lambda query: query.raw, "malformed", "DNS-SERVFAIL"),
    "no octet": Case(lambda query: b"", "unreachable", UNREACHABLE),
    "half a header": Case(lambda query: query.raw[:5], "unreachable", UNREACHABLE),
    "an answer broken off": Case(
        lambda query: message(query, [LIE])[:-3], "malformed", "DNS-SERVFAIL"),
    "octets behind the answer": Case(
        lambda query: message(query, [LIE]) + b"more", "malformed", "DNS-SERVFAIL"),
    "a pointer to itself": Case(
        lambda query: message(query)[:6] + b"\0\1\0\0\0\0" + query.question +
        bytes([0xc0, 12 + len(query.question)]) + LIE[-14:], "malformed", "DNS-SERVFAIL"),
    "always truncated": Case(says(LIE, flags=dns.TC), "malformed", "DNS-SERVFAIL"),
}


@pytest.fixture(scope="module")
def cockroach(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as fake:
        yield fake


def poison(pki, cockroach, server, case, address):
    with ExitStack() as stack:
        impostors = [stack.enter_context(Impostor(each, cockroach.port)) for each in ELSEWHERE]
        stack.enter_context(server)
        node = named(cockroach.port, **(case.node or {}))
        proxy = stack.enter_context(Roachpin(resolved(pki.ca, [node], address)))
        queries = stack.enter_context(Queries(proxy))
        if isinstance(case.poison, dict):
            server.serve(**case.poison)
        else:
            server.serve(case.poison)
        event = proxy.wait_event("dns_answer_refused", reason=case.reason)
        assert event["finding"] == case.finding
        assert (event["host"], event["server"]) == (NODE, address)
        assert event["detail"] and event["level"] == "warning"
        queries.go_on(20)
        assert dialled(proxy) == {f"{HOME}:{cockroach.port}"}
        assert not proxy.events("session_ended", reason="node_lost")
        assert len(proxy.events("names_changed")) <= 1  # the first answer's
        assert [impostor.connections for impostor in impostors] == [0, 0]


@pytest.mark.parametrize("case", DNSMASQ.values(), ids=DNSMASQ)
def test_by_dnsmasq(pki, cockroach, case):
    server = Dnsmasq(**host(HOME))
    poison(pki, cockroach, server, case, server.tcp)


@pytest.mark.parametrize("case", KNOT.values(), ids=KNOT)
def test_by_knot(pki, cockroach, case):
    server = Knot(**zone(f"crdb-0 A {HOME}"))
    poison(pki, cockroach, server, case, server.tcp)


@pytest.mark.parametrize("case", NSD.values(), ids=NSD)
def test_by_nsd(pki, cockroach, case):
    server = Nsd(**zone(f"crdb-0 A {HOME}"))
    poison(pki, cockroach, server, case, server.tcp)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_by_a_server_that_says_anything(pki, cockroach, case, transport):
    server = HostileDns(says(address(NODE, HOME)))
    poison(pki, cockroach, server, case, getattr(server, transport))


def test_a_right_answer_with_a_ttl_of_nothing(pki, cockroach):
    """Is right, and asked for again no sooner than refresh_min."""
    with HostileDns(says(address(NODE, HOME, 0))) as server:
        node = named(cockroach.port)
        with Roachpin(resolved(pki.ca, [node], server.tcp)) as proxy, Queries(proxy) as queries:
            queries.go_on(10)
            assert not proxy.events("dns_answer_refused")
            started = len(server.queries)
            queries.go_on(40)  # more than a second
            assert 2 <= len(server.queries) - started <= 30
