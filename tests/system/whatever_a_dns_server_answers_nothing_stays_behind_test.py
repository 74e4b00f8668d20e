"""Over a hundred things that a DNS server may say, or do, against one proxy that asks it over UDP and over
TCP: each is counted as what it is, nobody is dialled but the node, sessions go on, and afterwards
nothing is left."""

import struct
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable

import pytest

from harness import dns_servers as dns
from harness.afterwards import Afterwards, Growth
from harness.certificates import NODE
from harness.dns_servers import (
    HANG_UP, RESET, Bare, FromElsewhere, HostileDns, address, alias, labels, message, record, says)
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.metrics import scrape
from harness.names import HOME, dialled, named, resolved
from harness.roachpin import Roachpin
from harness.waiting import until

FOREIGN = "db.attacker.example"
ELSEWHERE = ["127.0.0.66", "::1"]
GROWTH = 6 << 20

QUERIES = "roachpin_dns_queries_total"
TRUTH = address(NODE, HOME)
LIE = address(NODE, "127.0.0.66")
truth = says(TRUTH)


@dataclass(frozen=True)
class Case:
    """What is answered, and how roachpin_dns_queries_total counts the rounds of the server that is
    asked over UDP first, and of the one that is asked over TCP."""

    behave: Callable
    udp: str
    tcp: str
    refused: str = ""
    """As roachpin_dns_answers_refused_total counts it."""
    forged: bool = False
    """Whether roachpin_dns_forged_replies_total counts datagrams."""


def both(behave, result, refused="", **more):
    return Case(behave, result, result, refused, **more)


def malformed(behave, **more):
    return both(behave, "malformed", "malformed", **more)


def lie(*records, reason="address_class"):
    return both(says(*records), "refused", reason)


def nothing(*records):
    """Records of the name that nobody asked for: passed over."""
    return both(lambda query: message(query, records), "nodata")


def fine(behave, **more):
    return both(behave, "answered", **more)


def over_udp(behave, result="answered", **more):
    """Over TCP it tells the truth."""
    return Case(lambda query: (behave if query.transport == "udp" else truth)(query),
                result, "answered", **more)


def over_tcp(behave, result, refused=""):
    """Over UDP it has it ask over TCP."""
    return both(lambda query: behave(query) if query.transport == "tcp"
                else message(query, flags=dns.TC), result, refused)


def head(query, *counts, flags=0x8180):
    return struct.pack("!6H", query.id, flags, *counts)


def counted(*counts):
    """An answer with the truth, and other counts in its head."""
    return lambda query: head(query, *counts) + message(query, [TRUTH])[12:]


def flagged(flags):
    return lambda query: query.raw[:2] + struct.pack("!H", flags) + message(query, [TRUTH])[4:]


def cut(octets):
    """The truth without its last octets."""
    return lambda query: message(query, [TRUTH])[:-octets]


def named_as(name):
    """A record with that name, octet by octet, in place of NODE."""
    def behave(query):
        found = name(query) if callable(name) else name
        return head(query, 1, 1, 0, 0) + query.question + found + TRUTH[-14:]
    return behave


def pointer(offset):
    return struct.pack("!H", 0xc000 | offset)


def behind(query):
    """Where the answer section begins."""
    return 12 + len(query.question)


def aliased(target):
    """An alias to a name, octet by octet, and its address."""
    return both(lambda query: message(query, [
        record(NODE, dns.CNAME, target), target + TRUTH[-14:]]), "malformed", "malformed")


def asked_for(name=None, kind=None, cls=None):
    """The truth, as the answer to another question."""
    def behave(query):
        question = (labels(name) if name else query.question[:-4]) + struct.pack(
            "!HH", kind or query.type, cls or 1)
        return message(query, [TRUTH], question=question)
    return behave


def wrong_ids(number, *then):
    def behave(query):
        return [message(query, [LIE], id=(query.id + guess) % 65536)
                for guess in range(1, number + 1)] + [answer(query) for answer in then]
    return behave


def chain(length):
    names = [NODE] + [f"step-{number}.crdb.internal" for number in range(length)]
    return [alias(name, target) for name, target in zip(names, names[1:])] + [
        address(names[-1], HOME)]


def in_one_octet_each(query):
    octets = message(query, [TRUTH] if query.type == dns.A else [])
    return [Bare([octet]) for octet in struct.pack("!H", len(octets)) + octets]


