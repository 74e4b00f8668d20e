"""A file with problems starts nothing: exit 2, and each problem on a line of its own, with the
place to look at."""

import os
import re
import subprocess
import time

import pytest

from harness.certificates import NODE
from harness.roachpin import BINARY, Roachpin, refused_start

PROBLEM = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): (?P<path>[^ :]+): (?P<sentence>.{15,})")


@pytest.fixture
def start(tmp_path, pki):
    """Runs roachpin with the text of a file, which must be refused; what it said, by place."""
    file = tmp_path / "roachpin.yaml"

    def run(text, **variables):
        file.write_text(text.replace("CA_FILE", str(pki.ca)))
        began = time.monotonic()
        done = subprocess.run(
            [BINARY, "run", "-c", file], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=20, env={**os.environ, **variables})
        assert done.returncode == 2, done
        assert done.stdout == ""
        assert time.monotonic() - began < 10
        found = {}
        for line in done.stderr.splitlines():
            problem = PROBLEM.fullmatch(line)
            assert problem, f"not file:line: path: sentence: {line!r}"
            assert problem["file"] == str(file)
            found[int(problem["line"]), problem["path"]] = problem["sentence"]
        return found

    return run


def test_every_problem_is_reported_in_one_run(start):
    found = start("""\
listeners:
  - bind: 127.0.0.1:99999
  - bind: 0.0.0.0:26257
  - bind: 127.0.0.1:26258
    max_connections: many
    max_conections: 5
cluster:
  ca_file: does-not-exist.crt
  min_tls: "1.1"
  insecure: true
  spki_sha256: [tooshort]
  nodes:
    - host: "not a name"
      addresses: [127.0.0.1]
    - host: crdb-0.crdb.internal
      addresses: [crdb-0]
      port: 0
timeouts:
  dial: fast
log:
  level: loud
worker: 2
""")
    assert set(found) == {
        (2, "listeners[0].bind"),
        (3, "listeners[1].bind"),
        (5, "listeners[2].max_connections"),
        (6, "listeners[2].max_conections"),
        (8, "cluster.ca_file"),
        (9, "cluster.min_tls"),
        (10, "cluster.insecure"),
        (11, "cluster.spki_sha256[0]"),
        (13, "cluster.nodes[0].host"),
        (16, "cluster.nodes[1].addresses[0]"),
        (17, "cluster.nodes[1].port"),
        (19, "timeouts.dial"),
        (21, "log.level"),
        (22, "worker"),
    }
    assert "does-not-exist.crt" in found[8, "cluster.ca_file"]
    assert "unknown key" in found[22, "worker"] and "workers" in found[22, "worker"]
    assert "plaintext" in found[3, "listeners[1].bind"]


GOOD = f"""\
listeners:
  - bind: ${{BIND:-127.0.0.1:0}}
cluster:
  ca_file: CA_FILE
  nodes:
    - host: ${{HOST}}
      addresses: [127.0.0.1]
      port: ${{PORT}}
# {NODE}
"""


def test_a_variable_that_is_not_set_is_named_with_its_line(start):
    found = start(GOOD)
    assert set(found) == {(6, "cluster.nodes[0].host"), (8, "cluster.nodes[0].port")}
    assert "HOST" in found[6, "cluster.nodes[0].host"]
    assert "PORT" in found[8, "cluster.nodes[0].port"]


def test_what_a_variable_holds_is_checked_like_what_is_written(start):
    found = start(GOOD, HOST=NODE, PORT="1e9", BIND="nowhere")
    assert set(found) == {(2, "listeners[0].bind"), (8, "cluster.nodes[0].port")}


def test_variables_and_their_defaults_are_expanded(settings, monkeypatch):
    monkeypatch.setenv("ROACHPIN_TEST_HOST", NODE)
    monkeypatch.setenv("ROACHPIN_TEST_EMPTY", "")
    made = settings([{"bind": "${ROACHPIN_TEST_EMPTY:-127.0.0.1}:${ROACHPIN_TEST_UNSET:-0}"}])
    made["cluster"]["nodes"][0]["host"] = "${ROACHPIN_TEST_HOST}"
    with Roachpin(made) as proxy:
        assert proxy.listeners[0].startswith("127.0.0.1:")


@pytest.mark.parametrize("text", [
    "", "[]", "just a word", "listeners:\n\t- bind: x\n", "listeners: [\n", "a: &a [*a]\n",
    "listeners: {}\ncluster: []\n", "\0\1\2", "? [complex]\n: key\n",
], ids=["empty", "a list", "a word", "tab", "unclosed", "alias", "wrong kinds", "binary", "odd key"])
def test_what_is_no_configuration_at_all(tmp_path, text):
    file = tmp_path / "roachpin.yaml"
    file.write_text(text)
    done = subprocess.run([BINARY, "run", "-c", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2, done
    assert str(file) in done.stderr and len(done.stderr.splitlines()) <= 10


@pytest.mark.parametrize("bind", ["0.0.0.0:0", "[::]:0"])
def test_plaintext_beyond_loopback_is_refused_unless_said_outright(settings, bind):
    code, said = refused_start(settings([{"bind": bind}]))
    assert code == 2 and "listeners[0].bind" in said
    code, said = refused_start(settings([{"bind": bind, "tls": {"auto": True}}]))
    assert code == 2 and "required" in said
    with Roachpin(settings([{"bind": bind, "tls": {"auto": True, "required": True}}])):
        pass
    with Roachpin(settings([{"bind": bind, "dangerous_plaintext_beyond_loopback": True}])):
        pass


def test_a_listener_as_a_node_is_refused(settings, postgres):
    code, said = refused_start(settings([{"bind": f"127.0.0.1:{postgres.port}"}]))
    assert code == 2 and "cluster.nodes[0].addresses[0]" in said


FILES = ["cluster.ca_file", "cluster.crl_file", "cluster.client_cert_file",
         "listeners[0].tls.cert_file", "listeners[0].tls.client_ca_file"]


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("content", ["", "no PEM in here\n"], ids=["empty", "no PEM"])
def test_a_file_that_holds_nothing_usable(settings, pki, tmp_path, path, content):
    bad = tmp_path / "bad.pem"
    bad.write_text(content)
    mine = pki.client("certified")
    made = settings(
        [{"bind": "127.0.0.1:0",
          "tls": {"cert_file": str(pki.node.cert), "key_file": str(pki.node.key)}}],
        cluster={"client_cert_file": str(mine.cert), "client_key_file": str(mine.key)})
    section, _, key = path.rpartition(".")
    target = made["cluster"] if section == "cluster" else made["listeners"][0]["tls"]
    target[key] = str(bad)
    code, said = refused_start(made)
    assert code == 2
    assert path in said and str(bad) in said


def test_a_file_that_two_parts_use_is_complained_of_once(settings, tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("no PEM in here\n")
    made = settings(health={"http": {"enabled": True}})
    made["cluster"]["ca_file"] = str(bad)
    code, said = refused_start(made)
    assert code == 2
    assert said.count(str(bad)) == 1


@pytest.mark.parametrize("pair", ["listener", "cluster"])
def test_a_key_that_does_not_belong_to_its_certificate(settings, pki, pair):
    mine = pki.client("certified")
    if pair == "listener":
        made = settings([{"bind": "127.0.0.1:0", "tls": {
            "cert_file": str(pki.node.cert), "key_file": str(mine.key)}}])
    else:
        made = settings(cluster={
            "client_cert_file": str(mine.cert), "client_key_file": str(pki.node.key)})
    code, said = refused_start(made)
    assert code == 2 and "key" in said
