"""`start: fail_fast` ends with exit code 1 before roachpin listens, the reasons on stderr; what is
merely down does not matter while another node is usable. `start: wait` listens, tells clients why
they have to wait, and recovers without a restart."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from harness import dns_servers as dns
from harness import wire
from harness.certificates import NODE, Rogues
from harness.dns_servers import HostileDns, address, alias, message, says
from harness.fake_cockroach import FakeCockroach
from harness.impostor import Impostor
from harness.names import HOME, LOGIN, Queries, named, one_query, resolved
from harness.roachpin import Roachpin, node, refused_start
from harness.waiting import until
from harness.wire import Wire

OTHER = "crdb-1.crdb.internal"
OUTSIDE = "127.0.0.66"
FOREIGN = "db.attacker.example"


def dangling(query):
    return message(query, [alias(NODE, "gone.crdb.internal")], rcode=dns.NXDOMAIN)


@dataclass
class Surprise:
    """What the name's server says, and what roachpin then says."""

    behave: object
    words: list
    node: dict = field(default_factory=dict)


ANSWERS = {
    "an address outside": Surprise(
        says(address(NODE, HOME), address(NODE, OUTSIDE)), [OUTSIDE, "DNS-ADDRESS-CLASS"]),
    "another network": Surprise(
        says(address(NODE, "10.9.9.9")), ["10.9.9.9", "DNS-ADDRESS-UNEXPECTED"]),
    "a link-local address": Surprise(
        says(address(NODE, "169.254.169.254")), ["169.254.169.254", "DNS-ADDRESS-CLASS"]),
    "an IPv6 address outside": Surprise(
        says(address(NODE, HOME), address(NODE, "::1")), ["::1", "DNS-ADDRESS-CLASS"]),
    "a public address": Surprise(
        says(address(NODE, "93.184.216.34")), ["93.184.216.34", "DNS-PUBLIC-FOR-PRIVATE"],
        {"network": "private", "allow": [HOME, "93.184.216.0/24"]}),
    "an alias to a foreign name": Surprise(
        says(alias(NODE, FOREIGN), address(FOREIGN, HOME)), [FOREIGN, "DNS-CNAME-UNEXPECTED"]),
    "an alias to nothing": Surprise(dangling, ["gone.crdb.internal", "DNS-DANGLING-CNAME"]),
    "40 addresses": Surprise(
        says(*(address(NODE, f"127.1.0.{last}") for last in range(40))),
        ["40", "DNS-ADDRESS-UNEXPECTED"], {"allow": ["127.0.0.0/8"]}),
    "another name's record": Surprise(
        says(address("other.crdb.internal", HOME)), ["DNS-SERVFAIL"]),
}
NO_ANSWERS = {
    "NXDOMAIN": Surprise(says(rcode=dns.NXDOMAIN), ["NXDOMAIN", "DNS-NXDOMAIN"]),
    "NODATA": Surprise(says(), ["DNS-NODATA"]),
    "SERVFAIL": Surprise(says(rcode=dns.SERVFAIL), ["SERVFAIL", "DNS-SERVFAIL"]),
    "silence": Surprise(dns.silent, ["DNS-RESOLVER-UNREACHABLE"]),
    "garbage": Surprise(lambda query: query.raw[:2] + b"\xff" * 60, ["DNS-RESOLVER-UNREACHABLE"]),
}
ALL = {**ANSWERS, **NO_ANSWERS}


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


@pytest.fixture(scope="module")
def good(rogues):
    with FakeCockroach(rogues["node"], bind=f"{HOME}:0") as fake:
        yield fake


@pytest.fixture
def closed_port():
    with socket.socket() as holder:
        holder.bind((HOME, 0))
        yield holder.getsockname()[1]


