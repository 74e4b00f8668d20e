"""config/kubernetes as kubectl renders it, and what kubelet would do with it."""

import functools
import http.client
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from .project import ROOT
from .waiting import PATIENCE

FOLDER = ROOT / "config" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
SCHEMAS = Path(__file__).parents[1] / "node" / "kubernetes_schemas.js"

SQL, ADMIN = 26257, 9257


OLDEST = (1, 29)


def _run(*words):
    return subprocess.run(["kubectl", *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


@functools.lru_cache
def _no_kubectl():
    """Why there is none that these tests can use; None where there is."""
    needed = f"kubectl {OLDEST[0]}.{OLDEST[1]} or newer is needed"
    if not shutil.which("kubectl"):
        return f"{needed}, and there is none (https://kubernetes.io/docs/tasks/tools/)"
    said = _run("version", "--client", "-o", "json").stdout
    version = json.loads(said)["clientVersion"]
    if tuple(int(version[part].rstrip("+")) for part in ("major", "minor")) < OLDEST:
        return f"{needed}, and this is {version['gitVersion']}: it cannot render kustomizations"
    return None


def kubectl(*words):
    """Of what needs no cluster. Debian's kubernetes-client is too old. CI has one, and skips
    nothing."""
    if _no_kubectl() and not os.environ.get("CI"):
        pytest.skip(_no_kubectl())
    assert not _no_kubectl(), _no_kubectl()
    return _run(*words)


@functools.lru_cache
def _rendered_text(overlay):
    done = kubectl("kustomize", FOLDER / "overlays" / overlay)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def rendered(overlay):
    """Its objects."""
    return list(yaml.safe_load_all(_rendered_text(overlay)))


def schema_problems(objects):
    """What is wrong with them by the schemas of Kubernetes and of the operators."""
    done = subprocess.run(["node", SCHEMAS], input=json.dumps(objects), capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_kind(objects, kind, name=None):
    """The one object of that kind, and of that name where there are several."""
    (found,) = [one for one in objects
                if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    return found


def pod_templates(objects):
    """Every pod that these objects would make."""
    for one in objects:
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield template


def pod_template(overlay):
    (template,) = pod_templates(rendered(overlay))
    return template


def containers(template):
    return template["spec"].get("initContainers", []) + template["spec"]["containers"]


def container(template, name="roachpin"):
    (found,) = [one for one in containers(template) if one["name"] == name]
    return found


def configuration_text(overlay):
    """roachpin.yaml as it is in the ConfigMap."""
    return of_kind(rendered(overlay), "ConfigMap")["data"]["roachpin.yaml"]


def free_pod_address():
    """A loopback address at which nobody uses the ports that the manifests name."""
    while True:
        address = "127." + ".".join(str(random.randrange(64, 255)) for _ in range(3))
        with socket.socket() as sql, socket.socket() as admin:
            try:
                sql.bind((address, SQL))
                admin.bind((address, ADMIN))
                return address
            except OSError:
                continue


class Volume:
    """A ConfigMap or Secret, mounted: kubelet writes a new folder and swaps the link `..data`."""

    _versions = itertools.count()

    def __init__(self, path, mode=0o644, fs_group=None, **files):
        """Its files belong to whoever runs the test, as kubelet's do to root."""
        self._path = path
        self._mode = mode
        self._group = -1 if fs_group is None else fs_group
        path.mkdir(parents=True)
        self.write(**files)

    def write(self, **files):
        """All files of a version, "_" in their names for "."."""
        link = self._path / "..data"
        old = link.resolve() if link.is_symlink() else None
        new = self._path / f"..2026_11_24_{next(self._versions):04}"
        new.mkdir()
        for name, text in files.items():
            name = name.replace("_", ".")
            (new / name).write_text(text)
            os.chown(new / name, -1, self._group)
            (new / name).chmod(self._mode)
            if not (self._path / name).is_symlink():
                (self._path / name).symlink_to(f"..data/{name}")
        beside = self._path / "..data_tmp"
        beside.symlink_to(new.name)
        beside.rename(link)
        if old:
            shutil.rmtree(old)


def probe(template, name, address, of="roachpin"):
    """What kubelet's httpGet gets from a pod at that address."""
    described = container(template, of)
    asked = described[name]["httpGet"]
    ports = {port["name"]: port["containerPort"] for port in described["ports"]}
    connection = http.client.HTTPConnection(address, ports[asked["port"]], timeout=PATIENCE)
    try:
        connection.request("GET", asked["path"])
        return connection.getresponse().status
    finally:
        connection.close()
