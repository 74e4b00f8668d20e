"""`roachpin resolve` says what each server says and what the policy makes of it; `roachpin pin`
writes what was seen of the nodes, and finds what has changed since."""

import datetime
import subprocess

import pytest
import yaml

from harness.certificates import NODE, Pki
from harness.dns_servers import Dnsmasq, HostileDns, silent
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, QUICK, named
from harness.roachpin import BINARY, SANITIZER, configuration, node

CLEAN, SOME, USAGE, UNFINISHED = 0, 1, 2, 3
ALIAS = f"gw.{NODE.partition('.')[2]}"


def roachpin(*words):
    done = subprocess.run(
        [BINARY, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


@pytest.fixture
def dns():
    with Dnsmasq(host_record=f"{NODE},{HOME}") as server:
        yield server


@pytest.fixture
def home(pki):
    with FakeCockroach(pki.node, bind=f"{HOME}:0") as database:
        yield database


class Place:
    """A folder with a configuration and, in time, a lock."""

    def __init__(self, directory, ca_file):
        self.lock = directory / "roachpin.lock"
        self._ca_file = ca_file
        self._config = directory / "roachpin.yaml"

    def configure(self, nodes, servers, lock=True, resolver=None, ca_file=None):
        sections = {"lock": {"file": self.lock.name}} if lock else {}
        if servers:
            sections["resolver"] = {"servers": servers, **QUICK, **(resolver or {})}
        self._config.write_text(yaml.safe_dump(configuration(
            ca_file or self._ca_file, nodes, timeouts={"dial": "1s"}, **sections)))

    def resolve(self, name=NODE):
        return roachpin("resolve", name, "-c", self._config)

    def pin(self, *flags):
        return roachpin("pin", "-c", self._config, *flags)

    def run(self):
        return roachpin("run", "-c", self._config)

    @property
    def locked(self):
        return yaml.safe_load(self.lock.read_text())["hosts"]


@pytest.fixture
def place(tmp_path, pki):
    return Place(tmp_path, pki.ca)


# --- resolve


def test_a_clean_answer_is_shown_and_accepted(place, dns):
    dns.serve(host_record=f"{ALIAS},{HOME}", cname=f"{NODE},{ALIAS}")
    place.configure([named(26257)], [dns.tcp])
    done = place.resolve()
    assert done.returncode == CLEAN, done
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"{NODE}, port 26257", dns.tcp]
    assert lines[2].startswith(f"    A {NODE}: found, ttl ")
    assert lines[3:5] == [f"        alias {ALIAS}", f"        {HOME}"]
    assert lines[-2:] == ["    accepted", f"usable: {HOME}:26257"]


def test_a_poisoned_answer_is_refused_with_its_finding(place, dns):
    place.configure([named(26257)], [dns.udp])
    dns.serve(host_record=f"{NODE},10.66.66.66")
    done = place.resolve()
    assert done.returncode == SOME
    assert "refused: not_allowed (DNS-ADDRESS-UNEXPECTED): 10.66.66.66" in done.stdout
    assert "usable: none" in done.stdout


def test_each_server_has_its_own_verdict(place, dns):
    with Dnsmasq(host_record=f"{NODE},10.66.66.66") as poisoned:
        place.configure([named(26257)], [dns.tcp, poisoned.tcp])
        done = place.resolve()
    assert done.returncode == SOME
    first, second = done.stdout.split(poisoned.tcp)
    assert "    accepted" in first and "    refused: not_allowed" in second
    assert f"usable: {HOME}:26257" in second


def test_servers_that_disagree_are_named(place, dns):
    with Dnsmasq(host_record=f"{NODE},127.0.0.6") as other:
        place.configure([named(26257, ["127.0.0.5/32", "127.0.0.6/32"])], [dns.tcp, other.tcp])
        done = place.resolve()
    assert done.returncode == SOME
    assert "(DNS-RESOLVER-DISAGREE)" in done.stdout and dns.tcp in done.stdout


def test_nobody_to_ask(place, dns):
    with HostileDns(silent) as deaf:
        place.configure([named(26257)], [deaf.udp])
        done = place.resolve()
        assert done.returncode == UNFINISHED
        assert "no addresses: unreachable (DNS-RESOLVER-UNREACHABLE)" in done.stdout
        place.configure([named(26257)], [dns.tcp, deaf.tcp])
        assert place.resolve().returncode == SOME


def test_names_that_no_policy_is_for(place, dns):
    place.configure([node(NODE, 26257)], [dns.tcp])
    done = place.resolve()
    assert done.returncode == CLEAN and f"        {HOME}\n" in done.stdout
    assert "no policy: pinned at 127.0.0.1:26257, so its name is never asked for" in done.stdout
    dns.serve(host_record="elsewhere.example,192.0.2.1")
    done = place.resolve("elsewhere.example")
    assert done.returncode == CLEAN and "        192.0.2.1\n" in done.stdout
    assert done.stdout.endswith("no policy: not a node of this configuration\n")


@pytest.mark.parametrize("name", ["10.1.2.3", "::1", ".", "two words", ""])
def test_what_is_no_name_is_a_usage_error(place, dns, name):
    place.configure([named(26257)], [dns.tcp])
    done = place.resolve(name)
    assert done.returncode == USAGE and done.stderr and not done.stdout


def test_a_configuration_without_servers_has_nobody_to_ask(place):
    place.configure([node(NODE, 26257)], None)
    done = place.resolve()
    assert done.returncode == USAGE and "resolver.servers" in done.stderr


ROOT_KEY = (". IN DS 20326 8 2 "
            "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")


def test_validating_comes_to_an_end_too(place, dns, tmp_path):
    anchor = tmp_path / "root.ds"
    anchor.write_text(ROOT_KEY)
    resolver = {"dnssec": "validate", "trust_anchor_file": str(anchor), "timeout": "5s"}
    place.configure([named(26257)], [dns.tcp], resolver=resolver)
    done = place.resolve()
    assert done.returncode == SOME, done
    assert "refused: dnssec_bogus (DNS-BOGUS): " in done.stdout
    assert place.pin().returncode == UNFINISHED
    place.configure([named(26257)], [dns.tcp], lock=False, resolver=resolver)
    done = place.run()
    assert done.returncode == 1 and "does not start" in done.stderr


# --- pin


def pinned(place, port, dns, **more):
    place.configure([named(port)], [dns.tcp], **more)
    done = place.pin()
    assert done.returncode == CLEAN, done
    return done


def test_what_was_seen_is_written_and_found_to_be_the_same(place, dns, home):
    dns.serve(host_record=f"{ALIAS},{HOME}", cname=f"{NODE},{ALIAS}")
    done = pinned(place, home.port, dns)
    assert f"{place.lock}: written" in done.stdout
    assert f"{NODE} at {HOME}:{home.port}: proved" in done.stderr
    seen = place.locked[NODE]
    assert seen["chain"] == [ALIAS] and seen["addresses"] == [HOME]
    assert len(seen["issuer_spki"]) == len(seen["leaf_spki"]) == 1
    assert seen["issuer_spki"] != seen["leaf_spki"] and seen["next_spki"] == []
    assert isinstance(seen["not_after"], datetime.date)
    # A verifying dial, and no more: not a byte went through.
    assert home.wait_finished(1)[0].plaintext == b""

    text = place.lock.read_text()
    for flags in ([], ["--verify"]):
        done = place.pin(*flags)
        assert done.returncode == CLEAN, done
        assert done.stdout == f"{place.lock}: nothing has changed\n"
    assert place.lock.read_text() == text


def test_the_pins_are_of_the_keys_that_were_shown(place, dns, home, pki):
    def key(certificate):
        made = subprocess.run(
            f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform der |"
            " openssl dgst -sha256 -binary | base64", shell=True, check=True, capture_output=True,
            text=True)
        return made.stdout.strip()

    pinned(place, home.port, dns)
    assert place.locked[NODE]["issuer_spki"] == [key(pki.ca)]
    assert place.locked[NODE]["leaf_spki"] == [key(pki.node.cert)]


def test_what_differs_is_said_and_written_only_when_asked_for(place, dns, home):
    pinned(place, home.port, dns)
    before = place.lock.read_text()
    dns.serve(host_record=f"{ALIAS},{HOME}", cname=f"{NODE},{ALIAS}")
    for flags in ([], ["--verify"]):
        done = place.pin(*flags)
        assert done.returncode == SOME and done.stdout == f"{NODE}: chain: +{ALIAS}\n"
        assert "roachpin pin --update" in done.stderr
        assert place.lock.read_text() == before
    done = place.pin("--update")
    assert done.returncode == CLEAN
    assert done.stdout.startswith(f"{NODE}: chain: +{ALIAS}\n{place.lock}: written")
    assert place.locked[NODE]["chain"] == [ALIAS]
    assert place.pin("--verify").returncode == CLEAN


def test_the_lock_is_part_of_the_policy_and_no_lock_is_none(place, dns, home):
    place.configure([named(home.port)], [dns.tcp])
    done = place.resolve()
    assert done.returncode == CLEAN and "there is no lock yet" in done.stderr
    pinned(place, home.port, dns)
    done = place.resolve()
    assert done.returncode == CLEAN and "no lock" not in done.stderr
    dns.serve(host_record=f"{ALIAS},{HOME}", cname=f"{NODE},{ALIAS}")
    done = place.resolve()
    assert done.returncode == SOME and "refused: lock_chain (DNS-LOCK-DRIFT): " in done.stdout


def test_a_new_authority_is_a_difference_and_the_next_key_is_kept(place, dns, home, tmp_path):
    pinned(place, home.port, dns)
    old = place.locked[NODE]
    planned = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    place.lock.write_text(place.lock.read_text().replace(
        "next_spki: []", f"next_spki:\n      - {planned}"))
    others = Pki(tmp_path / "others")
    with FakeCockroach(others.node, bind=f"{HOME}:0") as renewed:
        place.configure([named(renewed.port)], [dns.tcp], ca_file=others.ca)
        done = place.pin("--update")  # the old lock must not keep the new issuer out
        assert done.returncode == CLEAN, done
    assert f"{NODE}: issuer_spki: -{old['issuer_spki'][0]}\n" in done.stdout
    assert f"{NODE}: issuer_spki: +{place.locked[NODE]['issuer_spki'][0]}\n" in done.stdout
    assert place.locked[NODE]["next_spki"] == [planned]


def test_pinned_nodes_are_locked_too(place, home):
    place.configure([node(NODE, home.port, [HOME])], None)
    assert place.pin().returncode == CLEAN
    assert place.locked[NODE]["addresses"] == [HOME] and place.locked[NODE]["chain"] == []


def test_verify_wants_a_lock(place, dns, home):
    place.configure([named(home.port)], [dns.tcp])
    done = place.pin("--verify")
    assert done.returncode == SOME and "is not there" in done.stdout
    assert not place.lock.exists()
    assert place.pin("--update").returncode == CLEAN and place.lock.exists()


@pytest.mark.parametrize("record, why", [
    (f"{NODE},10.66.66.66", "DNS-ADDRESS-UNEXPECTED"),
    ("elsewhere.internal,127.0.0.5", "says: "),
    (f"{NODE},127.0.0.7", f"{NODE} at 127.0.0.7:"),  # allowed, and nobody is there
])
def test_what_cannot_be_seen_is_named_and_nothing_is_written(place, dns, home, record, why):
    dns.serve(host_record=record)
    place.configure([named(home.port, ["127.0.0.0/28"])], [dns.tcp])
    for flags in ([], ["--verify"], ["--update"]):
        done = place.pin(*flags)
        assert done.returncode == UNFINISHED, done
        assert NODE in done.stderr and why in done.stderr and not done.stdout
        assert not place.lock.exists()


def test_a_stranger_at_the_address_is_never_locked(place, dns, tmp_path):
    with FakeCockroach(Pki(tmp_path / "rogue").node, bind=f"{HOME}:0") as rogue:
        place.configure([named(rogue.port)], [dns.tcp])
        done = place.pin()
    assert done.returncode == UNFINISHED and "untrusted_chain" in done.stderr
    assert not place.lock.exists()


def test_one_server_that_is_away_does_not_matter_and_one_that_lies_does(place, dns, home):
    with HostileDns(silent) as deaf, Dnsmasq(host_record=f"{NODE},10.66.66.66") as poisoned:
        place.configure([named(home.port)], [dns.tcp, deaf.tcp])
        done = place.pin()
        assert done.returncode == CLEAN and "DNS-RESOLVER-UNREACHABLE" in done.stderr
        place.configure([named(home.port)], [dns.tcp, poisoned.tcp])
        assert place.pin().returncode == UNFINISHED


def test_without_lock_file_there_is_nothing_to_write(place, dns):
    place.configure([named(26257)], [dns.tcp], lock=False)
    done = place.pin()
    assert done.returncode == USAGE and "lock.file" in done.stderr and not done.stdout


def test_a_lock_that_cannot_be_read_is_a_configuration_error(place, dns, home):
    place.configure([named(home.port)], [dns.tcp])
    place.lock.write_text("lock_version: 7\n")
    for flags in ([], ["--verify"], ["--update"]):
        done = place.pin(*flags)
        assert done.returncode == USAGE and str(place.lock) in done.stderr
    assert place.lock.read_text() == "lock_version: 7\n"


@pytest.mark.parametrize("words", [
    ["resolve"], ["resolve", NODE], ["resolve", "-c", "f"], ["resolve", NODE, "extra", "-c", "f"],
    ["pin"], ["pin", "-c", "f", "extra"], ["pin", "-c", "f", "--verify", "--update"],
    ["pin", "-c", "no-such-file"], ["resolve", NODE, "-c", "no-such-file"]])
def test_usage(words):
    done = roachpin(*words)
    assert done.returncode == USAGE and done.stderr and not done.stdout


@pytest.mark.parametrize("command", ["resolve", "pin"])
def test_help(command):
    done = roachpin(command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout and "Exit codes" in done.stdout