HEADS = {
    "another id": both(wrong_ids(1), "unreachable", forged=True),
    "another name asked for": both(
        asked_for("crdb-1.crdb.internal"), "unreachable", forged=True),
    "another type asked for": both(asked_for(kind=dns.SRV), "unreachable", forged=True),
    "class CHAOS asked for": both(asked_for(cls=3), "unreachable", forged=True),
    "no question": both(counted(0, 1, 0, 0), "unreachable", forged=True),
    "two questions": both(counted(2, 1, 0, 0), "unreachable", forged=True),
    "65,535 questions": both(counted(65_535, 1, 0, 0), "unreachable", forged=True),
    "65,535 answers": malformed(counted(1, 65_535, 0, 0)),
    "65,535 in authority": malformed(counted(1, 1, 65_535, 0)),
    "65,535 besides": malformed(counted(1, 1, 0, 65_535)),
    "the query itself": malformed(lambda query: query.raw, forged=True),
    "an answer that says it is a query": malformed(flagged(0x0100), forged=True),
    "a status": malformed(flagged(0x9180)),
    "an update": malformed(flagged(0xa980)),
    "reserved bits": malformed(flagged(0x81c0)),
    "FORMERR": both(says(rcode=dns.FORMERR), "servfail"),
    "SERVFAIL": both(says(rcode=dns.SERVFAIL), "servfail"),
    "NXDOMAIN": both(says(rcode=dns.NXDOMAIN), "nxdomain"),
    "NOTIMP": both(says(rcode=dns.NOTIMP), "servfail"),
    "REFUSED": both(says(rcode=dns.REFUSED), "servfail"),
    "an rcode of no meaning": both(says(rcode=15), "servfail"),
    "REFUSED with the truth": both(says(TRUTH, rcode=dns.REFUSED), "servfail"),
    "NXDOMAIN with the truth": malformed(says(TRUTH, rcode=dns.NXDOMAIN)),
    "no records": both(says(), "nodata"),
}

OCTETS = {
    "nothing": both(dns.silent, "unreachable"),
    "no octet": both(lambda query: b"", "unreachable", forged=True),
    "eleven octets": both(lambda query: message(query)[:11], "unreachable", forged=True),
    "a head alone": both(lambda query: head(query, 1, 1, 0, 0), "unreachable", forged=True),
    "half a question": both(lambda query: message(query)[:20], "unreachable", forged=True),
    "half a name": malformed(cut(30)),
    "no type": malformed(cut(14)),
    "no TTL": malformed(cut(8)),
    "no address": malformed(cut(4)),
    "half an address": malformed(cut(2)),
    "more octets": malformed(lambda query: message(query, [TRUTH]) + b"more"),
    "noise": both(
        lambda query: query.raw[:2] + b"\xff" * 500, "unreachable", forged=True),
    "4,000 octets more": malformed(lambda query: message(query, [TRUTH]) + bytes(4_000)),
    "a pointer to itself": malformed(named_as(lambda query: pointer(behind(query)))),
    "a pointer in a circle": malformed(
        named_as(lambda query: b"\1a" + pointer(behind(query)))),
    "a pointer forwards": malformed(named_as(lambda query: pointer(behind(query) + 2))),
    "a pointer behind the end": malformed(named_as(pointer(0x3fff))),
    "a pointer into the head": malformed(named_as(pointer(0))),
    "half a pointer": malformed(lambda query: head(query, 1, 1, 0, 0) + query.question + b"\xc0"),
    "a label of another kind": malformed(named_as(b"\x41" + b"a" * 65 + b"\0")),
    "a label of 63 octets too many": malformed(named_as(b"\xbf" + b"a" * 63 + b"\0")),
    "a name of 300 octets": malformed(named_as((b"\x3b" + b"a" * 59) * 5 + b"\0")),
    "128 labels": malformed(named_as(b"\1a" * 128 + b"\0")),
}

