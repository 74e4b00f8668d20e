"""The tables of config/README.md, made of config/schema/roachpin.schema.json. Started by
scripts/reference, which explains the arguments."""

import json
import re
import sys
from pathlib import Path

CONFIG = Path(__file__).parents[2] / "config"
SCHEMA = CONFIG / "schema" / "roachpin.schema.json"
REFERENCE = CONFIG / "README.md"
TABLE = re.compile(r"<!-- keys: ([\w ]+) -->\n(.*?)<!-- end of keys -->", re.S)
"""Between the two comments: the table of these sections."""


def main():
    schema = json.loads(SCHEMA.read_text())
    before = REFERENCE.read_text()
    after = filled(before, schema)
    if after == before:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{REFERENCE.relative_to(CONFIG.parent)} does not say what the schema says; "
              "run: scripts/reference", file=sys.stderr)
        return 1
    REFERENCE.write_text(after)
    return 0


def filled(text, schema):
    """The reference with every table made anew."""
    shown = [name for match in TABLE.finditer(text) for name in match.group(1).split()]
    if shown != list(schema["properties"]):
        raise SystemExit(f"{REFERENCE.name} has tables of {shown}, and the schema holds "
                         f"{list(schema['properties'])}")

    def table(match):
        rows = [row for name in match.group(1).split() for row in rows_of(schema, name)]
        return (f"<!-- keys: {match.group(1)} -->\n"
                "| key | type | default | meaning and consequences |\n|---|---|---|---|\n"
                + "".join(rows) + "<!-- end of keys -->")

    return TABLE.sub(table, text)


def rows_of(schema, section):
    """A section's own row, and those of all that is in it."""
    yield from rows_of_key(schema, section, schema["properties"][section],
                           section in schema["required"])


def rows_of_key(schema, path, key, required):
    yield (f"| `{path}` | {type_of(schema, key)} | {default_of(key, required)} "
           f"| {one_cell(key['description'])} |\n")
    below, path = inside(schema, key, path)
    for name, one in below.get("properties", {}).items():
        yield from rows_of_key(schema, f"{path}.{name}", one, name in below.get("required", []))


def inside(schema, key, path):
    """The mapping that a key holds, or a list of them; {} for neither."""
    key = resolved(schema, key)
    if "items" in key:
        return inside(schema, key["items"], path + "[]")
    for choice in key.get("anyOf", []):
        if "properties" in resolved(schema, choice):
            return resolved(schema, choice), path
    return key, path


def resolved(schema, key):
    return schema["$defs"][key["$ref"].rpartition("/")[2]] if "$ref" in key else key


def type_of(schema, key):
    """Its title, or that of what it refers to; numbers, booleans and choices need none."""
    if "title" in key:
        return key["title"]
    if "$ref" in key:
        return type_of(schema, resolved(schema, key))
    if "enum" in key:
        return ", ".join(f"`{one}`" for one in key["enum"] if isinstance(one, str))
    if "minimum" in key:
        return f"{key['minimum']} to {key['maximum']}"
    if key.get("type") == "object":
        return "mapping"
    # What stands beside the first choice is another way to write it, and ${NAME}.
    return type_of(schema, key["anyOf"][0])


def default_of(key, required):
    if "x-default" in key:  # in words: it depends on other keys
        return key["x-default"]
    if "default" in key:
        return f"`{as_yaml(key['default'])}`"
    return "required" if required else "as below"


def as_yaml(value):
    """As one would write it in roachpin.yaml."""
    if value is None:
        return "~"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(as_yaml, value))}]"
    text = str(value)
    is_text_in_disguise = isinstance(value, str) and re.match(r"[0-9.]+$|:", text)
    return f'"{text}"' if is_text_in_disguise else text


def one_cell(text):
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
