"""`roachpin init` writes a configuration that `roachpin run` takes, once what nobody but its operator
knows is filled in."""

import re
import signal
import subprocess

import pytest
import yaml

from harness.certificates import NODE, Pki
from harness.postgres import DATABASE, PASSWORD, USER, free_port
from harness.process import Process
from harness.roachpin import BINARY, SANITIZER
from harness.wire import Wire

DONE, USAGE = 0, 2
LEFT = "left to fill in"


def roachpin(*words, **more):
    done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=20,
                          **{"stdin": subprocess.DEVNULL, **more})
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def complaints(config):
    """The keys that `roachpin run` refuses; it never gets further than that."""
    done = roachpin("run", "-c", config)
    assert done.returncode == USAGE, done.stderr
    return re.findall(r"^\S+?:\d+: ([^:]+): ", done.stderr, re.M)


@pytest.fixture
def haproxy(tmp_path):
    """Makes what `cockroach gen haproxy` would, for these servers."""

    def write(*servers, bind=":26257", check=""):
        lines = "".join(f"    server cockroach{i} {server}{check}\n"
                        for i, server in enumerate(servers, 1))
        file = tmp_path / "haproxy.cfg"
        file.write_text("global\n  maxconn 4096\n\ndefaults\n    mode                tcp\n"
                        "    timeout connect     5s\n    option              clitcpka\n\n"
                        f"listen psql\n    bind {bind}\n    mode tcp\n    balance roundrobin\n"
                        f"{lines}")
        return file

    return write


def test_a_template_says_what_is_to_be_filled_in(tmp_path):
    config = tmp_path / "roachpin.yaml"
    written = roachpin("init", "-o", config)
    assert written.returncode == DONE and written.stdout == ""
    assert LEFT in written.stderr
    assert complaints(config) == ["cluster.ca_file", "cluster.nodes[0].addresses"]
    assert all(f"{path}: " in written.stderr for path in complaints(config))
    assert roachpin("init").stdout == config.read_text()


def test_an_application_works_through_what_was_written(tmp_path, pki, postgres, haproxy):
    port = free_port()
    config = tmp_path / "made.yaml"
    balancer = haproxy(f"127.0.0.1:{postgres.port}", bind=f"127.0.0.1:{port}")
    written = roachpin("init", "--from-certs-dir", pki.directory, "--from-haproxy", balancer,
                       "-o", config)
    assert written.returncode == DONE and written.stderr == ""
    proxy = Process([BINARY, "run", "-c", config, "--admin", "127.0.0.1:0"])
    try:
        proxy.wait_line(" started ")
        with Wire(port) as client:
            client.login(PASSWORD, user=USER, database=DATABASE)
        proxy.send(signal.SIGTERM)
        assert proxy.wait() == 0
    finally:
        proxy.kill()


def test_a_folder_of_certificates_names_the_node(tmp_path, postgres):
    made = Pki(tmp_path / "certs", hosts=("crdb-0", NODE, "localhost", "127.0.0.1", "10.1.2.3"))
    client = made.client("app")
    config = tmp_path / "roachpin.yaml"
    written = roachpin("init", "--from-certs-dir", made.directory, "-o", config)
    assert written.returncode == DONE and written.stderr == ""
    read = yaml.safe_load(config.read_text())
    assert read["cluster"]["ca_file"] == str(made.ca.resolve())
    assert read["cluster"]["nodes"] == [{"host": NODE, "port": 26257, "addresses": ["10.1.2.3"]}]
    assert "client_cert_file" not in read["cluster"], "a login that nobody asked for"
    assert str(client.cert.resolve()) in config.read_text(), "it is offered in a comment"


def test_names_of_a_balancer_need_the_networks_they_are_in(tmp_path, pki, haproxy):
    config = tmp_path / "roachpin.yaml"
    balancer = haproxy("10.1.2.3:26257", "roach2.internal:26258", check=" check port 8080")
    written = roachpin("init", "--from-haproxy", balancer, "--from-certs-dir", pki.directory,
                       "-o", config)
    assert written.returncode == DONE
    assert "127.0.0.1:26257" in written.stderr, "that applications elsewhere are cut off is said"
    assert complaints(config) == ["cluster.nodes[1].allow", "resolver.servers"]
    text = config.read_text()
    text = text.replace("allow: []", "allow: [10.1.0.0/16]").replace(
        "servers: []", "servers: [127.0.0.1:1]")
    config.write_text(text)
    # What reads the configuration to its end has taken it: no server answers at that port.
    assert roachpin("resolve", "roach2.internal", "-c", config).returncode == 3


@pytest.mark.parametrize("server", [
    "x:1\\nadmin:", '"},{host:', "a:26257\u0085b", "*anchor:26257", "${HOME}:26257", "a b:1",
])
def test_a_hostile_name_adds_no_key(tmp_path, pki, haproxy, server):
    written = roachpin("init", "--from-haproxy", haproxy("10.1.2.3:26257", server),
                       "--from-certs-dir", pki.directory)
    assert written.returncode == DONE
    read = yaml.safe_load(written.stdout)
    assert set(read) == {"listeners", "cluster", "balance"}
    assert [node["host"] for node in read["cluster"]["nodes"]] == ["10.1.2.3"]
    assert "was left out" in written.stderr


def test_a_file_is_replaced_only_by_force(tmp_path):
    config = tmp_path / "roachpin.yaml"
    config.write_text("mine")
    refused = roachpin("init", "-o", config)
    assert refused.returncode == USAGE and "--force" in refused.stderr
    assert config.read_text() == "mine"
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "nowhere")
    assert roachpin("init", "-o", link).returncode == USAGE and link.is_symlink()
    assert roachpin("init", "-o", config, "--force").returncode == DONE
    assert config.read_text() == roachpin("init").stdout


@pytest.mark.parametrize("words", [
    ["--from-haproxy", "missing.cfg"], ["--from-certs-dir", "missing"], ["--from-certs-dir", "."],
    ["-o", "no/such/folder/file"], ["--from-haproxy"], ["extra"],
])
def test_what_cannot_be_read_or_written(tmp_path, words):
    done = roachpin("init", *words, cwd=tmp_path)
    assert done.returncode == USAGE and done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_full_stdout_is_no_success():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([BINARY, "init"], stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == USAGE and b"stdout" in done.stderr
