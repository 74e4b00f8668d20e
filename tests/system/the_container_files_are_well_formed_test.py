"""docker/ passes the checks of others (dockerfilelint, dclint with the Compose Specification's schema,
promtool), and what its files say of each other is true."""

import ipaddress
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.containers import PROJECT, VARIABLE, instructions
from harness.prometheus import promtool

DOCKER = PROJECT / "docker"
TOOLS = Path(__file__).parent / "node" / "node_modules" / ".bin"
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
    network = ipaddress.ip_network(compose["networks"]["demo"]["ipam"]["config"][0]["subnet"])
    at = {name: ipaddress.ip_address(service["networks"]["demo"]["ipv4_address"])
          for name, service in compose["services"].items()
          if isinstance(service.get("networks"), dict)}
    assert len(set(at.values())) == len(at) and all(address in network for address in at.values())
    nodes = [at[name] for name in at if name.startswith("crdb-")]
    (node,), (allowed,) = roachpin["cluster"]["nodes"], roachpin["cluster"]["nodes"][0]["allow"]
    allowed = ipaddress.ip_network(allowed)
    assert allowed.subnet_of(network)
    assert [name for name in at if at[name] in allowed] == ["crdb-0", "crdb-1", "crdb-2"]
    assert roachpin["resolver"]["servers"] == [str(at["dns"])]
    assert roachpin["listeners"][0]["bind"] == f"{at['roachpin']}:26257"
    zone = [line.split() for line in (DOCKER / "dns/zone/hosts").read_text().splitlines()]
    assert zone == [[str(address), node["host"]] for address in nodes]
    assert node["host"] in (DOCKER / "cluster/certificates.sh").read_text()


def test_prometheus_takes_its_configuration(tmp_path):
    (tmp_path / "prometheus.yml").write_text((DOCKER / "prometheus.yml").read_text())
    (tmp_path / "roachpin").symlink_to(PROJECT / "config/prometheus")
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


def test_grafana_finds_the_dashboard(compose):
    mounts = dict(line.split(":")[:2] for line in compose["services"]["grafana"]["volumes"])
    (provider,) = yaml.safe_load((DOCKER / "grafana/dashboards.yml").read_text())["providers"]
    folder = provider["options"]["path"]
    assert mounts["../config/grafana"] == folder
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(folder) and (PROJECT / "config/grafana" / Path(home).name).is_file()
    (source,) = yaml.safe_load((DOCKER / "grafana/datasource.yml").read_text())["datasources"]
    host, port = re.fullmatch(r"http://([^:]+):(\d+)", source["url"]).groups()
    assert compose["services"][host]["ports"] == [f"127.0.0.1:{port}:{port}"]
