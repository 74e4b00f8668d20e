"""A composite action, done as GitHub's runner does it: expressions by GitHub's own evaluator, `run` by
bash with the shell's options of GitHub, `uses` written down."""

import json
import os
import subprocess
from pathlib import Path

import yaml

from .process import Process

SCRIPT = Path(__file__).parents[1] / "node" / "workflow.mjs"


class GitHub:
    """What of GitHub there is on npm. A context manager."""

    def __init__(self):
        self._process = Process(["node", SCRIPT], stream="stdout", stdin=subprocess.PIPE, stderr=None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stop()

    def ask(self, verb, **request):
        return json.loads(self._process.ask(json.dumps({"verb": verb, **request}))())


class Run:
    """One run of an action. `code` is that of the first step that failed; `used` is what it handed to
    other actions; `outputs` are its own."""

    def __init__(self, github, action_file, inputs, workspace, temporary, path, under=()):
        """`under`: a program that becomes bash, with arguments of its own."""
        self._ask, self._under = github.ask, under
        self._workspace, self._temporary, self._path = workspace, temporary, path
        self.code, self.said, self.used = 0, "", []
        action = yaml.safe_load(action_file.read_text())
        assert set(inputs) <= set(action["inputs"]), inputs
        needed = {name for name, one in action["inputs"].items() if one.get("required")}
        assert needed <= set(inputs)
        defaults = {name: one["default"] for name, one in action["inputs"].items() if "default" in one}
        self._contexts = {"inputs": {**defaults, **inputs}, "steps": {}}
        for step in action["runs"]["steps"]:
            self._contexts["steps"].setdefault(step.get("id", "_"), {"outputs": {}})
        for step in action["runs"]["steps"]:
            self._step(step)
        self.outputs = self._told({name: one["value"] for name, one in action["outputs"].items()})

    def _told(self, texts):
        values = self._ask("texts", texts=list(texts.values()), contexts=self._contexts)
        return dict(zip(texts, values))

    def _step(self, step):
        condition = step.get("if", "success()")
        if not self._ask("condition", text=condition, contexts=self._contexts, failed=self.code != 0):
            return
        if "uses" in step:
            self.used.append((step["uses"], self._told(step["with"])))
            return
        assert step["shell"] == "bash" and "${{" not in step["run"]
        script, outputs = self._temporary / "step.sh", self._temporary / "outputs"
        script.write_text(step["run"])
        outputs.write_text("")
        done = subprocess.run(
            [*self._under, "bash", "--noprofile", "--norc", "-eo", "pipefail", script], cwd=self._workspace,
            env={**os.environ, **self._told(step["env"]), "PATH": self._path,
                 "RUNNER_TEMP": str(self._temporary), "GITHUB_OUTPUT": str(outputs)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.said += done.stdout + done.stderr
        self.code = self.code or done.returncode
        if "id" in step:
            written = [line.split("=", 1) for line in outputs.read_text().splitlines()]
            self._contexts["steps"][step["id"]]["outputs"] = dict(written)
