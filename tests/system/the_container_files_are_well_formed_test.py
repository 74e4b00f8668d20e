"""docker/ passes the checks of others (dockerfilelint, dclint, the Compose Specification's schema,
promtool), and what its files and its README.md say of each other is true."""

import ipaddress
import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.certificates import NODE, Pki
from harness.containers import (
    ENTER, VARIABLE, image_root, instruction, instructions, only_as_root)
from harness.documents import Document
from harness.enter_root import USER
from harness.process import Process
from harness.project import ROOT
from harness.prometheus import promtool
from harness.roachpin import configuration, node, replace

DOCKER = ROOT / "docker"
README = Document("docker/README.md")
TYPED = [command for block in README.shell for command in block.commands]
NODE_FOLDER = Path(__file__).parent / "node"
TOOLS = NODE_FOLDER / "node_modules" / ".bin"
DOCKERFILES = ["Dockerfile", "app/Dockerfile", "dns/Dockerfile"]

# The order of keys is for people; what is built here has a name, and no version of its own.
OFF = ["no-build-and-image", "no-quotes-in-volumes", "require-quotes-in-ports",
       "service-dependencies-alphabetical-order", "service-image-require-explicit-tag",
       "service-keys-order", "service-ports-alphabetical-order", "services-alphabetical-order",
       "top-level-properties-order"]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(VARIABLE.sub(r"\2", (DOCKER / "compose.yaml").read_text()))


@pytest.fixture(scope="module")
def roachpin():
    return yaml.safe_load((DOCKER / "roachpin.yaml").read_text())


def dockerfilelint(path):
    done = subprocess.run([TOOLS / "dockerfilelint", "--output", "json", path],
                          capture_output=True, text=True, check=False)
    issues = [issue for file in json.loads(done.stdout)["files"] for issue in file["issues"]]
    # A stage of this very file has no tag to name.
    return [issue for issue in issues if issue["content"] != "FROM packages AS build"]


def dclint(folder, text):
    """The rules that a compose file breaks."""
    file, config = folder / "compose.yaml", folder / "dclint.json"
    file.write_text(text)
    config.write_text(json.dumps({"rules": dict.fromkeys(OFF, 0)}))
    done = subprocess.run([TOOLS / "dclint", "--config", config, "--formatter", "json", file],
                          capture_output=True, text=True, check=False)
    return {message["rule"] for found in json.loads(done.stdout) for message in found["messages"]}


def against_the_schema(compose):
    """What the Compose Specification's schema has against it."""
    done = subprocess.run(["node", NODE_FOLDER / "compose_schema.js"], input=json.dumps(compose),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_dockerfile(name, tmp_path):
    assert dockerfilelint(DOCKER / name) == []
    broken = tmp_path / "Dockerfile"
    broken.write_text((DOCKER / name).read_text() + "\nFROM debian:latest\nRUN sudo apt-get upgrade\n")
    assert dockerfilelint(broken), "the linter looks"
    words = dict(instructions(DOCKER / name))
    assert words["USER"].split(":")[0].isdecimal() and words["USER"][0] != "0"
    assert words["ENTRYPOINT"].startswith("["), "no shell in between: signals arrive"


def test_the_compose_file(tmp_path):
    text = (DOCKER / "compose.yaml").read_text()
    assert dclint(tmp_path, text) == set()
    for sound, broken in (("healthcheck:", "helthcheck:"), ("restart: unless-stopped", "restart: [1]"),
                          ("condition: service_healthy", "condition: service_fine"),
                          ('"127.0.0.1:8000:8000"', '"8000:8000"')):
        assert sound in text
        assert dclint(tmp_path, text.replace(sound, broken)), f"the linter sees {broken}"


def test_the_compose_file_keeps_the_specifications_schema(compose):
    assert against_the_schema(compose) == []
    for break_it, said in (
            (lambda one: one["services"]["app"].update(helthcheck={}), "/services/app"),
            (lambda one: one["services"]["app"].update(restart=[1]), "/services/app/restart"),
            (lambda one: one["services"]["app"]["depends_on"]["roachpin"].update(condition="fine"),
             "/services/app/depends_on"),
            (lambda one: one["networks"]["demo"]["ipam"]["config"][0].update(ip_ranges="no key"),
             "/networks/demo")):
        broken = json.loads(json.dumps(compose))
        break_it(broken)
        assert [one for one in against_the_schema(broken) if one.startswith(said)], said


def test_images_are_pinned_or_built_here(compose):
    for name, service in compose["services"].items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        if "build" in service:
            dockerfile = DOCKER / service["build"]["context"] / service["build"].get(
                "dockerfile", "Dockerfile")
            assert dockerfile.is_file(), name
            stages = [words.split() for word, words in instructions(dockerfile) if word == "FROM"]
            named = {words[2] for words in stages if len(words) == 3}
            assert {words[0] for words in stages} - named <= {
                "docker.io/library/debian:bookworm-slim", "scratch"}, name


def test_nobody_waits_for_what_never_comes(compose):
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            awaited = compose["services"][other]
            if how["condition"] == "service_healthy":
                built = other == "roachpin"  # whose image has a health check of its own
                assert built or awaited["healthcheck"]["test"][0] == "CMD", f"{name}: {other}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert "restart" not in awaited and "entrypoint" in awaited


def test_what_is_mounted_is_there(compose):
    named = set()
    for name, service in compose["services"].items():
        for source, *_ in (line.split(":") for line in service.get("volumes", [])):
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name}: {source}"
            else:
                named.add(source)
    assert named == set(compose["volumes"])