def ends(settings):
    """What is said by a roachpin that must not start. Somebody else has its port: had it come so
    far as to listen, it would have failed for that reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings["listeners"] = [{"bind": f"127.0.0.1:{port}"}]
        code, said = refused_start(settings)
    assert code == 1, said
    assert "fail_fast" in said and "listening" not in said and f":{port}" not in said, said
    return said


@pytest.mark.parametrize("surprise", ALL.values(), ids=ALL)
def test_an_answer(rogues, good, surprise):
    with HostileDns(surprise.behave) as server, Impostor(OUTSIDE, good.port) as impostor:
        nodes = [named(good.port, **surprise.node)]
        said = ends(resolved(rogues.file("ca.crt"), nodes, server.tcp))
        for word in [NODE, server.tcp, *surprise.words]:
            assert word in said
        assert impostor.connections == 0


@pytest.mark.parametrize("surprise", ANSWERS.values(), ids=ANSWERS)
def test_an_unexpected_answer_while_another_node_is_usable(rogues, good, surprise):
    with HostileDns(surprise.behave) as server:
        nodes = [node(NODE, good.port, [HOME]), named(good.port, **surprise.node)]
        nodes[0]["host"] = "localhost"  # pinned, and proved by its certificate's other name
        said = ends(resolved(rogues.file("ca-bundle.crt"), nodes, server.tcp))
        for word in surprise.words:
            assert word in said


HOSTILE = {"other-ca-node": "untrusted_chain", "wrong-name": "wrong_name", "expired": "expired"}


@pytest.mark.parametrize("certificate", HOSTILE)
@pytest.mark.parametrize("how", ["pinned", "resolved"])
def test_a_node_that_fails_its_proof(rogues, certificate, how):
    with FakeCockroach(rogues[certificate], bind=f"{HOME}:0") as fake, \
            HostileDns(says(address(NODE, HOME))) as server:
        entry = named(fake.port) if how == "resolved" else node(NODE, fake.port, [HOME])
        said = ends(resolved(rogues.file("ca.crt"), [entry], server.tcp))
        assert NODE in said and f"{HOME}:{fake.port}" in said and HOSTILE[certificate] in said
        for seen in fake.wait_finished(1):
            assert seen.plaintext == b""


@pytest.mark.parametrize("how", ["pinned", "resolved"])
def test_a_node_that_fails_its_proof_while_another_is_usable(rogues, good, how):
    with FakeCockroach(rogues["other-ca-node"], bind=f"{HOME}:0") as bad, \
            HostileDns(says(address(NODE, HOME))) as server:
        entry = named(bad.port) if how == "resolved" else node(NODE, bad.port, [HOME])
        nodes = [node(NODE, good.port, [HOME]), entry]
        assert "untrusted_chain" in ends(resolved(rogues.file("ca.crt"), nodes, server.tcp))


@pytest.mark.parametrize("how", ["pinned", "resolved"])
def test_no_node_is_there(rogues, closed_port, how):
    with HostileDns(says(address(NODE, HOME))) as server:
        entry = named(closed_port) if how == "resolved" else node(NODE, closed_port, [HOME])
        said = ends(resolved(rogues.file("ca.crt"), [entry], server.tcp))
        assert NODE in said and f"{HOME}:{closed_port}" in said


def test_every_nodes_reason_is_said(rogues, closed_port):
    with HostileDns(says(address(NODE, "10.9.9.9"), address(OTHER, OUTSIDE))) as server:
        server.serve(lambda query: says(
            address(query.name, "10.9.9.9" if query.name == NODE else OUTSIDE))(query))
        nodes = [named(closed_port), named(closed_port, host=OTHER)]
        said = ends(resolved(rogues.file("ca.crt"), nodes, server.tcp))
        for word in [NODE, "10.9.9.9", OTHER, OUTSIDE, "roachpin check -c", "start: wait"]:
            assert word in said


def test_a_node_that_is_down_does_not_matter_while_another_is_usable(rogues, good, closed_port):
    with HostileDns(says(address(NODE, HOME))) as server:
        nodes = [node(NODE, closed_port, [HOME]), named(good.port)]
        settings = resolved(rogues.file("ca.crt"), nodes, server.tcp)
        with Roachpin(settings) as proxy, Queries(proxy):
            pass


@pytest.mark.parametrize("nothing", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_a_name_without_an_answer_does_not_matter_while_another_is_usable(rogues, good, nothing):
    def behave(query):
        return says(address(NODE, HOME))(query) if query.name == NODE else nothing.behave(query)

    with HostileDns(behave) as server:
        nodes = [named(good.port, host=OTHER), named(good.port)]
        settings = resolved(rogues.file("ca.crt"), nodes, server.tcp)
        with Roachpin(settings) as proxy, Queries(proxy):
            pass


def told_to_wait(proxy):
    with Wire(proxy.port) as client:
        client.send(wire.startup(**LOGIN))
        refusal = client.refusal()
    assert refusal.code == "57P03", refusal
    return refusal.text


def served(proxy):
    try:
        one_query(proxy.port)
    except AssertionError:
        return False
    return True


def waits(settings):
    return Roachpin({**settings, "start": "wait"})


@pytest.mark.parametrize("surprise", ALL.values(), ids=ALL)
def test_waiting_for_a_right_answer(rogues, good, surprise):
    with ExitStack() as stack:
        server = stack.enter_context(HostileDns(surprise.behave))
        impostor = stack.enter_context(Impostor(OUTSIDE, good.port))
        nodes = [named(good.port, **surprise.node)]
        proxy = stack.enter_context(
            waits(resolved(rogues.file("ca.crt"), nodes, server.tcp)))
        proxy.wait_event("dns_answer_refused")
        text = told_to_wait(proxy)
        for word in [NODE, *surprise.words[:-1]]:
            assert word in text
        server.serve(says(address(NODE, HOME)))
        proxy.wait_event("address_admitted", node=NODE)
        until("sessions", lambda: served(proxy))
        assert impostor.connections == 0


def test_waiting_for_a_node_to_come(rogues):
    port = dns.free_port(HOME)
    with HostileDns(says(address(NODE, HOME))) as server:
        with waits(resolved(rogues.file("ca.crt"), [named(port)], server.tcp)) as proxy:
            proxy.wait_event("address_not_proved", hostile=False)
            assert f"{HOME}:{port}" in told_to_wait(proxy)
            with FakeCockroach(rogues["node"], bind=f"{HOME}:{port}"):
                until("sessions", lambda: served(proxy))


def test_waiting_for_the_right_node_in_place_of_another(rogues):
    with HostileDns(says(address(NODE, HOME))) as server:
        with FakeCockroach(rogues["other-ca-node"], bind=f"{HOME}:0") as fake:
            settings = resolved(rogues.file("ca.crt"), [named(fake.port)], server.tcp)
            proxy = waits(settings).__enter__()
            proxy.wait_event("address_not_proved", hostile=True, reason="untrusted_chain")
            assert "untrusted_chain" in told_to_wait(proxy)
        with FakeCockroach(rogues["node"], bind=f"{HOME}:{fake.port}"):
            until("sessions", lambda: served(proxy))
            proxy.__exit__(None, None, None)
