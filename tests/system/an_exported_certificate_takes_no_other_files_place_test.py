"""`tls.export_file` is written when the start has succeeded, and never over what is read."""

import shutil
import socket

import pytest

from harness.roachpin import Roachpin, refused_start

MADE = {"auto": True}


def test_a_start_that_fails_leaves_the_running_ones_certificate_alone(settings, tmp_path):
    exported = tmp_path / "local.crt"
    tls = MADE | {"export_file": str(exported)}
    with Roachpin(settings([{"bind": "127.0.0.1:0", "tls": tls}])) as running:
        before = exported.read_bytes()
        assert before.startswith(b"-----BEGIN CERTIFICATE-----")
        assert running.port
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            code, said = refused_start(settings([{"bind": f"127.0.0.1:{port}", "tls": tls}]))
        assert code == 1
        assert "listeners[0].bind: cannot listen on" in said and "another program has it" in said
        assert exported.read_bytes() == before


@pytest.mark.parametrize("spelling", ["{0}/ca.crt", "{0}/../{1}/ca.crt", "{0}/link.crt"])
def test_not_over_a_file_that_is_read(settings, pki, tmp_path, spelling):
    shutil.copy(pki.ca, tmp_path / "ca.crt")
    (tmp_path / "link.crt").hardlink_to(tmp_path / "ca.crt")
    before = (tmp_path / "ca.crt").read_bytes()
    written = settings([{"bind": "127.0.0.1:0",
                         "tls": MADE | {"export_file": spelling.format(tmp_path, tmp_path.name)}}])
    written["cluster"]["ca_file"] = str(tmp_path / "ca.crt")
    code, said = refused_start(written)
    assert code == 2
    assert "listeners[0].tls.export_file" in said and "cluster.ca_file" in said
    assert "would be overwritten" in said
    assert (tmp_path / "ca.crt").read_bytes() == before


def test_two_listeners_do_not_share_one(settings, tmp_path):
    tls = MADE | {"export_file": str(tmp_path / "local.crt")}
    code, said = refused_start(settings([{"bind": "127.0.0.1:0", "tls": tls},
                                         {"bind": "[::1]:0", "tls": tls}]))
    assert code == 2
    assert "listeners[1].tls.export_file" in said and "listeners[0].tls.export_file" in said
    assert not (tmp_path / "local.crt").exists()
