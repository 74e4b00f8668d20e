"""config/kubernetes: every overlay renders, keeps Kubernetes' schemas and the restricted pod
standard, and says the same as the roachpin.yaml in it."""

import copy
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from harness import kubernetes
from harness.kubernetes import ADMIN, FOLDER, OVERLAYS, SQL, container, containers, of_kind
from harness.roachpin import BINARY

UID = 65532
FREE = {"labels", "matchLabels", "data", "requests", "limits"}
"""Maps whose keys are the writer's own."""


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request):
    return request.param


@pytest.fixture(scope="module")
def objects(overlay):
    return kubernetes.rendered(overlay)


@pytest.fixture(scope="module")
def template(objects):
    (only,) = kubernetes.pod_templates(objects)
    return only


@pytest.fixture(scope="module")
def settings(objects):
    return yaml.safe_load(of_kind(objects, "ConfigMap")["data"]["roachpin.yaml"])


def test_there_is_something_to_look_at():
    assert {"sidecar", "cronjob", "job-before-1.29", "daemonset"} == set(OVERLAYS)


def test_overlays_stand_beside_each_other():
    """What two of them write under one name is the same, or the one applied last would change the
    other's pods."""
    written = {}
    for one in [one for name in OVERLAYS for one in kubernetes.rendered(name)]:
        name = one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]
        assert written.setdefault(name, one) == one, name
    assert len(written) < sum(len(kubernetes.rendered(name)) for name in OVERLAYS)


def test_every_image_is_yours_to_name(overlay, template):
    """And roachpin's version is this one."""
    images = {one["name"]: one["image"] for one in containers(template)}
    assert all(image.startswith("registry.example/") for image in images.values()), images
    project = (FOLDER.parents[1] / "CMakeLists.txt").read_text()
    version = re.search(r"^project\(roachpin VERSION ([\d.]+)", project, re.M)[1]
    assert images["roachpin"] == f"registry.example/roachpin:{version}"
    lines = (FOLDER / "overlays" / overlay / "kustomization.yaml").read_text().splitlines()
    named = [line for line in lines if "newName" in line]
    assert named and all(line.endswith("# yours") for line in named), named


OPERATORS = {"PodMonitor": "monitoring.coreos.com/v1", "Certificate": "cert-manager.io/v1"}


def test_without_operators_a_line_is_taken_out(overlay, objects, tmp_path):
    """As the comments beside those lines say, and the page before the first that needs them."""
    needed = {one["kind"]: one["apiVersion"] for one in objects
              if "." in one["apiVersion"].partition("/")[0]
              and not one["apiVersion"].partition("/")[0].endswith(".k8s.io")}
    assert needed and needed.items() <= OPERATORS.items()
    before = README.partition(f"kubectl apply -k config/kubernetes/overlays/{overlay}\n")[0]
    assert all(f'no matches for kind "{kind}"' in before for kind in needed)
    shutil.copytree(FOLDER, tmp_path / "copy")
    for file in (tmp_path / "copy").rglob("kustomization.yaml"):
        left = [line for line in file.read_text().splitlines()
                if "take it out where there is no" not in line]
        file.write_text("\n".join(left))
    done = kubernetes.kubectl("kustomize", tmp_path / "copy" / "overlays" / overlay)
    assert done.returncode == 0, done.stderr
    assert list(yaml.safe_load_all(done.stdout)) == \
        [one for one in objects if one["kind"] not in needed]


# --- schemas


