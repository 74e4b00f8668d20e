"""Who has a node's own key cannot be told from the node, and gets its sessions. Once the key is
revoked, nobody who has it gets one."""

import subprocess

import pytest

from harness.certificates import GEN_CERTS, NODE, Certificate
from harness.documents import Document
from harness.drivers import LOGIN, read_end
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node
from harness.wire import Wire, startup

OTHER = "crdb-1.crdb.internal"
(PIN_COMMAND,) = [command for block in Document("config/README.md").shell
                  for command in block.commands if "dgst" in command]


@pytest.fixture
def other(pki, tmp_path):
    """Another node of the cluster, with a key of its own."""
    subprocess.run([GEN_CERTS, tmp_path / "other", "--ca", pki.directory, "--host", OTHER],
                   check=True, capture_output=True)
    return Certificate(tmp_path / "other" / "node.crt", tmp_path / "other" / "node.key")


def test_until_it_is_revoked(pki, other):
    with FakeCockroach(pki.node) as thief, FakeCockroach(other) as honest:
        settings = configuration(pki.ca, [node(NODE, thief.port), node(OTHER, honest.port, tier=1)])
        with Roachpin(settings) as proxy:
            client = Wire(proxy.port)
            client.login("", **LOGIN)  # the thief has it
            assert proxy.wait_event("session_established")["address"] == f"127.0.0.1:{thief.port}"

            pin = subprocess.run(["bash", "-c", PIN_COMMAND], cwd=pki.directory, check=True,
                                 capture_output=True, text=True).stdout.strip()
            settings["cluster"]["revoked_spki_sha256"] = [pin]
            with proxy.expecting("reloaded"):
                proxy.reconfigure(settings)
            assert read_end(client).startswith("57P01")
            with Wire(proxy.port) as again:
                again.login("", **LOGIN)
            second = proxy.wait_event("session_established", count=2)
            assert second["address"] == f"127.0.0.1:{honest.port}"

            honest.kill()
            with Wire(proxy.port) as nobody:
                nobody.send(startup(**LOGIN))
                refusal = nobody.refusal()
            assert refusal.code == "08004" and "revoked" in refusal.text
