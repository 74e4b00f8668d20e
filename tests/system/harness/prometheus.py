"""Debian's Prometheus, with roachpin's own rules, and its promtool."""

import contextlib
import http.client
import json
import subprocess
import tempfile
from pathlib import Path

import yaml

from .dns_servers import free_port
from .process import Process
from .waiting import PATIENCE, until

RULES = Path(__file__).parents[3] / "config" / "prometheus"


def promtool(*words, text=None, cwd=None):
    return subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True,
                          text=True, check=False, cwd=cwd)


class Prometheus:
    """Asks `target` (address and port) often. As a context manager, its end ends it."""

    def __init__(self, target):
        self._directory = tempfile.TemporaryDirectory(prefix="roachpin-prometheus-")
        folder = Path(self._directory.name)
        settings = yaml.safe_load((RULES / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "250ms", "scrape_timeout": "250ms",
                              "evaluation_interval": "250ms"}
        settings["rule_files"] = [str(RULES / name) for name in settings["rule_files"]]
        settings["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(settings))
        self._port = free_port("127.0.0.1")
        self._process = Process([
            "/usr/bin/prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self._port}"])

    def __enter__(self):
        until("Prometheus answers", self._is_ready)
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._directory.cleanup()

    def ask(self, path):
        """The data of an answer of its API."""
        connection = http.client.HTTPConnection(f"127.0.0.1:{self._port}", timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/api/v1/" + path)
            answer = json.load(connection.getresponse())
        assert answer["status"] == "success", answer
        return answer["data"]

    def firing(self, name):
        """The labels of the alerts of that name that fire."""
        return [alert["labels"] for alert in self.ask("alerts")["alerts"]
                if alert["labels"]["alertname"] == name and alert["state"] == "firing"]

    def value(self, query):
        """Of the first series that a query gives; None where there is none."""
        found = self.ask(f"query?query={query}")["result"]
        return float(found[0]["value"][1]) if found else None

    def _is_ready(self):
        assert self._process.exit_code is None, self._process.output
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, KeyError):
            return self.ask("status/buildinfo")
        return None
