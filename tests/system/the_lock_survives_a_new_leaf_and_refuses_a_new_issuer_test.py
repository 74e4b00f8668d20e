"""roachpin.lock holds nodes to the authority they were reviewed with: leaves rotate, issuers do not
change unseen, and what the lock does not know is reported or refused."""

import subprocess
from pathlib import Path

import pytest
import yaml

from harness import wire
from harness.certificates import NODE, Rogues
from harness.dns_servers import Dnsmasq
from harness.fake_cockroach import FakeCockroach
from harness.names import HOME, QUICK, named
from harness.postgres import free_port
from harness.roachpin import BINARY, Roachpin, configuration, node, refused_start
from harness.wire import Wire

LOGIN = {"user": "app", "database": "bank"}


@pytest.fixture(scope="module")
def rogues(tmp_path_factory):
    return Rogues(tmp_path_factory.mktemp("rogues"))


def locked(settings, directory, **lock):
    """The settings with a lock, which `roachpin pin` has just written."""
    file = Path(directory) / "roachpin.lock"
    settings["lock"] = {"file": str(file), **lock}
    config = Path(directory) / "roachpin.yaml"
    config.write_text(yaml.safe_dump(settings))
    subprocess.run([BINARY, "pin", "-c", config], check=True, timeout=30,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert file.exists()
    return settings


def asks(proxy):
    with Wire(proxy.port) as client:
        client.login("", **LOGIN)
        assert client.ask("SELECT 1") == ["SELECT 1"]


def test_a_new_leaf_is_let_in_and_a_new_issuer_is_not(rogues, tmp_path):
    port = free_port()
    settings = configuration(rogues.file("ca-bundle.crt"), [node(NODE, port)])  # trusts both CAs
    with FakeCockroach(rogues["node"], bind=f"127.0.0.1:{port}"):
        settings = locked(settings, tmp_path)
        proxy = Roachpin(settings).__enter__()
        asks(proxy)
    with FakeCockroach(rogues["wildcard-good"], bind=f"127.0.0.1:{port}"):  # the same CA's
        asks(proxy)
    with FakeCockroach(rogues["other-ca-node"], bind=f"127.0.0.1:{port}") as stranger:
        with Wire(proxy.port) as client:
            client.send(wire.startup(**LOGIN))
            refusal = client.refusal()
        assert refusal.code == "08004"
        assert "roachpin.lock" in refusal.text
        assert proxy.wait_event("dial_failed")["reason"] == "issuer_changed"
        assert all(seen.plaintext == b"" for seen in stranger.wait_finished(1))
        assert proxy.stop() == 0
        proxy.discard()
        code, said = refused_start(settings)
        assert code == 1 and "issuer_changed" in said


def test_a_new_leaf_is_a_notice(rogues, tmp_path):
    port = free_port()
    settings = configuration(rogues.file("ca.crt"), [node(NODE, port)])
    with FakeCockroach(rogues["node"], bind=f"127.0.0.1:{port}"):
        settings = locked(settings, tmp_path)
        with Roachpin(settings) as proxy:
            proxy.wait_event("started")
            assert not proxy.events("leaf_not_in_lock")
    with FakeCockroach(rogues["wildcard-good"], bind=f"127.0.0.1:{port}"):
        with Roachpin(settings) as proxy:
            notice = proxy.wait_event("leaf_not_in_lock")
            assert (notice["level"], notice["node"]) == ("info", NODE)
            assert notice["leaf_spki"] not in Path(settings["lock"]["file"]).read_text()
            asks(proxy)


def test_an_address_outside_the_lock_is_reported_or_refused(rogues, tmp_path):
    port = free_port()
    other = "127.0.0.6"
    with FakeCockroach(rogues["node"], bind=f"{HOME}:{port}"), \
            FakeCockroach(rogues["node"], bind=f"{other}:{port}"):
        with Dnsmasq(host_record=f"{NODE},{HOME}") as dns:
            settings = configuration(
                rogues.file("ca.crt"), [named(port, [f"{HOME}/32", f"{other}/32"])],
                resolver={"servers": [dns.tcp], **QUICK})
            locked(settings, tmp_path)
        with Dnsmasq(host_record=[f"{NODE},{HOME}", f"{NODE},{other}"]) as dns:
            settings["resolver"]["servers"] = [dns.tcp]
            with Roachpin(settings) as proxy:
                drift = proxy.wait_event("lock_drift")
                assert drift["addresses"] == f"{other}:{port}"
                proxy.wait_event("address_admitted", address=f"{other}:{port}")
            settings["lock"]["addresses"] = "enforce"
            code, said = refused_start(settings)
            assert code == 1 and other in said and "roachpin.lock" in said


def test_a_run_without_its_lock_is_refused(rogues, tmp_path):
    settings = configuration(rogues.file("ca.crt"), [node(NODE, free_port())],
                             lock={"file": str(tmp_path / "missing.lock")})
    code, said = refused_start(settings)
    assert code == 2
    assert "missing.lock" in said and "roachpin pin" in said


def test_a_lock_that_holds_nobody_is_refused(rogues, tmp_path):
    port = free_port()
    settings = configuration(rogues.file("ca.crt"), [node(NODE, port)])
    with FakeCockroach(rogues["node"], bind=f"127.0.0.1:{port}"):
        settings = locked(settings, tmp_path)
        lock = Path(settings["lock"]["file"])
        facts = yaml.safe_load(lock.read_text())
        facts["hosts"][NODE]["issuer_spki"] = []
        lock.write_text(yaml.safe_dump(facts))
        code, said = refused_start(settings)
        assert code == 2 and "has no issuer's key" in said and "pin --update" in said
