"""node-postgres works through roachpin as it does without, also with direct TLS."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.postgres import DATABASE, PASSWORD, SCRAM_USER, USER
from harness.roachpin import Roachpin

HERE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def node_application():
    if not (HERE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)

    def run(**config):
        config = {"user": USER, "password": PASSWORD, "database": DATABASE, **config}
        done = subprocess.run(
            ["node", HERE / "application.js", json.dumps(config)],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def straight(node_application, postgres):
    """What the application sees at the database itself."""
    seen = node_application(
        host="127.0.0.1", port=postgres.port, ssl={"rejectUnauthorized": False})
    assert seen["login"] == {"current_user": USER, "current_database": DATABASE}
    assert seen["error"] == "23505" and seen["heard"] == "roaches"
    return seen


def test_in_the_clear(node_application, straight, roachpin):
    assert node_application(host="localhost", port=roachpin.port) == straight


def test_with_scram(node_application, straight, roachpin):
    seen = node_application(host="localhost", port=roachpin.port, user=SCRAM_USER)
    assert seen.pop("login")["current_user"] == SCRAM_USER
    assert seen == {name: value for name, value in straight.items() if name != "login"}


@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_with_verified_tls(node_application, straight, settings, tmp_path, negotiation):
    exported = tmp_path / "roachpin.crt"
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True, "export_file": str(exported),
                                              "required": True}}
    with Roachpin(settings([listener])) as proxy:
        seen = node_application(
            host="localhost", port=proxy.port, sslnegotiation=negotiation,
            ssl={"ca": exported.read_text()})
    assert seen == straight
