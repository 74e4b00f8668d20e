"""A limit of open files that cannot hold what the configuration allows ends the start, with the
numbers; one that only has to be raised is raised."""

import re
import resource
from pathlib import Path

import pytest

from harness.certificates import NODE
from harness.drivers import LOGIN
from harness.fake_cockroach import FakeCockroach
from harness.roachpin import Roachpin, configuration, node, refused_start
from harness.wire import Wire


@pytest.fixture
def settings(pki):
    with FakeCockroach(pki.node) as fake:
        def make(**limits):
            return configuration(pki.ca, [node(NODE, fake.port)], limits=limits, workers=2)

        yield make


def open_files(soft, hard):
    """For a program that is to be started with these limits."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))}


def test_the_hard_limit_is_too_low(settings):
    code, said = refused_start(settings(max_connections=1000), **open_files(1024, 1024))
    assert code == 1
    found = re.search(r"need (\d+) file descriptors, and the hard limit of open files is 1024", said)
    assert found and int(found[1]) > 2000, said
    assert f"LimitNOFILE={found[1]}" in said
    # What it advises helps, either way.
    fitting = re.search(r"lower limits\.max_connections to (\d+)", said)
    assert fitting, said
    for limits, files in ((int(fitting[1]), 1024), (1000, int(found[1]))):
        with Roachpin(settings(max_connections=limits), **open_files(files, files)) as proxy:
            serves(proxy)


def test_the_limit_is_too_low_for_any_connection(settings):
    code, said = refused_start(settings(max_connections=1000), **open_files(64, 64))
    assert code == 1
    assert "hard limit of open files is 64" in said
    assert "lower limits.max_connections" not in said  # which would not help


def test_the_soft_limit_is_raised(settings):
    with Roachpin(settings(max_connections=1000), **open_files(64, 4096)) as proxy:
        limits = Path(f"/proc/{proxy.process.pid}/limits").read_text()
        assert re.search(r"Max open files\s+4096\s+4096\s", limits), limits
        clients = [Wire(proxy.port) for _ in range(100)]
        for client in clients:
            client.login("", **LOGIN)
        for client in clients:
            assert client.ask("SELECT 1") == ["SELECT 1"]
            client.socket.close()


def test_a_reload_that_would_need_more_changes_nothing(settings):
    with Roachpin(settings(max_connections=100), **open_files(1024, 1024)) as proxy:
        with proxy.expecting("reload_failed"):
            proxy.reconfigure({**proxy.settings, "limits": {"max_connections": 1000}})
        said = proxy.events("reload_failed")[-1]["reason"]
        assert "hard limit of open files is 1024" in said and "limits.max_connections" in said
        serves(proxy)


def serves(proxy):
    with Wire(proxy.port) as client:
        client.login("", **LOGIN)
        assert client.ask("SELECT 1") == ["SELECT 1"]
