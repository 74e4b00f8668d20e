"""A package of the program, where it can be fetched from, and a machine to install it on."""

import contextlib
import os
import shutil
import ssl
import subprocess
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from .roachpin import BINARY
from .waiting import until

CONTROL = """\
Package: roachpin-of-this-test
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.com>
Description: a program in a package
"""


def package(directory):
    """A .deb with the real program in it."""
    tree = directory / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(CONTROL)
    (tree / "usr" / "local" / "bin").mkdir(parents=True)
    shutil.copy(BINARY, tree / "usr" / "local" / "bin" / "roachpin")
    file = directory / "roachpin.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, file], check=True,
                   capture_output=True)
    return file


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(file, certificate):
    """Its address, from a server with this certificate."""
    server = HTTPServer(("127.0.0.1", 0), partial(_Files, directory=file.parent))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/{file.name}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def machine(place, folder):
    """A machine that is as this one, and forgotten afterwards: what is installed there is not here. What
    is in `place` is the same on both. It has no roachpin, and no package sources, so that nothing is
    fetched. Yields what a command there begins with; it runs in `folder`."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("mount namespaces are not allowed here")
    layers = place / "layers"
    layers.mkdir()
    root = layers / "root"
    script = f"""
        mount -t tmpfs tmpfs {layers}
        mkdir {layers}/upper {layers}/work {root}
        mount -t overlay -o lowerdir=/,upperdir={layers}/upper,workdir={layers}/work overlay {root}
        mount --rbind /dev {root}/dev
        mount --rbind /proc {root}/proc
        rm -rf {root}/etc/apt/sources.list {root}/etc/apt/sources.list.d/*
        rm -f {root}/usr/bin/roachpin {root}/usr/local/bin/roachpin
        mount --bind {place} {root}{place}
        exec chroot {root} sleep infinity"""
    holder = subprocess.Popen(["unshare", "--mount", "sh", "-euc", script])

    def has_its_root():
        assert holder.poll() is None, "the machine could not be made"
        return os.stat(f"/proc/{holder.pid}/root").st_dev != os.stat("/").st_dev

    try:
        until("the machine has its root", has_its_root)
        yield ["nsenter", f"--target={holder.pid}", "--mount", "--root", "env", "-C", folder]
    finally:
        holder.kill()
        holder.wait()
