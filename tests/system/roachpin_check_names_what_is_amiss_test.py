"""`roachpin check` finds each thing that its catalogue names, and is silent where all is well: real
DNS servers, nodes and strangers at their addresses. (Each rule by itself is in the unit tests.)"""

import datetime
import subprocess

import pytest
import yaml

from harness.certificates import NODE, Pki, Rogues
from harness.checking import CLEAN, FINDINGS, UNFINISHED, Checker
from harness.dns_servers import (NXDOMAIN, SERVFAIL, Dnsmasq, HostileDns, address, alias,
                                 says, silent)
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, QUICK, named
from harness.roachpin import BINARY, configuration, node

FOREIGN = "db.attacker.example"
TODAY = datetime.date.today()


@pytest.fixture
def checker(tmp_path):
    return Checker(tmp_path)


@pytest.fixture
def home(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as database:
        yield database


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


def by_name(ca, port, servers, allow=(HOME + "/32",), resolver=None, host=NODE, **sections):
    servers = servers if isinstance(servers, list) else [servers]
    nodes = [named(port, allow=allow, host=host)]
    return configuration(
        ca, nodes, resolver={"servers": servers, **QUICK, **(resolver or {})}, **sections)


def test_all_is_well(checker, pki, home):
    """With a lock that was just made and names that are answered well, nothing is said."""
    with HostileDns(says(address(NODE, HOME, ttl=60))) as dns:
        settings = by_name(pki.ca, home.port, dns.tcp, lock={"file": "roachpin.lock"})
        checker.configure(settings)
        subprocess.run([BINARY, "pin", "-c", checker.file], check=True, capture_output=True)
        done = checker.json()
        assert done.code == CLEAN and done.ids == set(), done.stdout
        stages = {step["stage"]: step["result"] for step in done.report["steps"]
                  if step["host"] == NODE}
        assert stages == {
            "configuration": "passed", "dns": "passed", "dnssec": "skipped",
            "policy": "passed", "tcp": "passed", "sslrequest": "passed", "tls": "passed",
            "startup": "passed", "health": "skipped"}


NAMES = {
    "DNS-ADDRESS-UNEXPECTED": (says(address(NODE, "10.9.9.9", ttl=60)), FINDINGS),
    "DNS-ADDRESS-CLASS": (says(address(NODE, "169.254.169.254", ttl=60)), FINDINGS),
    "DNS-CNAME-UNEXPECTED": (
        says(alias(NODE, FOREIGN, ttl=60), address(FOREIGN, HOME, ttl=60)), FINDINGS),
    "DNS-DANGLING-CNAME": (
        says(alias(NODE, "gone." + NODE.partition(".")[2], ttl=60), rcode=NXDOMAIN), FINDINGS),
    "DNS-NXDOMAIN": (says(rcode=NXDOMAIN), FINDINGS),
    "DNS-NODATA": (says(), CLEAN),
    "DNS-SERVFAIL": (says(rcode=SERVFAIL), FINDINGS),
    "DNS-RESOLVER-UNREACHABLE": (silent, UNFINISHED),
    "DNS-TTL-EXTREME": (says(address(NODE, HOME, ttl=200_000)), CLEAN),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_server_says(checker, pki, home, name):
    behave, code = NAMES[name]
    with HostileDns(behave) as dns:
        done = checker.configure(by_name(pki.ca, home.port, dns.tcp)).json()
        assert name in done.ids, done.stdout
        assert done.code == code
        found = done.finding(name)
        assert found["host"] == NODE and found["evidence"] and found["remedy"]
        line = checker.file.read_text().splitlines()[found["line"] - 1]
        assert NODE in line, f"line {found['line']} is {line!r}"
    if name not in ("DNS-TTL-EXTREME",):
        assert not home.finished, "an address that was refused is never dialled"


def test_a_server_that_is_away_leaves_the_check_unfinished(checker, pki, home):
    with HostileDns(says(address(NODE, HOME, ttl=60))) as well, HostileDns(silent) as away:
        settings = by_name(pki.ca, home.port, [well.tcp, away.tcp])
        done = checker.configure(settings).json("--fail-on", "critical")
        assert done.code == UNFINISHED
        assert any(away.tcp in one for one in done.report["unfinished"])


def test_a_public_address_for_a_private_node(checker, pki, home):
    with Dnsmasq(host_record=f"{NODE},93.184.216.34") as dns:
        settings = by_name(pki.ca, home.port, dns.tcp, allow=["93.184.0.0/16"])
        settings["cluster"]["nodes"][0]["network"] = "private"
        assert "DNS-PUBLIC-FOR-PRIVATE" in checker.configure(settings).json().ids


def test_servers_that_disagree(checker, pki, home):
    with Dnsmasq(host_record=f"{NODE},{HOME}") as one, \
            Dnsmasq(host_record=f"{NODE},127.0.0.6") as other:
        settings = by_name(
            pki.ca, home.port, [one.tcp, other.tcp], allow=[HOME + "/32", "127.0.0.6/32"],
            resolver={"agreement": 2})
        assert "DNS-RESOLVER-DISAGREE" in checker.configure(settings).json().ids


def test_an_answer_without_ad_where_it_is_demanded(checker, pki, home):
    with HostileDns(says(address(NODE, HOME, ttl=60))) as dns:
        settings = by_name(pki.ca, home.port, dns.tcp, resolver={"dnssec": "require_ad"})
        assert "DNS-NOT-AUTHENTICATED" in checker.configure(settings).json().ids


def test_the_lock_and_what_has_changed_since(checker, pki, home):
    with HostileDns(says(address(NODE, HOME, ttl=60))) as dns:
        allow = [HOME + "/32", "127.0.0.0/24"]
        settings = by_name(
            pki.ca, home.port, dns.tcp, allow=allow, lock={"file": "roachpin.lock"})
        checker.configure(settings)
        assert "CFG-LOCK-MISSING" in checker.json().ids
        subprocess.run([BINARY, "pin", "-c", checker.file], check=True, capture_output=True)
        assert not checker.json().ids & {"CFG-LOCK-MISSING", "DNS-LOCK-DRIFT", "DNS-CHANGE-RATE"}

        with FakeCockroach(pki.node, bind=f"127.0.0.6:{home.port}"), \
                FakeCockroach(pki.node, bind=f"127.0.0.7:{home.port}"):
            dns.serve(says(address(NODE, "127.0.0.6", ttl=60), address(NODE, "127.0.0.7", ttl=60)))
            changed = checker.json()
            assert {"DNS-LOCK-DRIFT", "DNS-CHANGE-RATE"} <= changed.ids
            assert "TLS-SAME-CERT-ACROSS-NODES" in changed.ids

        lock = checker.file.parent / "roachpin.lock"
        facts = yaml.safe_load(lock.read_text())
        facts["reviewed"] = facts["review_by"] = TODAY - datetime.timedelta(days=400)
        lock.write_text(yaml.safe_dump(facts))
        assert "CFG-LOCK-EXPIRED" in checker.json().ids


ROGUES = {
    "other-ca-node": "TLS-VERIFY-FAILED",
    "wrong-name": "TLS-VERIFY-FAILED",
    "client-only-eku": "TLS-VERIFY-FAILED",
    "weak-rsa-1024": "TLS-CERT-WEAK",
    "expired": "TLS-CERT-EXPIRING",
}


@pytest.mark.parametrize("certificate", ROGUES)
def test_a_certificate_that_does_not_hold(checker, rogues, certificate):
    with FakeCockroach(rogues[certificate]) as stranger:
        settings = configuration(rogues.file("ca.crt"), [node(NODE, stranger.port)])
        done = checker.configure(settings).json()
        assert ROGUES[certificate] in done.ids and done.code == FINDINGS, done.stdout
        for seen in stranger.wait_finished(1):
            assert not seen.plaintext, "nothing was said to it inside TLS"


def test_pins_revocation_and_issuers(checker, rogues):
    ca = rogues.file("ca.crt")
    with FakeCockroach(rogues["node"]) as good:
        other = rogues.pins["other-ca-node.crt" if "other-ca-node.crt" in rogues.pins
                            else "other-ca-node"]
        settings = configuration(
            ca, [node(NODE, good.port)], cluster={"spki_sha256": [other.removeprefix("sha256/")]})
        assert "TLS-PIN-MISMATCH" in checker.configure(settings).json().ids
        crl = rogues.file("crl-node-revoked.pem")
        settings = configuration(ca, [node(NODE, good.port)], cluster={"crl_file": crl})
        assert "TLS-REVOKED" in checker.configure(settings).json().ids


def test_an_issuer_that_is_not_in_the_lock(checker, pki, tmp_path):
    (tmp_path / "other").mkdir()
    other = Pki(tmp_path / "other")
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(pki.ca.read_text() + other.ca.read_text())
    with FakeCockroach(pki.node) as database:
        address_of = f"127.0.0.1:{database.port}"
        settings = configuration(
            bundle, [node(NODE, database.port)], lock={"file": "roachpin.lock"})
        checker.configure(settings)
        subprocess.run([BINARY, "pin", "-c", checker.file], check=True, capture_output=True)
        assert "TLS-ISSUER-CHANGED" not in checker.json().ids
        database.kill()
        with FakeCockroach(other.node, bind=address_of):
            assert "TLS-ISSUER-CHANGED" in checker.json().ids


NODES = {
    "answers-n": "TLS-REFUSED",
    "http": "TLS-REFUSED",
    "s-and-extra": "TLS-REFUSED",
    "reset-after-accept": "NODE-UNREACHABLE",
    "hang-after-sslrequest": "NODE-UNREACHABLE",
    "draining": "NODE-NOT-READY",
    "full": "NODE-NOT-READY",
    "hang-after-startup": "NODE-NOT-READY",
}


@pytest.mark.parametrize("behaviour", NODES)
def test_a_node_that_behaves_like_this(checker, pki, behaviour):
    with FakeCockroach(pki.node, behaviour=behaviour) as one:
        done = checker.configure(configuration(pki.ca, [node(NODE, one.port)])).json()
        assert NODES[behaviour] in done.ids, done.stdout


def test_a_database_that_wants_a_password_is_well(checker, pki, postgres):
    """No credentials: whoever asks for some answers."""
    settings = configuration(pki.ca, [node(NODE, postgres.port)])
    done = checker.configure(settings).json()
    assert done.code == CLEAN and done.ids == {"CFG-LOCK-MISSING"}, done.stdout


def test_the_configuration_itself(checker, pki):
    nodes = [
        named(26257, allow=["10.0.0.0/8"], host="crdb"),
        node("localhost", 26258, ["10.1.2.3"]),
    ]
    settings = configuration(
        pki.ca, nodes, resolver={"servers": ["10.0.0.53"]},
        suppress=[{"id": "DNS-NODATA", "reason": "known", "expires": "2020-01-31"}])
    done = checker.configure(settings).json("--offline")
    assert done.ids == {
        "CFG-ALLOWLIST-WIDE", "CFG-NAME-NOT-FQDN", "CFG-VERIFIES-LOCALHOST", "CFG-LOCK-MISSING",
        "CFG-SUPPRESSION-EXPIRED", "DNS-RESOLVER-INSECURE"}, done.stdout


def test_a_key_that_others_may_replace(checker, pki, tmp_path):
    app = pki.client("app")
    folder = tmp_path / "open"
    folder.mkdir()
    for file in (app.cert, app.key):
        (folder / file.name).write_bytes(file.read_bytes())
        (folder / file.name).chmod(0o600)
    folder.chmod(0o777)
    settings = configuration(pki.ca, [node(NODE, 26258)], cluster={
        "client_cert_file": str(folder / app.cert.name),
        "client_key_file": str(folder / app.key.name)})
    assert "CFG-KEY-PERMISSIONS" in checker.configure(settings).json("--offline").ids
    folder.chmod(0o755)
    assert "CFG-KEY-PERMISSIONS" not in checker.configure(settings).json("--offline").ids