RECORDS = {
    "another name's": malformed(says(address("crdb-1.crdb.internal", HOME))),
    "another name's besides": malformed(says(TRUTH, address(FOREIGN, "127.0.0.66"))),
    "the root's": malformed(says(address(".", HOME))),
    "an address of three octets": malformed(
        lambda query: message(query, [record(NODE, query.type, b"\x7f\0\0")])),
    "an address of 17 octets": malformed(
        lambda query: message(query, [record(NODE, query.type, bytes(17))])),
    "an address of no octet": malformed(
        lambda query: message(query, [record(NODE, query.type, b"")])),
    "class CHAOS": malformed(lambda query: message(
        query, [labels(NODE) + struct.pack("!HHIH", dns.A, 3, 1, 4) + bytes([127, 0, 0, 5])])),
    "a text": nothing(record(NODE, 16, b"\1x")),
    "a start of authority": nothing(dns.soa(NODE)),
    "type 0": nothing(record(NODE, 0, b"")),
    "type ANY": nothing(record(NODE, 255, b"")),
    "EDNS in the answer": malformed(lambda query: message(query, [record(".", dns.OPT, b"")])),
    "the truth as authority": both(
        lambda query: message(query, authority=[TRUTH]), "nodata"),
    "the truth twice": fine(says(TRUTH, TRUTH)),
    "the truth in capitals": fine(says(address(NODE.upper(), HOME))),
    "the truth for no time": fine(says(address(NODE, HOME, 0))),
    "the truth for 2^31 seconds": fine(says(address(NODE, HOME, 1 << 31))),
    "the truth for ever": fine(says(address(NODE, HOME, 0xffffffff))),
    "the truth a thousand times": fine(says(*[TRUTH] * 1_000)),
}

ALIASES = {
    "to itself": malformed(says(alias(NODE, NODE))),
    "in a circle": malformed(says(alias(NODE, "a.crdb.internal"), alias("a.crdb.internal", NODE))),
    "a chain of 40": malformed(says(*chain(40))),
    "a fork": malformed(says(
        alias(NODE, "a.crdb.internal"), alias(NODE, "b.crdb.internal"),
        address("a.crdb.internal", HOME))),
    "beside an address": malformed(says(alias(NODE, "a.crdb.internal"), TRUTH)),
    "out of the zone": lie(alias(NODE, FOREIGN), address(FOREIGN, HOME), reason="alias"),
    "to nowhere": both(
        says(alias(NODE, "gone.crdb.internal"), rcode=dns.NXDOMAIN), "dangling_alias",
        "dangling_alias"),
    "to the root": lie(alias(NODE, "."), address(".", HOME), reason="alias"),
    "to a name with a zero octet": aliased(b"\3a\0b\4crdb\x08internal\0"),
    "to a name with a dot in a label": aliased(b"\3a.b\4crdb\x08internal\0"),
    "to a name that is not UTF-8": aliased(b"\3\xff\xfe\xfd\4crdb\x08internal\0"),
    "to a name with an escape sequence": aliased(b"\5\x1b[31m\4crdb\x08internal\0"),
}

LIES = {
    "another address": lie(address(NODE, "10.9.9.9"), reason="not_allowed"),
    "another IPv6 address": lie(address(NODE, "fd00::9"), reason="not_allowed"),
    "another loopback address": lie(LIE),
    "loopback of IPv6": lie(address(NODE, "::1")),
    "the right one and another": lie(TRUTH, LIE),
    "the unspecified address": lie(address(NODE, "0.0.0.0")),
    "the unspecified address of IPv6": lie(address(NODE, "::")),
    "multicast": lie(address(NODE, "224.0.0.1")),
    "multicast of IPv6": lie(address(NODE, "ff02::1")),
    "broadcast": lie(address(NODE, "255.255.255.255")),
    "the metadata service": lie(address(NODE, "169.254.169.254")),
    "link-local of IPv6": lie(address(NODE, "fe80::1")),
    "loopback within IPv6": malformed(says(address(NODE, "::ffff:127.0.0.66"))),
    "loopback through NAT64": lie(address(NODE, "64:ff9b::7f00:42")),
    "loopback through 6to4": lie(address(NODE, "2002:7f00:42::1")),
    "a thousand addresses": lie(
        *(address(NODE, f"127.1.{one // 250}.{one % 250}") for one in range(1_000))),
}

DATAGRAMS = {
    "two forged ones before the truth": over_udp(wrong_ids(2, truth), forged=True),
    "500 forged ones before the truth": over_udp(wrong_ids(500, truth), forged=True),
    "forged ones and silence": over_udp(wrong_ids(2), forged=True),
    "from another port": over_udp(
        lambda query: [FromElsewhere(message(query, [LIE])), truth(query)]),
    "from another port alone": over_udp(lambda query: FromElsewhere(message(query, [LIE]))),
    "truncated, and the truth over TCP": over_udp(says(LIE, flags=dns.TC)),
    "truncated over both": malformed(says(TRUTH, flags=dns.TC)),
    "no octet, and the truth over TCP": over_udp(lambda query: b"", forged=True),
    "the same twice": over_udp(lambda query: [truth(query)] * 2),
    "the truth, and a lie behind it": over_udp(
        lambda query: [truth(query), message(query, [LIE])]),
}