def test_only_loopback_is_published(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_nothing_that_is_ours_may_do_more_than_it_needs(compose):
    for name in ("roachpin", "app", "dns", "prometheus", "grafana"):
        service = compose["services"][name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"] and "cap_add" not in service


def test_addresses_agree(compose, roachpin):
    (pool,) = compose["networks"]["demo"]["ipam"]["config"]
    network, rest = (ipaddress.ip_network(pool[key]) for key in ("subnet", "ip_range"))
    at = {name: ipaddress.ip_address(service["networks"]["demo"]["ipv4_address"])
          for name, service in compose["services"].items()
          if isinstance(service.get("networks"), dict)}
    assert len(set(at.values())) == len(at) and all(address in network for address in at.values())
    nodes = [at[name] for name in at if name.startswith("crdb-")]
    (node,), (allowed,) = roachpin["cluster"]["nodes"], roachpin["cluster"]["nodes"][0]["allow"]
    allowed = ipaddress.ip_network(allowed)
    assert allowed.subnet_of(network)
    # Docker gives the others the next free address of ip_range, in whatever order they start.
    assert rest.subnet_of(network) and not rest.overlaps(allowed)
    assert not [name for name in at if at[name] in rest]
    without = [name for name, one in compose["services"].items() if "network_mode" not in one]
    assert len(without) - len(at) < rest.num_addresses - 2
    assert [name for name in at if at[name] in allowed] == ["crdb-0", "crdb-1", "crdb-2"]
    assert roachpin["resolver"]["servers"] == [str(at["dns"])]
    assert roachpin["listeners"][0]["bind"] == f"{at['roachpin']}:26257"
    zone = [line.split() for line in (DOCKER / "dns/zone/hosts").read_text().splitlines()]
    assert zone == [[str(address), node["host"]] for address in nodes]
    assert node["host"] in (DOCKER / "cluster/certificates.sh").read_text()
    (elsewhere,) = set(re.findall(r" /(172\.30\.57\.\d+) /", "\n".join(TYPED))) - set(map(str, nodes))
    elsewhere = ipaddress.ip_address(elsewhere)
    assert elsewhere in network and elsewhere not in at.values()
    assert elsewhere not in rest and elsewhere not in allowed


def test_prometheus_takes_its_configuration(tmp_path):
    (tmp_path / "prometheus.yml").write_text((DOCKER / "prometheus.yml").read_text())
    (tmp_path / "roachpin").symlink_to(ROOT / "config/prometheus")
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


def test_grafana_finds_the_dashboard(compose):
    mounts = dict(line.split(":")[:2] for line in compose["services"]["grafana"]["volumes"])
    (provider,) = yaml.safe_load((DOCKER / "grafana/dashboards.yml").read_text())["providers"]
    folder = provider["options"]["path"]
    assert mounts["../config/grafana"] == folder
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(folder) and (ROOT / "config/grafana" / Path(home).name).is_file()
    (source,) = yaml.safe_load((DOCKER / "grafana/datasource.yml").read_text())["datasources"]
    host, port = re.fullmatch(r"http://([^:]+):(\d+)", source["url"]).groups()
    assert compose["services"][host]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_grafana_shows_it_to_everybody_and_has_no_admin(compose):
    """Anonymous ones look at Grafana's first organisation, which it makes with or without an admin."""
    settings = compose["services"]["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert not {name for name in settings if name.startswith(("GF_AUTH_ANONYMOUS_ORG", "GF_SECURITY_ADMIN"))}


# --- README.md: what its commands of Docker's name, and what `docker run` there promises


def docker_run():
    """The options of the documented command, and what follows them."""
    (command,) = [one for one in TYPED if one.startswith("docker run ")]
    words, given = shlex.split(command)[2:], {}
    while words[0].startswith("-"):
        name = words.pop(0)
        given.setdefault(name, []).append(True if name in ("-d", "--read-only") else words.pop(0))
    return given, words


def test_docker_run_allows_no_more_than_compose_does(compose):
    given, image = docker_run()
    service = compose["services"]["roachpin"]
    said = {"read_only": given.pop("--read-only") == [True],
            "cap_drop": given.pop("--cap-drop"),
            "security_opt": [f"{option}:true" for option in given.pop("--security-opt")],
            "tmpfs": given.pop("--tmpfs"),
            "stop_grace_period": given.pop("--stop-timeout")[0] + "s"}
    assert said == {key: service[key] for key in said}
    assert [f"{name}:latest" for name in image] == [service["image"]]
    (mount,) = given.pop("-v")
    assert mount.endswith(f":{Path(instruction(DOCKER / 'Dockerfile', 'CMD')[-1]).parent}:ro")
    # No other option, least of all a user, or privileges.
    assert given == {"-d": [True], "--name": ["roachpin"], "--network": ["host"]}
    assert "user" not in service and "privileged" not in service
    assert instruction(DOCKER / "Dockerfile", "USER") == f"{USER}:{USER}"


def test_dockers_commands_name_what_is_there(compose):
    given, (image,) = docker_run()
    seen = set()
    for command in TYPED + README.spans:
        words = shlex.split(command)
        if words[0] != "docker":
            continue
        verb, words = words[1], words[2:]
        if verb == "build":
            assert words == ["-f", "docker/Dockerfile", "-t", image, "."]
        elif verb == "exec":
            assert words[:2] == given["--name"] + instruction(DOCKER / "Dockerfile", "ENTRYPOINT")
        elif verb == "kill":
            assert words == ["-s", "HUP", *given["--name"]]
        elif verb == "compose":
            assert words[:2] == ["-f", "docker/compose.yaml"]
            verb, words = f"compose {words[2]}", words[3:]
            arguments = {"compose up": ["--build", "--detach"], "compose down": ["--volumes"],
                         "compose kill": ["-s", "HUP"], "compose logs": []}[verb]
            assert words[:len(arguments)] == arguments
            named = words[len(arguments):]
            assert len(named) == (verb in ("compose kill", "compose logs"))
            assert set(named) <= set(compose["services"]), command
        else:
            assert verb == "run", command
        seen.add(verb)
    assert len(seen) == 8
    for file in ("Dockerfile", "compose.yaml"):  # which say themselves how they are used
        said = re.findall(r"^#   (docker .*)$", (DOCKER / file).read_text(), re.M)
        assert said and set(said) <= set(TYPED)


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    """The folder that `docker run` mounts, as the README says, and that command without Docker."""
    only_as_root()
    folder = tmp_path_factory.mktemp("run")
    root = image_root(folder / "root")
    here = folder / "roachpin"
    (here / "certs").mkdir(parents=True)
    authority = Pki(folder)
    for source, name in ((authority.ca, "certs/ca.crt"), (authority.node.cert, "local.crt"),
                         (authority.node.key, "local.key")):
        (here / name).write_text(source.read_text())
    command = "chown 65532 local.key && chmod 600 local.key"
    assert command in README.spans
    (here / "local.key").chmod(0o644)
    subprocess.run(["sh", "-euc", command], cwd=here, check=True)
    listener = {"bind": "127.0.0.1:0", "tls": {"cert_file": "local.crt", "key_file": "local.key"}}
    settings = configuration("certs/ca.crt", [node(NODE, 1)], [listener], start="wait")
    (here / "roachpin.yaml").write_text(yaml.safe_dump(settings))

    given, _ = docker_run()
    mounts = ["/proc:/proc:ro", "/dev:/dev", *(one.replace("$PWD", str(folder)) for one in given["-v"])]
    for line in given["--tmpfs"]:
        target, _, options = line.partition(":")
        options = dict(one.split("=") for one in options.split(","))
        (folder / "tmpfs").mkdir(mode=int(options["mode"], 8))
        os.chown(folder / "tmpfs", int(options["uid"]), int(options["gid"]))
        mounts.append(f"{folder / 'tmpfs'}:{target}")
    for line in mounts:
        (root / line.split(":")[1].lstrip("/")).mkdir(parents=True, exist_ok=True)
    return here, [*ENTER, str(root), *mounts, "--", *instruction(DOCKER / "Dockerfile", "ENTRYPOINT")]


def test_what_stands_for_docker_run_takes_away_the_same(mounted):
    """enter_root.py, by which the other tests run the image: each option of `docker run`, seen."""
    here, command = mounted
    for target, wanted in (("/new.yaml", 2), ("/etc/roachpin/new.yaml", 2), ("/run/roachpin/new.yaml", 0)):
        done = subprocess.run([*command, "init", "-o", target], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        assert done.returncode == wanted, f"{target}: {done.stderr}"
        assert (wanted == 0) == ("Read-only file system" not in done.stderr), done.stderr
    process = Process([*command, *instruction(DOCKER / "Dockerfile", "CMD")])
    try:
        process.wait_line('"listening"')
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert status["Uid"] == status["Gid"] == [str(USER)] * 4 and status["Groups"] == []
        assert {int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
        assert status["NoNewPrivs"] == ["1"]
        assert process.stop() == 0, process.output
    finally:
        process.kill()


def test_a_hang_up_reads_the_file_that_an_editor_has_put_there(mounted):
    here, command = mounted
    process = Process([*command, *instruction(DOCKER / "Dockerfile", "CMD")])
    try:
        process.wait_line('"listening"')
        sound = (here / "roachpin.yaml").read_text()
        replace(here / "roachpin.yaml", sound.replace("ca_file", "ca_fil"))
        process.send(signal.SIGHUP)
        assert "ca_fil" in process.wait_line('"reload_failed"')
        replace(here / "roachpin.yaml", sound)
        process.send(signal.SIGHUP)
        process.wait_line('"reloaded"')
        assert process.stop() == 0, process.output
    finally:
        process.kill()
