"""scripts/bench yields a figure of everything for every peer, and draws what it measured. How much
anything costs is never judged here: this machine is busy with other tests."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from types import SimpleNamespace

import pytest

from harness.certificates import TOOLS
from harness.project import ROOT
from harness.roachpin import BINARY

sys.path.append(str(ROOT / "tests" / "bench"))

from picture import PANELS, picture
from report import number

SVG = "{http://www.w3.org/2000/svg}"
PROXIES = {"roachpin", "haproxy", "stunnel", "pgbouncer"}
LABELS = {
    "transactions": PROXIES | {"direct"},
    "copy-out": PROXIES | {"direct"},
    "copy-in": PROXIES | {"direct"},
    "latency": PROXIES | {"direct"},
    "connect": PROXIES | {"direct", "roachpin, no spares"},
    "active": PROXIES | {"roachpin, 2 workers", "haproxy, 2 threads"},
    "sessions": PROXIES | {
        "roachpin, client TLS", "pgbouncer, client TLS", "roachpin, no proofs"},
}


def bench(*words):
    return subprocess.run(
        [ROOT / "scripts" / "bench", "--program", BINARY, *words], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=240,
        env={**os.environ, "ROACHPIN_TEST_BIN_DIR": str(TOOLS)})


def measured(directory, *words):
    made, drawn = directory / "figures.json", directory / "picture.svg"
    done = bench("--quick", "--json", made, "--svg", drawn, *words)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(text=done.stdout, data=json.loads(made.read_text()),
                           svg=drawn.read_text())


@pytest.fixture(scope="module")
def all_of_it(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("bench"))


def test_every_measure_has_a_figure_of_every_peer(all_of_it):
    found = all_of_it.data["measures"]
    assert {name: set(one["peers"]) for name, one in found.items()} == LABELS
    for name, measure in found.items():
        assert measure["title"] in all_of_it.text
        for label, peer in measure["peers"].items():
            assert peer["note"] is None
            for figure, one in peer["figures"].items():
                # Without a proxy there is none of its CPU.
                expected = 0 if (label, figure) == ("direct", "cpu") else 1
                assert len(one["rounds"]) == expected, (name, label, figure)
            main = peer["figures"][measure["main"]]
            if main["rounds"] and name != "latency":  # what is added may be chance alone
                assert main["median"] > 0, (name, label)


def test_each_speaks_to_the_server_as_it_is_said(all_of_it):
    seen = {name.split()[1]: text for name, text in all_of_it.data["about"].items()
            if name.startswith("TLS, ")}
    assert seen.pop("haproxy") == "none"
    assert set(seen) == PROXIES - {"haproxy"} | {"direct"}
    assert len(set(seen.values())) == 1 and seen["roachpin"].startswith("TLSv1.3 ")


def test_every_aim_is_judged(all_of_it):
    aims = all_of_it.data["aims"]
    assert {one["measure"] for one in aims} == {
        "transactions", "copy-out", "copy-in", "connect", "sessions"}
    for one in aims:
        assert one["met"] == (one["value"] <= one["most"])
        assert all_of_it.text.count(f"{one['of']}, aim: at most {one['most']}")


def test_the_picture_shows_the_figures_and_nothing_else(all_of_it):
    drawn = xml.fromstring(all_of_it.svg)
    assert all_of_it.svg == picture(all_of_it.data)
    assert {one.tag for one in drawn.iter()} == {
        SVG + tag for tag in ("svg", "title", "style", "rect", "path", "text")}
    found = all_of_it.data["measures"]
    figures = []
    for measure, figure, _ in PANELS:
        peers = found[measure]["peers"]
        shown = ["roachpin", "haproxy", "pgbouncer", "stunnel"]
        if measure == "connect":
            shown = ["roachpin", "roachpin, no spares", *shown[1:], "direct"]
        figures += [number(peers[one]["figures"][figure or found[measure]["main"]]["median"])
                    for one in shown]
    assert of_class(drawn, "text", "value") == figures
    assert len(of_class(drawn, "text", "title")) == len(PANELS)
    assert not of_class(drawn, "path", "whisker"), "a spread of one round"


def test_several_rounds_have_a_spread(tmp_path):
    two = measured(tmp_path, "--rounds", "2", "--only", "copy-out", "roachpin", "haproxy")
    (measure,) = two.data["measures"].values()
    assert set(measure["peers"]) == {"roachpin", "haproxy"}
    for peer in measure["peers"].values():
        one = peer["figures"]["cpu"]
        low, high = sorted(one["rounds"])
        assert (one["min"], one["max"], one["median"]) == (low, high, (low + high) / 2)
        assert f"({number(low)} to {number(high)})" in two.text
    drawn = xml.fromstring(two.svg)
    assert len(of_class(drawn, "path", "whisker")) == 2
    assert of_class(drawn, "text", "value") == [
        number(measure["peers"][one]["figures"]["cpu"]["median"])
        for one in ("roachpin", "haproxy")]
    assert {one["of"] for one in two.data["aims"]} == {"× haproxy"}, "nobody else was measured"


def test_what_it_does_not_know_is_refused():
    done = bench("--only", "elegance")
    assert done.returncode == 2 and "elegance" in done.stderr


def of_class(drawn, tag, name):
    return [one.text for one in drawn.iter(SVG + tag) if name in one.get("class", "").split()]
