"""SARIF as OASIS has it: the schema comes with Microsoft's SARIF SDK, from npm."""

import json
from pathlib import Path

import jsonschema

SCHEMA = (Path(__file__).parents[1] / "node" / "node_modules" / "@microsoft" /
          "sarif-multitool-linux" / "sarif-2.1.0.json")


def validated(text):
    """The log, if it keeps the schema."""
    log = json.loads(text)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8-sig"))
    jsonschema.validators.validator_for(schema)(schema).validate(log)
    return log
