"""README.md's quick start, typed as it stands by somebody who has just come, and its smallest
configuration; and the one command of config/README.md."""

import json
import os
import subprocess

import pytest
import yaml

from harness.certificates import NODE, Certificate, Pki, Rogues
from harness.documents import ROOT, Document, Walk
from harness.fake_cockroach import FakeCockroach
from harness.postgres import DATABASE, PASSWORD, USER, Postgres, free_port
from harness.roachpin import BINARY, Roachpin, configuration, node
from harness.waiting import until

ADDRESS = "10.1.2.3"
"""Of the node in README.md; in these tests it is on loopback."""


@pytest.fixture
def checkout(tmp_path):
    """The project's folder, with the program built."""
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "build" / "release").mkdir(parents=True)
    (tmp_path / "build" / "release" / "roachpin").symlink_to(BINARY)
    return tmp_path


def node_of(folder):
    return Certificate(folder / "node.crt", folder / "node.key")


def url(port):
    """How README.md has the application connect, as somebody with this database."""
    (shown,) = [block.text.strip() for block in Document("README.md").blocks
                if block.text.startswith("postgresql://")]
    return shown.replace("app:secret@", f"{USER}:{PASSWORD}@").replace(
        ":26257/bank", f":{port}/{DATABASE}")


def answer(port):
    done = subprocess.run(["psql", "-XAtc", "SELECT 'works'", url(port)], capture_output=True,
                          text=True, timeout=60, env={**os.environ, "PGCONNECT_TIMEOUT": "15"})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def at_home(text, postgres, port):
    """A configuration of README.md's on this machine: the node is on loopback, the port is free."""
    made = yaml.safe_load(text)
    (made_node,) = made["cluster"]["nodes"]
    assert made_node["host"] == NODE and made_node["addresses"] == [ADDRESS]
    assert made["listeners"][0]["bind"] == "127.0.0.1:26257"
    made_node.update(addresses=["127.0.0.1"], port=postgres.port)
    made["listeners"][0]["bind"] = f"127.0.0.1:{port}"
    return made


def test_the_quick_start(checkout):
    walk = Walk("README.md", "Quick start", checkout)
    assert walk.next("scripts/build") == "./scripts/build"  # .ci/run types this one
    walk.run("gen-certs", NODE, ADDRESS)
    walk.run("init")
    postgres = Postgres(checkout / "certs" / "ca.crt", node_of(checkout / "certs"))
    try:
        config, port = checkout / "roachpin.yaml", free_port()
        settings = at_home(config.read_text(), postgres, port)
        config.write_text(yaml.safe_dump({**settings, "admin": {"bind": "127.0.0.1:0"}}))
        walk.run("check")
        proxy = walk.start("run")
        try:
            proxy.wait_line(" started ")
            assert answer(port) == "works"
            assert proxy.stop() == 0
        finally:
            proxy.kill()
    finally:
        postgres.stop()
    walk.assert_done()


def test_what_init_leaves_open_is_what_the_readme_says(checkout):
    """A certificate that names no address."""
    Pki(checkout / "certs", hosts=(NODE,))
    walk = Walk("README.md", "Quick start", checkout)
    walk.next("build")
    walk.next("gen-certs")
    walk.run("init")
    said = walk.run("check", code=2)
    assert "cluster.nodes[0].allow: " in said and "resolver.servers: " in said
    config = checkout / "roachpin.yaml"
    config.write_text(config.read_text().replace("allow: []", f"addresses: [{ADDRESS}]"))
    done = subprocess.run([BINARY, "check", "--offline", "-c", config], timeout=20)
    assert done.returncode == 0, "addresses in their place"


def test_the_smallest_configuration(pki, postgres):
    (text,) = [block.text for block in Document("README.md").blocks if block.language == "yaml"]
    port = free_port()
    settings = at_home(text, postgres, port)
    settings["cluster"]["ca_file"] = str(pki.ca)
    settings.update(admin={"bind": "127.0.0.1:0"}, log={"format": "json"})
    with Roachpin(settings):
        assert answer(port) == "works"


def test_the_pin_of_a_certificate(tmp_path):
    rogues = Rogues(tmp_path / "rogues")
    (tmp_path / "node.crt").write_text(rogues["node"].cert.read_text())
    walk = Walk("config/README.md", "cluster", tmp_path)
    pin = walk.run("openssl").strip()
    walk.assert_done()
    assert pin in json.dumps(rogues.pins)
    with FakeCockroach(rogues["node"]) as fake:
        nodes = [node(NODE, fake.port, spki_sha256=[pin])]
        with Roachpin(configuration(rogues["ca"].cert, nodes)) as proxy:
            until("it is ready", lambda: proxy.get("/readyz")[0] == 200)
