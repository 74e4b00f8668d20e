"""What comes over UDP and is not the whole, well-formed answer to the very query is asked for again
over TCP: no datagram, and nobody who forges one, can keep the true answer away."""

import random
import re
import time

import pytest

from harness import dns_servers as dns
from harness.certificates import NODE
from harness.dns_servers import Dnsmasq, HostileDns, address, message, says
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, Queries, dialled, named, resolved
from harness.roachpin import Roachpin

OUTSIDE = "127.0.0.66"
RIGHT = says(address(NODE, HOME))
LIE = address(NODE, OUTSIDE)


@pytest.fixture(scope="module")
def cockroach(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as fake:
        yield fake


def late(query):
    time.sleep(0.2)  # two of them are later than the time limit
    return RIGHT(query)


def other_id(query):
    return [message(query, [LIE], id=(query.id + step) % 65536) for step in range(1, 20)]


def other_name(query):
    return message(query, [LIE], question=dns.labels("other.crdb.internal") + query.question[-4:])


def other_case(query):
    """Whoever did not see the query would have to guess which letters are capitals."""
    swapped = query.question[:-4].swapcase()
    return message(query, [LIE], question=swapped + query.question[-4:])


def noise(query):
    return random.Random(query.raw).randbytes(200)


NO_ANSWER = {
    "truncated": says(flags=dns.TC),
    "truncated, with a part of it": says(LIE, flags=dns.TC),
    "silence": dns.silent,
    "late": late,
}
NO_ANSWER_TO_IT = {
    "noise": noise,
    "nothing": lambda query: b"",
    "half a header": lambda query: message(query)[:6],
    "a header alone": lambda query: message(query)[:12],
    "another id": other_id,
    "another name": other_name,
    "the query itself": lambda query: query.raw,
}
NO_PROPER_REPLY = {
    "more than fits": lambda query: message(query, [LIE] * 65),
    "a record broken off": lambda query: message(query, [LIE])[:-2],
    "octets left over": lambda query: message(query, [LIE]) + b"x",
    "another name's record": says(address("other.crdb.internal", OUTSIDE)),
    "another case": other_case,
}


def over_udp(behave):
    return lambda query: (behave if query.transport == "udp" else RIGHT)(query)


@pytest.mark.parametrize("behave", NO_ANSWER.values(), ids=NO_ANSWER)
def test_no_answer_over_udp(pki, cockroach, behave):
    run(pki, cockroach, behave)


@pytest.mark.parametrize("behave", NO_ANSWER_TO_IT.values(), ids=NO_ANSWER_TO_IT)
def test_no_answer_to_this_query_over_udp(pki, cockroach, behave):
    told = run(pki, cockroach, behave).events("dns_reply_refused")
    assert told and {event["reason"] for event in told} == {"forged"}
    for event in told:
        assert event["host"] == NODE and event["server"].startswith("udp://")
        assert "no answer to this query (" in event["detail"]


def test_guesses_are_left_behind_at_once(pki, cockroach):
    """After the third of them TCP is asked, however long one would wait for the true answer."""
    with HostileDns(over_udp(other_id)) as server:
        made = resolved(pki.ca, [named(cockroach.port)], server.udp, {"timeout": "30s"})
        with Roachpin(made) as proxy, Queries(proxy) as queries:
            queries.go_on(15)
            event = proxy.wait_event("dns_reply_refused", reason="forged")
            assert event["detail"].startswith("3 datagrams that were no answer to this query (id ")


def test_the_true_answer_is_waited_for_behind_a_guess(pki, cockroach):
    """It is used, and the guesses are told none the less."""
    def behave(query):
        return [*other_id(query)[:2], RIGHT(query)]

    with HostileDns(behave) as server, Impostor(OUTSIDE, cockroach.port) as impostor:
        made = resolved(pki.ca, [named(cockroach.port)], server.udp, {"timeout": "10s"})
        with Roachpin(made) as proxy, Queries(proxy) as queries:
            queries.go_on(15)
            event = proxy.wait_event("dns_reply_refused", reason="forged")
            number = r"2 datagrams that were no answer to this query \(id (\d+) instead of (\d+)\)"
            guess, right = map(int, re.fullmatch(number, event["detail"]).groups())
            assert guess == (right + 2) % 65536
            assert server.asked("tcp") == 0
            assert not proxy.events("dns_answer_refused")
            assert impostor.connections == 0


@pytest.mark.parametrize("behave", NO_PROPER_REPLY.values(), ids=NO_PROPER_REPLY)
def test_no_proper_reply_over_udp(pki, cockroach, behave):
    """It is told as well: somebody may be trying."""
    event = run(pki, cockroach, behave).wait_event("dns_reply_refused", within=1)
    assert event["host"] == NODE and event["server"].startswith("udp://")
    assert event["reason"] in ("malformed", "not_a_reply", "other_id", "other_question")
    assert event["detail"]


def run(pki, cockroach, behave):
    """From the start on, and while queries run."""
    with HostileDns(over_udp(behave)) as server, Impostor(OUTSIDE, cockroach.port) as impostor:
        made = resolved(pki.ca, [named(cockroach.port)], server.udp)
        with Roachpin(made) as proxy, Queries(proxy) as queries:
            queries.go_on(15)
            assert server.asked("udp") > 0 and server.asked("tcp") > 0
            assert not proxy.events("dns_answer_refused")
            assert dialled(proxy) == {f"{HOME}:{cockroach.port}"}
            assert impostor.connections == 0
    return proxy


def test_a_real_server_truncates(pki, cockroach):
    addresses = [f"127.0.1.{last}" for last in range(40)]
    records = [f"{NODE},{each}" for each in [HOME, *addresses]]
    with Dnsmasq(host_record=records, local="/internal/", edns_packet_max="512") as server:
        entry = named(cockroach.port, ["127.0.0.0/16"])
        made = resolved(pki.ca, [entry], server.udp, {"max_addresses": 50})
        with Roachpin(made) as proxy, Queries(proxy):
            named_now = proxy.wait_event("names_changed")["after"].split(", ")
            assert len(named_now) == 41


def test_a_bare_server_is_asked_over_tcp_alone(pki, cockroach):
    with HostileDns(over_udp(says(LIE))) as server:
        made = resolved(pki.ca, [named(cockroach.port)], server.tcp)
        with Roachpin(made) as proxy, Queries(proxy) as queries:
            queries.go_on(15)
        assert server.asked("udp") == 0


def test_each_query_has_an_id_and_a_port_of_its_own(pki, cockroach):
    """And a name in mixed case: what a forger has to guess."""
    with HostileDns(RIGHT) as server:
        made = resolved(pki.ca, [named(cockroach.port)], server.udp)
        with Roachpin(made) as proxy, Queries(proxy) as queries:
            queries.go_on(60)
        seen = list(server.queries)
    assert len(seen) >= 8
    assert len({query.id for query in seen}) >= len(seen) - 1
    assert len({query.question[:-4] for query in seen}) >= len(seen) - 1
    assert len({query.port for query in seen}) >= len(seen) - 2
