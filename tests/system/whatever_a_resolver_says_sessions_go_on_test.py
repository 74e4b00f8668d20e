"""The invariant: servers that give any answer at any time, and one node that proves itself. Sessions
keep working, new ones open, and no packet goes to an address outside `allow`."""

import os
import random
import time
from contextlib import ExitStack

import pytest

from harness import dns_servers as dns
from harness.certificates import NODE
from harness.dns_servers import HostileDns, address, alias, message, says
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, LOGIN, Queries, named, one_query, resolved
from harness.roachpin import Roachpin
from harness.strace import UNSEARCHED, Strace
from harness.waiting import until
from harness.wire import Wire, startup

SECONDS = 8
OUTSIDE = ["127.0.0.66", "127.0.0.67", "127.1.2.3", "::1"]
INSIDE = ["127.0.0.4", "127.0.0.6", "127.0.0.7"]  # nobody is there, or somebody else
NOWHERE = ["10.9.9.9", "169.254.169.254", "224.0.0.1", "0.0.0.0", "255.255.255.255", "fe80::1",
           "64:ff9b::7f00:1", "::ffff:127.0.0.66", "fd00::1", "8.8.8.8"]
NAMES = [NODE, "step.crdb.internal", "gone.crdb.internal", "db.attacker.example", "internal", "."]


class Chance:
    """Behaviours by chance: mostly well-formed lies, also noise, delays and now and then the
    truth."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def __call__(self, query):
        chance = self._random
        if chance.random() < 0.05:
            time.sleep(chance.choice([0.05, 0.4]))
        return chance.choice([
            self.lies, self.lies, self.traps, self.traps, self.truth, self.bent, self.noise,
            self.several, dns.silent])(query)

    def truth(self, query):
        return says(address(NODE, HOME, self.ttl()))(query)

    def traps(self, query):
        """An answer that no rule forbids, and nobody proves anything there."""
        chosen = self._random.sample(INSIDE, self._random.choice([1, 2]))
        return says(*(address(NODE, each, self.ttl()) for each in chosen))(query)

    def lies(self, query):
        chance = self._random
        records = [self.record() for _ in range(chance.choice([0, 1, 1, 2, 3, 40, 200]))]
        return message(
            query, records, rcode=chance.choice([0, 0, 0, 0, 2, 3, 5, 15]),
            flags=chance.choice([0, 0, 0, dns.AD, dns.TC, 0x7840]),
            authority=chance.choice([[], [dns.soa("crdb.internal", self.ttl())], [self.record()]]))

    def record(self):
        chance = self._random
        name = chance.choice([NODE, NODE, NODE, chance.choice(NAMES)])
        if chance.random() < 0.2:
            return alias(name, chance.choice(NAMES), self.ttl())
        return address(name, chance.choice([HOME, *OUTSIDE, *INSIDE, *NOWHERE]), self.ttl())

    def ttl(self):
        return self._random.choice([0, 1, 60, 0x7fffffff, 0xffffffff])

    def bent(self, query):
        """An answer with some octets changed."""
        octets = bytearray(self.lies(query))
        for _ in range(self._random.randint(1, 4)):
            octets[self._random.randrange(len(octets))] = self._random.randrange(256)
        return bytes(octets[:self._random.choice([len(octets), self._random.randrange(60)])])

    def noise(self, query):
        return query.raw[:2] + self._random.randbytes(self._random.choice([0, 9, 80, 600]))

    def several(self, query):
        return [self.lies(query), self.noise(query), self.truth(query)]


@pytest.mark.parametrize("agreement", [1, 2])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_invariant(pki, tmp_path, transport, agreement):
    trace = Strace(tmp_path)
    with ExitStack() as stack:
        home = stack.enter_context(FakeCockroach(pki.node, bind=f"{HOME}:0"))
        outside = [stack.enter_context(Impostor(each, home.port)) for each in OUTSIDE]
        stranger = stack.enter_context(Impostor(INSIDE[1], home.port))
        servers = [stack.enter_context(HostileDns(says(address(NODE, HOME)))) for _ in range(3)]
        made = resolved(
            pki.ca, [named(home.port, ["127.0.0.4/30"])],
            [getattr(server, transport) for server in servers],
            {"agreement": agreement, "refresh_min": "20ms", "refresh_max": "50ms",
             "timeout": "100ms"})
        proxy = stack.enter_context(
            Roachpin(made, under=trace.under, env={**os.environ, **UNSEARCHED}))
        queries = stack.enter_context(Queries(proxy))
        for number, server in enumerate(servers):
            server.serve(Chance(f"{transport}-{agreement}-{number}"))
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            queries.go_on(5)
        for server in servers:
            assert len(server.queries) > 20
        assert len(proxy.events("dns_answer_refused")) > 10
        if agreement == 1:  # two of these liars seldom agree
            assert proxy.events("address_not_proved")  # it was led to strangers inside allow
        assert {event["address"] for event in proxy.events("session_established")} == {
            f"{HOME}:{home.port}"}
        assert [each.connections for each in outside] == [0] * len(outside)
        assert stranger.connections < 50
    expected = {server.tcp for server in servers}
    expected |= {f"{each}:{home.port}" for each in [HOME, *INSIDE]}
    assert trace.wait_ended().addressed <= expected


def test_a_node_that_was_away_for_a_moment_is_not_given_up_for_a_liar(pki):
    with HostileDns(says(address(NODE, HOME))) as server:
        with FakeCockroach(pki.node, bind=f"{HOME}:0") as home:
            port = home.port
            made = resolved(
                pki.ca, [named(port, ["127.0.0.4/30"])], server.tcp,
                {"refresh_min": "20ms", "refresh_max": "50ms", "removal_hold": "50ms"})
            proxy = Roachpin(made).__enter__()
            one_query(proxy.port)
            server.serve(says(address(NODE, INSIDE[1])))
            proxy.wait_event("names_changed", after=f"{HOME}:{port}, {INSIDE[1]}:{port}")
        with Wire(proxy.port) as client:  # it is away, and somebody notices
            client.send(startup(**LOGIN))
            client.refusal()
        lies = len(server.queries)
        until("it was lied to", lambda: len(server.queries) > lies + 20)
        with FakeCockroach(pki.node, bind=f"{HOME}:{port}"):
            one_query(proxy.port)
            assert proxy.stop() == 0
        proxy.discard()