def places(value, path=()):
    """Every field of an object: the map that it is in, its key, and its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key, (*path, key)
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def spoilt(one):
    """The object with one mistake, in each field in turn: a wrong type, or a misspelt name."""
    for _, key, path in places(one):
        labels = one["kind"] == "Service" and path[:2] == ("spec", "selector") and len(path) == 3
        if labels or FREE & set(path[:-1]) or path[0] in ("apiVersion", "kind"):
            continue
        if not isinstance(at(one, path), (dict, list)):
            wrong = copy.deepcopy(one)
            at(wrong, path[:-1])[key] = {"of": ["another", "type"]}
            yield path, wrong
        wrong = copy.deepcopy(one)
        inside = at(wrong, path[:-1])
        inside[key + "z"] = inside.pop(key)
        yield path, wrong


def test_the_schemas_are_kept(objects):
    assert kubernetes.schema_problems(objects) == []


def test_the_schemas_are_held_to(objects):
    """Each mistake on its own would be seen: it has an object, and a name, of its own."""
    broken, names = [], []
    for one in objects:
        for path, wrong in spoilt(one):
            if path == ("metadata", "name"):
                continue  # by which the others are told apart
            names.append(f"mistake-{len(broken)}.")
            wrong.setdefault("metadata", {})["name"] = names[-1]
            broken.append(wrong)
    assert len(broken) > 50
    said = " ".join(kubernetes.schema_problems(broken))
    missed = [broken[number] for number, name in enumerate(names) if name not in said]
    assert not missed, json.dumps(missed[:2], indent=1)


# --- the restricted pod standard, and more


def violations(template):
    pod = template["spec"]
    context = pod.get("securityContext", {})
    rules = {
        "runAsNonRoot": context.get("runAsNonRoot") is True and context.get("runAsUser") == UID
                        and context.get("runAsGroup") == UID,
        "seccompProfile": context.get("seccompProfile") == {"type": "RuntimeDefault"},
        "no token": pod.get("automountServiceAccountToken") is False,
        "no host": not {"hostNetwork", "hostPID", "hostIPC"} & set(pod),
        "volumes": all(set(volume) - {"name"} <= {"configMap", "secret", "emptyDir"}
                       for volume in pod["volumes"]),
        "roachpin": any(one["name"] == "roachpin" for one in containers(template)),
    }
    for one in containers(template):
        own = one.get("securityContext", {})
        resources = one.get("resources", {})
        rules |= {f"{one['name']}: {name}": kept for name, kept in {
            "read-only root": own.get("readOnlyRootFilesystem") is True,
            "no escalation": own.get("allowPrivilegeEscalation") is False,
            "no capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "the pod's user": not set(own) - {"readOnlyRootFilesystem", "capabilities",
                                              "allowPrivilegeEscalation"},
            "requests": {"cpu", "memory"} <= set(resources.get("requests", {})),
            "memory limit": "memory" in resources.get("limits", {}),
            # A processor limit would hold up a handshake for the rest of a period.
            "no cpu limit": "cpu" not in resources.get("limits", {}),
            "a tag": re.search(r":\d[\w.]*$", one["image"]) is not None,
            "no subPath": not any("subPath" in mount for mount in one.get("volumeMounts", [])),
            "probes": one["name"] != "roachpin" or probes(one) == PROBES,
            "no shell": one["name"] != "roachpin" or "command" not in one,
            # What asks the database must not restart the pod.
            "liveness of its own": "livenessProbe" not in one or
                one["livenessProbe"]["httpGet"] != one.get("readinessProbe", {}).get("httpGet"),
        }.items()}
    return sorted(name for name, kept in rules.items() if not kept)


PROBES = {"startupProbe": "/startupz", "readinessProbe": "/readyz?mode=process",
          "livenessProbe": "/livez"}


def probes(one):
    return {name: one[name]["httpGet"]["path"] for name in PROBES
            if one.get(name, {}).get("httpGet", {}).get("port") == "roachpin-admin"}


def test_every_pod_is_restricted(template):
    assert violations(template) == []


def test_the_rules_are_held_to():
    """Without any one of these lines the pod is refused."""
    whole = kubernetes.pod_template("sidecar")
    lines = [("securityContext",), ("securityContext", "runAsNonRoot"),
             ("securityContext", "runAsUser"), ("securityContext", "seccompProfile"),
             ("automountServiceAccountToken",)]
    for each in ("initContainers", "containers"):
        lines += [(each, 0, *line) for line in [
            ("securityContext",), ("securityContext", "readOnlyRootFilesystem"),
            ("securityContext", "allowPrivilegeEscalation"), ("securityContext", "capabilities"),
            ("resources", "requests"), ("resources", "limits"), ("resources", "limits", "memory")]]
    lines += [("initContainers", 0, probe) for probe in PROBES]
    for line in lines:
        broken = copy.deepcopy(whole)
        del at(broken["spec"], line[:-1])[line[-1]]
        assert violations(broken), line
    (bank,) = (broken := copy.deepcopy(whole))["spec"]["containers"]
    bank["livenessProbe"] = bank["readinessProbe"]
    assert violations(broken) == ["bank: liveness of its own"]


# --- roachpin.yaml


def checked(text, directory, **environment):
    """`roachpin check --offline`, with the folders of a pod beneath `directory`."""
    for name in ("etc/roachpin", "run/roachpin"):
        text = text.replace(f"/{name}", str(directory / name))
    file = directory / "roachpin.yaml"
    file.write_text(text)
    return subprocess.run(
        [BINARY, "check", "--offline", "--format", "json", "-c", file], capture_output=True,
        text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"], **environment})


@pytest.fixture
def pod(tmp_path, pki):
    """The folders that the manifests mount, and what is in them."""
    (tmp_path / "etc/roachpin/ca").mkdir(parents=True)
    (tmp_path / "etc/roachpin/ca/ca.crt").write_text(pki.ca.read_text())
    (tmp_path / "run/roachpin").mkdir(parents=True)
    (tmp_path / "etc/roachpin/tls").mkdir()
    (tmp_path / "etc/roachpin/tls/tls.crt").write_text(pki.node.cert.read_text())
    key = tmp_path / "etc/roachpin/tls/tls.key"
    key.write_text(pki.node.key.read_text())
    key.chmod(0o400)
    return tmp_path


NO_PRESTOP = {
    "sidecar": "kubelet runs a sidecar's preStop beside the application's, and waits for the "
               "application's end in any case",
    "cronjob": "the same",
    "job-before-1.29": "no service sends anybody; drain.timeout is the job's time to end",
}


def prestop(one):
    """Seconds for which kubelet sleeps before it sends SIGTERM."""
    return one["lifecycle"]["preStop"]["sleep"]["seconds"] if "lifecycle" in one else 0


def native(template):
    """Whether roachpin is a native sidecar."""
    return container(template) in template["spec"].get("initContainers", []) and \
        container(template).get("restartPolicy") == "Always"


class TestConfiguration:
    def test_it_passes(self, overlay, pod):
        done = checked(kubernetes.configuration_text(overlay), pod, POD_IP="10.244.1.7")
        assert done.returncode == 0, done.stderr
        # What is left is low: a lock of one's own, and a DNS server without TLS.
        severities = {one["severity"] for one in json.loads(done.stdout)["findings"]}
        assert severities <= {"low", "info"}, done.stdout

    def test_an_ipv6_pod_needs_brackets(self, overlay, pod):
        text = kubernetes.configuration_text(overlay)
        refused = checked(text, pod, POD_IP="fd00:10:244::7")
        assert refused.returncode == 2 and "admin.bind" in refused.stderr
        text = text.replace('"${POD_IP}:', '"[${POD_IP}]:')
        assert checked(text, pod, POD_IP="fd00:10:244::7").returncode == 0

    def test_without_the_pods_address_it_is_refused(self, overlay, pod):
        done = checked(kubernetes.configuration_text(overlay), pod)
        assert done.returncode == 2 and "POD_IP" in done.stderr

    def test_what_it_reads_is_mounted(self, template, settings):
        """Each folder of a file in it is a volume or a folder within one."""
        one = container(template)
        mounts = {mount["mountPath"]: mount for mount in one["volumeMounts"]}
        listed = [settings["cluster"]["ca_file"], one["args"][2]]
        for listener in settings["listeners"]:
            listed += [listener["tls"][key] for key in ("cert_file", "key_file")
                       if key in listener["tls"]]
        assert one["args"][:2] == ["run", "-c"]
        for file in listed:
            assert any(file.startswith(mount + "/") for mount in mounts), file
        volumes = {volume["name"] for volume in template["spec"]["volumes"]}
        assert {mount["name"] for each in containers(template)
                for mount in each.get("volumeMounts", [])} == volumes

    def test_the_environment_is_given(self, template, objects):
        text = of_kind(objects, "ConfigMap")["data"]["roachpin.yaml"]
        wanted = set(re.findall(r"\$\{(\w+)\}", text))
        given = {one["name"]: one["valueFrom"] for one in container(template)["env"]}
        assert wanted == set(given) == {"POD_IP"}
        assert given["POD_IP"] == {"fieldRef": {"fieldPath": "status.podIP"}}

    def test_clients_that_the_service_still_sends_are_served(self, overlay, template, settings):
        """By a preStop, for longer than the service needs to notice; or there is nobody to send any."""
        slept = prestop(container(template))
        assert (slept >= 5) != (overlay in NO_PRESTOP)
        if not slept:
            assert settings["listeners"][0]["bind"].startswith("127."), NO_PRESTOP[overlay]
            assert overlay == "job-before-1.29" or native(template), NO_PRESTOP[overlay]
        assert settings["drain"]["delay"] == "0s"

    def test_the_drain_fits_the_grace_period(self, template, settings):
        drain = [int(settings["drain"][key].removesuffix("s")) for key in ("delay", "timeout")]
        drain.append(prestop(container(template)))
        grace = template["spec"]["terminationGracePeriodSeconds"]
        # The application of a native sidecar ends first, in the same time.
        assert sum(drain) + (40 if native(template) else 5) <= grace

    def test_all_is_the_same_but_where_it_must_differ(self, overlay, settings):
        """What names the cluster stands in three files."""
        base = yaml.safe_load((FOLDER / "base/roachpin.yaml").read_text())
        differs = {"sidecar": set(), "cronjob": set(), "job-before-1.29": {"admin"},
                   "daemonset": {"listeners", "drain"}}[overlay]
        assert {key for key in base | settings if base.get(key) != settings.get(key)} == differs
        if overlay == "job-before-1.29":
            assert {**base["admin"], "control": "unix:/run/roachpin/control.sock"} == \
                settings["admin"]

    def test_it_trusts_no_wide_network(self, settings):
        for node in settings["cluster"]["nodes"]:
            assert node["network"] == "private" and node["allow"]
        assert settings["start"] == "wait"

    def test_a_change_reaches_running_pods(self, overlay, objects, template):
        name = of_kind(objects, "ConfigMap")["metadata"]["name"]
        assert name == ("roachpin-job" if overlay == "job-before-1.29" else "roachpin")  # no hash
        assert {"name": "roachpin-config", "configMap": {"name": name}} in \
            template["spec"]["volumes"]


def test_the_sidecars_are_one():
    """What is said of roachpin beside a Deployment holds beside a job."""
    assert container(kubernetes.pod_template("sidecar")) == \
        container(kubernetes.pod_template("cronjob"))
    old = container(kubernetes.pod_template("job-before-1.29"))
    assert container(kubernetes.pod_template("sidecar")) == {
        **old, "restartPolicy": "Always", "volumeMounts": old["volumeMounts"][:2]}


# --- who may talk to whom


def ports(rule):
    return {(port["protocol"], port["port"]) for port in rule["ports"]}


class TestNetwork:
    def test_roachpin_reaches_the_database_and_dns_alone(self, objects, settings):
        spec = of_kind(objects, "NetworkPolicy", "roachpin")["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        database, dns = spec["egress"]
        node_ports = {node.get("port", SQL) for node in settings["cluster"]["nodes"]}
        assert settings["health"]["http"]["enabled"]
        health = settings["health"]["http"].get("port", 8080)
        assert ports(database) == {("TCP", port) for port in node_ports | {health}}
        assert ports(dns) == {("TCP", 53), ("UDP", 53)}
        for rule in (*spec["egress"], *spec["ingress"]):
            for peer in rule.get("to", rule.get("from")):
                assert peer["namespaceSelector"]["matchLabels"], "anybody"

    def test_the_metrics_are_for_monitoring_alone(self, objects, template, settings):
        (rule,) = of_kind(objects, "NetworkPolicy", "roachpin")["spec"]["ingress"]
        assert settings["admin"]["bind"] == f"${{POD_IP}}:{ADMIN}"
        assert ports(rule) == {("TCP", ADMIN)}
        (endpoint,) = of_kind(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]
        named = {port["name"]: port["containerPort"] for port in container(template)["ports"]}
        assert named[endpoint["port"]] == ADMIN and endpoint["path"] == "/metrics"

    def test_every_selector_selects_the_pod(self, objects, template):
        labels = template["metadata"]["labels"].items()
        for one in objects:
            spec = one.get("spec", {})
            for key in ("podSelector", "selector"):
                selector = spec.get(key, {})
                wanted = selector.get("matchLabels", selector)
                assert wanted.items() <= labels, (one["kind"], wanted)

    def test_a_listener_beyond_loopback_is_behind_tls(self, objects, template, settings):
        (listener,) = settings["listeners"]
        if listener["bind"].startswith("127."):
            assert listener["tls"] == {"auto": True}
            return
        assert listener["bind"] == f"${{POD_IP}}:{SQL}" and listener["tls"]["required"] is True
        assert listener["allow_from"] == settings["cluster"]["nodes"][0]["allow"]
        (rule,) = of_kind(objects, "NetworkPolicy", "roachpin-clients")["spec"]["ingress"]
        assert ports(rule) == {("TCP", SQL)}
        service = of_kind(objects, "Service")
        assert service["spec"]["internalTrafficPolicy"] == "Local"
        (port,) = service["spec"]["ports"]
        named = {one["name"]: one["containerPort"] for one in container(template)["ports"]}
        assert port["port"] == SQL == named[port["targetPort"]]
        names = of_kind(objects, "Certificate")["spec"]["dnsNames"]
        assert f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc" in names


# --- README.md


README = (FOLDER / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
            for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def offline(words):
    """A command of the page as far as it goes without a cluster; None where there is nothing."""
    if words[:3] == ["kubectl", "apply", "-k"]:
        return ["kustomize", FOLDER.parents[1] / words[3]]
    if "create" in words:
        return [*words[1:], "--dry-run=client", "-o", "yaml"]
    if words[:3] == ["kubectl", "label", "namespace"]:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": words[3]}}
        Path("namespace.yaml").write_text(yaml.safe_dump(namespace))
        return ["label", "--local", "-f", "namespace.yaml", *words[4:], "-o", "yaml"]
    return None


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_works(command, tmp_path, monkeypatch, pki):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.crt").write_text(pki.ca.read_text())
    (tmp_path / "tls.crt").write_text(pki.node.cert.read_text())
    (tmp_path / "tls.key").write_text(pki.node.key.read_text())
    first, _, rest = command.partition(" | ")
    first, _, into = first.partition(" > ")
    words = shlex.split(first)
    assert words[0] == "kubectl", command
    instead = offline(words)
    if instead:
        done = kubernetes.kubectl(*instead)
        assert done.returncode == 0 and done.stdout, done.stderr
        assert list(yaml.safe_load_all(done.stdout))
        return
    # The others get something: the same output format, of an object made here.
    kind, name, output = words[words.index("get") + 1], *words[-2:]
    assert kind in ("configmap", "secret"), command
    made = ["create", kind, *(["generic"] if kind == "secret" else []), name,
            "--from-file=ca.crt", "--dry-run=client", "-o", output.removeprefix("-o=")]
    done = kubernetes.kubectl(*made)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    if rest:
        text = subprocess.run(rest.partition(" > ")[0], shell=True, input=text, check=True,
                              capture_output=True, text=True).stdout
    assert text == pki.ca.read_text()
    assert into or " > " in rest


def test_every_namespace_is_held_to_the_restricted_standard():
    """On the page, before anything is made in it."""
    made = [words[3] for words in map(shlex.split, COMMANDS) if words[1:3] == ["create", "namespace"]]
    used = {one["metadata"]["namespace"] for name in OVERLAYS for one in kubernetes.rendered(name)}
    assert sorted(made) == sorted(used)
    for name in made:
        after = COMMANDS[COMMANDS.index(f"kubectl create namespace {name}") + 1]
        assert after == \
            f"kubectl label namespace {name} pod-security.kubernetes.io/enforce=restricted"


def test_the_page_names_what_is_there():
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (FOLDER / path).exists(), path
    for name in OVERLAYS:
        assert f"overlays/{name}" in README