STREAMS = {
    "a length that is too small": over_tcp(
        lambda query: Bare(b"\0\x30" + message(query, [TRUTH])), "malformed", "malformed"),
    "a length that is too great, and silence": over_tcp(
        lambda query: Bare(b"\xff\xff" + message(query, [TRUTH])), "unreachable"),
    "a length that is too great, and the end": over_tcp(
        lambda query: [Bare(b"\xff\xff" + message(query, [TRUTH])), HANG_UP], "unreachable"),
    "a length of nothing": over_tcp(lambda query: Bare(b"\0\0"), "unreachable"),
    "half a length": over_tcp(lambda query: [Bare(b"\0"), HANG_UP], "unreachable"),
    "no length": over_tcp(lambda query: Bare(message(query, [TRUTH])), "unreachable"),
    "each octet by itself": over_tcp(in_one_octet_each, "answered"),
    "half of it and the end": over_tcp(
        lambda query: [Bare(struct.pack("!H", 99) + message(query)[:20]), HANG_UP], "unreachable"),
    "the end": over_tcp(lambda query: HANG_UP, "unreachable"),
    "RST": over_tcp(lambda query: RESET, "unreachable"),
    "silence": over_tcp(dns.silent, "unreachable"),
    "65,535 octets of noise": over_tcp(lambda query: b"\xff" * 65_535, "unreachable"),
    "HTTP": over_tcp(lambda query: [Bare(b"HTTP/1.1 400 Bad Request\r\n\r\n"), HANG_UP],
                     "unreachable"),
    "two answers": over_tcp(lambda query: [truth(query), message(query, [LIE])], "answered"),
}

FAMILIES = {"head": HEADS, "octets": OCTETS, "record": RECORDS, "alias": ALIASES, "address": LIES,
            "UDP": DATAGRAMS, "TCP": STREAMS}
CASES = {f"{family}: {name}": case for family, cases in FAMILIES.items()
         for name, case in cases.items()}


class Stage:
    def __init__(self, proxy, good_node, servers, impostors):
        self.proxy, self.servers, self.impostors = proxy, servers, impostors
        self.after = Afterwards(proxy, good_node, GROWTH)
        self.answers(truth, "answered", "answered")

    def answers(self, behave, udp, tcp):
        """How many more of each counter there are, once both servers were asked, and answered so. What
        is under way at first may be the truth."""
        before = scrape(self.proxy)
        for server in self.servers:
            server.serve(behave)
        udp_first, tcp_alone = self.servers

        def are_counted():
            more = Growth(before, scrape(self.proxy))
            return more if all(
                more.of(QUERIES, server=server, result=result) > (result == "answered")
                for server, result in ((udp_first.udp, udp), (tcp_alone.tcp, tcp))) else None

        try:
            return until(f"{udp} over UDP and {tcp} over TCP", are_counted)
        except AssertionError as error:
            now = Growth(before, scrape(self.proxy))
            counted = {tuple(labels.values()): now.of(QUERIES, **labels)
                       for labels, _ in scrape(self.proxy).all(QUERIES)}
            raise AssertionError(f"{error}, but {counted}") from None


@pytest.fixture(scope="module")
def stage(pki):
    with ExitStack() as stack:
        home = stack.enter_context(FakeCockroach(pki.node, bind=f"{HOME}:0"))
        impostors = [stack.enter_context(Impostor(each, home.port)) for each in ELSEWHERE]
        servers = [stack.enter_context(HostileDns(truth)) for _ in range(2)]
        settings = resolved(
            pki.ca, [named(home.port)], [servers[0].udp, servers[1].tcp],
            {"timeout": "150ms", "refresh_min": "20ms", "refresh_max": "40ms",
             "removal_hold": "1h"},
            spares={"per_node": 0}, health={"interval": "1h"},
            log={"level": "info", "format": "json"})
        proxy = stack.enter_context(Roachpin(settings))
        yield Stage(proxy, home, servers, impostors)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_server_may_answer(stage, case):
    more = stage.answers(case.behave, case.udp, case.tcp)
    if case.refused:
        assert more.of("roachpin_dns_answers_refused_total", reason=case.refused) > 0
    if case.forged:
        assert more.of("roachpin_dns_forged_replies_total") > 0
    stage.after.good_client()

    stage.answers(truth, "answered", "answered")
    stage.after.check()
    assert scrape(stage.proxy).value("roachpin_dns_addresses", host=NODE, state="usable") == 1
    assert [impostor.connections for impostor in stage.impostors] == [0, 0]


def test_nobody_was_dialled_but_the_node(stage):
    assert len(dialled(stage.proxy)) == 1
    assert len(stage.proxy.events("names_changed")) <= 1  # the first answer's
