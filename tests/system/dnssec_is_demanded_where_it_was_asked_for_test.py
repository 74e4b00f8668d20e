"""A zone signed by the test. Where DNSSEC is demanded, of a validating resolver (`require_ad`) or of
roachpin itself (`validate`), only what is signed is believed; bogus, insecure and unreachable are
told apart, and queries go on."""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from harness.certificates import NODE
from harness.dns_servers import Dnsmasq, Nsd, Unbound, zone_file
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, Queries, named, one_query, resolved
from harness.roachpin import Roachpin, refused_start
from harness.signed_zone import PAST, SignedZone, without_signatures

ZONE = "crdb.internal"
PLAIN = "plain.internal"
NEW = "127.0.0.6"
BOTH = {"allow": ["127.0.0.4/30"], "cname_allow": ["internal"]}
RIGHT = f"crdb-0 A {HOME}"


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    return SignedZone(tmp_path_factory.mktemp("dnssec") / "zone", ZONE)


@pytest.fixture(scope="module")
def other_zone(tmp_path_factory):
    return SignedZone(tmp_path_factory.mktemp("dnssec") / "other", "other.internal")


@pytest.fixture
def home(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as fake:
        yield fake


class Demanded:
    """A name server of the zone, who validates its answers, and roachpin's settings for that."""

    def __init__(self, mode, pki, zone, port, anchor=None):
        self.mode = mode
        self._stack = ExitStack()
        self.nsd = self._stack.enter_context(Nsd({ZONE: zone.signed(RIGHT)}))
        anchor = anchor or zone.anchor_file
        section = {"dnssec": mode, "timeout": "1s"}
        if mode == "require_ad":
            stubs = "".join(
                f'stub-zone:\n  name: "{each}"\n  stub-addr: 127.0.0.1@{self.nsd.port}\n'
                for each in (ZONE, PLAIN))
            self.server = self._stack.enter_context(Unbound(
                ['module-config: "validator iterator"', f'trust-anchor-file: "{anchor}"',
                 f'domain-insecure: "{PLAIN}"', "val-bogus-ttl: 1"], stubs))
        else:
            self.server = self.nsd
            section["trust_anchor_file"] = str(anchor)
        self.settings = resolved(pki.ca, [named(port, **BOTH)], self.server.tcp, section)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._stack.close()


@pytest.fixture(params=["validate", "require_ad"])
def demanded(request, pki, zone, home):
    with Demanded(request.param, pki, zone, home.port) as made:
        yield made


@dataclass
class Case:
    """Zones; then, of either mode: the reason, its finding, and a word of the explanation."""

    zones: object
    validate: tuple
    require_ad: tuple


BOGUS = "dnssec_bogus", "DNS-BOGUS"
SERVFAIL = "servfail", "DNS-SERVFAIL"
CASES = {
    "stripped": Case(
        lambda zone: {ZONE: zone_file(ZONE, [f"crdb-0 A {NEW}"])},
        (*BOGUS, "DNSKEY"), (*SERVFAIL, "extended error")),
    "its signature stripped": Case(
        lambda zone: {ZONE: without_signatures(zone.signed(f"crdb-0 A {NEW}"), "A")},
        (*BOGUS, "signatures"), (*SERVFAIL, "extended error")),
    "expired": Case(
        lambda zone: {ZONE: zone.signed(f"crdb-0 A {NEW}", held=PAST)},
        (*BOGUS, "expired"), (*SERVFAIL, "extended error")),
    "forged": Case(
        lambda zone: {ZONE: zone.signed(RIGHT).replace(HOME, NEW)},
        (*BOGUS, "signature"), (*SERVFAIL, "extended error")),
    "signed by another": Case(
        lambda zone: {ZONE: SignedZone(zone.directory / "stranger", ZONE).signed(
            f"crdb-0 A {NEW}")},
        (*BOGUS, "trust anchor"), (*SERVFAIL, "extended error")),
    "an alias to an unsigned zone": Case(
        lambda zone: {ZONE: zone.signed(f"crdb-0 CNAME db.{PLAIN}."),
                      PLAIN: zone_file(PLAIN, [f"db A {NEW}"])},
        ("dnssec_insecure", "DNS-NOT-AUTHENTICATED", "not signed"),
        ("dnssec_not_authenticated", "DNS-NOT-AUTHENTICATED", "authenticate")),
    "a denial, signed": Case(
        lambda zone: {ZONE: zone.signed()},
        ("nxdomain", "DNS-NXDOMAIN", "NXDOMAIN"), ("nxdomain", "DNS-NXDOMAIN", "NXDOMAIN")),
    "a denial, forged": Case(
        lambda zone: {ZONE: zone_file(ZONE, [])},
        (*BOGUS, "bogus"), (*SERVFAIL, "extended error")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_not_secure(demanded, zone, home, case):
    reason, finding, word = getattr(case, demanded.mode)
    with Impostor(NEW, home.port) as impostor:
        with Roachpin(demanded.settings) as proxy, Queries(proxy) as queries:
            demanded.nsd.serve(case.zones(zone))
            event = proxy.wait_event("dns_answer_refused", reason=reason)
            assert (event["finding"], event["host"]) == (finding, NODE)
            assert event["server"] == demanded.server.tcp and word in event["detail"]
            queries.go_on(20)
        assert impostor.connections == 0


def test_what_is_secure(demanded, pki, zone, home):
    new = f"{NEW}:{home.port}"
    with FakeCockroach(pki.node, bind=new):
        with Roachpin(demanded.settings) as proxy, Queries(proxy):
            demanded.nsd.serve({ZONE: zone.signed("crdb-0 CNAME step", f"step A {NEW}")})
            proxy.wait_event("address_admitted", address=new)
            proxy.wait_event("session_established", address=new)


def test_what_is_secure_again(demanded, pki, zone, home):
    """A forgery is over: what is right is believed soon."""
    new = f"{NEW}:{home.port}"
    with FakeCockroach(pki.node, bind=new):
        with Roachpin(demanded.settings) as proxy, Queries(proxy):
            demanded.nsd.serve(CASES["forged"].zones(zone))
            proxy.wait_event(
                "dns_answer_refused", reason=getattr(CASES["forged"], demanded.mode)[0])
            demanded.nsd.serve({ZONE: zone.signed(f"crdb-0 A {NEW}")})
            proxy.wait_event("address_admitted", address=new)


def test_a_server_that_is_gone(demanded, home):
    """Is unreachable: it is called neither bogus nor insecure."""
    with Roachpin(demanded.settings) as proxy, Queries(proxy) as queries:
        demanded.server.end()
        event = proxy.wait_event("dns_answer_refused", finding="DNS-RESOLVER-UNREACHABLE")
        assert event["reason"] == "unreachable"
        queries.go_on(20)
        assert not proxy.events("dns_answer_refused", finding="DNS-BOGUS")


@pytest.mark.parametrize("name", ["forged", "expired", "an alias to an unsigned zone"])
def test_the_start(demanded, zone, home, name):
    _, finding, word = getattr(CASES[name], demanded.mode)
    with Impostor(NEW, home.port) as impostor:
        demanded.nsd.serve(CASES[name].zones(zone))
        code, said = refused_start(demanded.settings)
        assert code == 1 and finding in said and word in said, said
        assert impostor.connections == 0


def test_a_zone_that_no_anchor_leads_to(request, pki, zone, other_zone, home):
    """Is insecure, not bogus: nobody has said that it is signed."""
    for mode, word in (("validate", "trust_anchor_file"), ("require_ad", "authenticate")):
        with Demanded(mode, pki, zone, home.port, other_zone.anchor_file) as made:
            code, said = refused_start(made.settings)
            assert code == 1 and "DNS-NOT-AUTHENTICATED" in said and word in said, said


def test_a_resolver_that_does_not_validate(pki, home):
    with Dnsmasq(host_record=f"{NODE},{HOME}", local="/internal/") as server:
        made = resolved(pki.ca, [named(home.port)], server.tcp, {"dnssec": "require_ad"})
        code, said = refused_start(made)
        assert code == 1 and "DNS-NOT-AUTHENTICATED" in said


def test_bogus_is_nobodys_business_where_nothing_is_demanded(pki, zone, home):
    """An authoritative server's broken signatures are not looked at with `dnssec: off`."""
    with Nsd({ZONE: zone.signed(RIGHT, held=PAST)}) as server:
        with Roachpin(resolved(pki.ca, [named(home.port)], server.tcp)) as proxy:
            one_query(proxy.port)


@pytest.mark.parametrize("text, word", [
    ("", "no DS or DNSKEY record"),
    (f"{ZONE}. IN A 127.0.0.1\n", "no DS or DNSKEY record"),
    (f"{ZONE}. IN DS 1 13 2 nonsense\n", "hex"),
    (f"{ZONE} DS\n", "parse error"),
])
def test_an_anchor_that_nothing_can_start_from(pki, home, tmp_path, text, word):
    anchor = tmp_path / "anchor.key"
    anchor.write_text(text)
    section = {"dnssec": "validate", "trust_anchor_file": str(anchor)}
    code, said = refused_start(resolved(pki.ca, [named(home.port)], "127.0.0.1:1", section))
    assert code == 2 and "resolver.trust_anchor_file: " in said and word in said, said
