"""scripts/soak, for a minute: nodes are killed, replaced and renewed, names poisoned, roachpin is
reloaded and replaced, and whoever works through it loses nothing but what ran on a killed node."""

import json
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from harness.process import Process
from harness.project import ROOT
from harness.roachpin import BINARY

SOAK = ROOT / "scripts" / "soak"


def test_a_minute(tmp_path):
    figures, image = tmp_path / "soak.json", tmp_path / "soak.svg"
    soak = Process([SOAK, "--minutes", "1", "--json", figures, "--svg", image, "--program", BINARY],
                   stream="stdout", stderr=None)
    try:
        code = soak.wait(within=900)
    except AssertionError:
        soak.stop(signal.SIGTERM)  # so that it leaves nothing behind
        raise
    print(soak.output)
    assert code == 0
    assert "Nothing is amiss." in soak.lines

    told = json.loads(figures.read_text())
    assert told["problems"] == [] and told["minutes"] == 1
    summary = told["summary"]
    assert summary["lost"] == 0 and summary["impostors"]["startup_octets"] == 0
    assert summary["done"]["statements"] > 1000 and summary["rows looked for"] > 500
    assert summary["statements of sessions on killed nodes"] + summary["turned away while idle"] > 0
    happened = {one["kind"] for one in told["disturbances"]}
    assert {"node killed", "takeover", "authority rotated", "impostor at a node's address",
            "name: NXDOMAIN", "reload", "hostile openings"} <= happened

    picture = xml.etree.ElementTree.fromstring(image.read_text())
    assert len(picture.findall("{*}polyline")) >= 1 + 3 * 2  # of two processes
    assert len(picture.findall("{*}rect")) > len(happened)


@pytest.mark.parametrize("words", [
    ["--minutes", "0"], ["--minutes", "1441"], ["--minutes", "soon"], ["--seed", "x"], ["--svg"],
    ["--minute"], ["60"]])
def test_usage(words):
    done = subprocess.run([SOAK, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--help" in done.stderr and not done.stdout
