"""Names come from the configured servers alone: neither /etc/hosts nor /etc/resolv.conf, nor nscd,
search domains or the resolver's environment variables are asked, and nothing in the binary could."""

import re
import subprocess

import pytest

from harness.certificates import NODE
from harness.dns_servers import HostileDns, Nsd, address, says
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, Queries, named, resolved
from harness.roachpin import BINARY, Roachpin, refused_start
from harness.signed_zone import SignedZone
from harness.strace import UNSEARCHED, Strace

FORBIDDEN = re.compile(
    r"resolv\.conf|/etc/hosts|host\.conf|nsswitch|nscd|gai\.conf|/etc/services|libnss_|avahi")
LOOKUPS = re.compile(r"\b(getaddrinfo|gethostby\w+|getnameinfo|getservby\w+|res_\w+|__res_\w+)\b")


@pytest.fixture
def cockroach(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as fake:
        yield fake


@pytest.fixture
def environment(tmp_path):
    """What would lead the C library astray."""
    aliases = tmp_path / "aliases"
    aliases.write_text(f"{NODE} elsewhere.attacker.example\n")
    return {"HOSTALIASES": str(aliases), "LOCALDOMAIN": "attacker.example",
            "RES_OPTIONS": "ndots:15 use-vc", "CARES_HOSTS": str(aliases), "PATH": "/usr/bin:/bin",
            **UNSEARCHED}


def assert_nothing_else_was_asked(trace, *expected):
    trace.wait_ended()
    assert trace.opened  # or else nothing was traced
    assert not [path for path in trace.opened if FORBIDDEN.search(path)]
    assert trace.addressed == set(expected)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_asking_and_dialling(pki, cockroach, environment, tmp_path, transport):
    trace = Strace(tmp_path)
    with HostileDns(says(address(NODE, HOME))) as server:
        made = resolved(pki.ca, [named(cockroach.port)], getattr(server, transport))
        with Roachpin(made, under=trace.under, env=environment) as proxy:
            with Queries(proxy) as queries:
                queries.go_on(30)
        assert {query.name for query in server.queries} == {NODE}
    assert_nothing_else_was_asked(trace, server.tcp, f"{HOME}:{cockroach.port}")


def test_asking_in_vain(pki, cockroach, environment, tmp_path):
    """No other way is tried, and nothing is appended to the name."""
    trace = Strace(tmp_path)
    with HostileDns(says(rcode=3)) as server:
        made = resolved(pki.ca, [named(cockroach.port)], server.udp)
        code, _ = refused_start(made, under=trace.under, env=environment)
        assert code == 1
        assert {query.name for query in server.queries} == {NODE}
    assert_nothing_else_was_asked(trace, server.tcp)


def test_validating(pki, cockroach, environment, tmp_path):
    zone = SignedZone(tmp_path / "zone", "crdb.internal")
    trace = Strace(tmp_path)
    with Nsd({"crdb.internal": zone.signed(f"crdb-0 A {HOME}")}) as server:
        made = resolved(
            pki.ca, [named(cockroach.port)], server.tcp,
            {"dnssec": "validate", "trust_anchor_file": str(zone.anchor_file), "timeout": "5s"})
        with Roachpin(made, under=trace.under, env=environment) as proxy:
            with Queries(proxy) as queries:
                queries.go_on(30)
    assert_nothing_else_was_asked(trace, server.tcp, f"{HOME}:{cockroach.port}")


def test_the_binary_has_no_way_to_ask_them():
    done = subprocess.run(["nm", "-D", BINARY], capture_output=True, text=True, check=True)
    assert "ares_send" in done.stdout
    if re.search("__[at]san_init", done.stdout):
        pytest.skip("a sanitizer brings its own of every function")
    assert not LOOKUPS.findall(done.stdout)
