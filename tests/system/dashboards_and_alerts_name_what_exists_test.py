"""config/prometheus and config/grafana: every metric, label and label value that they name is one of
roachpin's, every expression can be read, every alert is tested and has its runbook."""

import json
import re
from pathlib import Path

import pytest
import yaml

from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.metrics import scrape
from harness.prometheus import RULES, promtool
from harness.roachpin import Roachpin, configuration, node

CONFIG = Path(__file__).parents[2] / "config"
DASHBOARDS = sorted((CONFIG / "grafana").glob("*.json"))
RULE_FILES = [RULES / "roachpin.rules.yml", RULES / "roachpin.alerts.yml"]
OURS = re.compile(r"(?<![\w:])(?:roachpin|process)_\w+(?![\w:(])")
SELECTOR = re.compile(r"((?:roachpin|process)_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GIVEN = {"instance", "job", "le"}
"""Labels that Prometheus adds."""


def documented():
    """Of config/metrics.md: name → (kind, labels, what it says)."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$",
                      (CONFIG / "metrics.md").read_text(), re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), text)
            for name, kind, labels, text in rows}


METRICS = documented()
RULE_LIST = [rule for file in RULE_FILES
             for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"] for rule in RULE_LIST if "alert" in rule}


def panels(of):
    for panel in of.get("panels", []):
        yield panel
        yield from panels(panel)


def expressions():
    for rule in RULE_LIST:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for file in DASHBOARDS:
        for panel in panels(json.loads(file.read_text())):
            for target in panel.get("targets", []):
                yield panel["title"], target["expr"]


def base(name):
    """Of a histogram's series: the histogram."""
    for end in ("_bucket", "_sum", "_count"):
        if name.endswith(end) and METRICS.get(name.removesuffix(end), ("",))[0] == "histogram":
            return name.removesuffix(end)
    return name


def test_there_is_something_to_look_at():
    assert len(METRICS) > 30 and len(ALERTS) > 10 and DASHBOARDS
    assert sum(1 for _ in expressions()) > 50


@pytest.mark.parametrize("where, expression", expressions(),
                         ids=[f"{i}" for i, _ in enumerate(expressions())])
def test_every_name_exists(where, expression):
    named = {base(name) for name in OURS.findall(expression)}
    assert named <= set(METRICS), f"{where}: {named - set(METRICS)}"
    for name, matchers in SELECTOR.findall(expression):
        _, labels, text = METRICS[base(name)]
        for label, how, value in MATCHER.findall(matchers):
            assert label in labels | GIVEN, f"{where}: {name} has no label {label}"
            if label in ("state", "result", "reason", "direction", "phase") and how in ("=", "!="):
                assert re.search(rf"\b{value}\b", text), f"{where}: {label} is never {value}"


@pytest.mark.parametrize("where, expression", expressions(),
                         ids=[f"{i}" for i, _ in enumerate(expressions())])
def test_labels_that_are_grouped_by_exist(where, expression):
    labels = set().union(*(METRICS[base(name)][1] for name in OURS.findall(expression)
                           if base(name) in METRICS), GIVEN, {"kind", "listener"})
    for inside in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression):
        named = {one.strip() for one in inside.split(",") if one.strip()}
        assert named <= labels, f"{where}: {named - labels}"


def test_a_running_roachpin_has_what_the_reference_has(pki):
    with FakeCockroach(pki.node) as database, \
            Roachpin(configuration(pki.ca, [node(NODE, database.port)])) as proxy:
        text = proxy.get("/metrics")[2]
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        assert kinds and all(METRICS[name][0] == kind for name, kind in kinds.items())
        for name in kinds:
            for has, _ in scrape(proxy).all(name):
                assert set(has) == METRICS[name][1]


def test_promtool_reads_them_all(tmp_path):
    for words in (["check", "rules", *RULE_FILES], ["check", "config", RULES / "prometheus.yml"]):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    # Grafana's own variables stand for what Prometheus would be given.
    rules = [{"record": "dashboard:expression",
              "expr": text.replace("$__rate_interval", "5m").replace("$instance", ".*")}
             for _, text in expressions()]
    file = tmp_path / "dashboards.yml"
    file.write_text(yaml.safe_dump({"groups": [
        {"name": f"expression {i}", "rules": [rule]} for i, rule in enumerate(rules)]}))
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_in_one_test_and_is_silent_in_another():
    files = sorted((RULES / "tests").glob("*.yml"))
    done = promtool("test", "rules", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    # Each of them asks for everything that fires: what is not expected is expected to be silent.
    expected = [fired(case) for file in files for case in yaml.safe_load(file.read_text())["tests"]]
    assert set().union(*expected) == ALERTS
    assert all(any(name not in one for one in expected) for name in ALERTS)


def fired(case):
    """The alerts that a case of a rule's test wants to fire at some time."""
    names = {one["alertname"] for one in case.get("alert_rule_test", []) if one.get("exp_alerts")}
    for one in case.get("promql_expr_test", []):
        assert "ALERTS" in one["expr"]
        for sample in one.get("exp_samples", []):
            names |= set(re.findall(r'alertname="(\w+)"', sample["labels"]))
    return names


def test_every_alert_has_its_runbook():
    text = (RULES / "runbooks.md").read_text()
    assert set(re.findall(r"^## (\w+)$", text, re.M)) == ALERTS
    for rule in RULE_LIST:
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"] == f"runbooks.md#{rule['alert'].lower()}"
            assert rule["annotations"]["summary"] and rule["annotations"]["description"]
            assert rule["labels"]["severity"] in ("info", "warning", "critical")


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.name)
def test_a_dashboard_can_be_imported(file):
    dashboard = json.loads(file.read_text())
    ids = [panel["id"] for panel in panels(dashboard)]
    assert len(ids) == len(set(ids)) and dashboard["uid"] and dashboard["title"]
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"])))
    assert {one for one in used if not one.startswith("__")} <= variables
    assert "datasource" in variables
    for panel in panels(dashboard):
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
            assert panel["targets"], panel["title"]
