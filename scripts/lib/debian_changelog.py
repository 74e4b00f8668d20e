"""config/CHANGELOG.md as Debian's changelog, on stdout.

A version is headed "## [0.1.0] - 2026-11-24", or "- unreleased", which is dated SOURCE_DATE_EPOCH.
"""

import argparse
import os
import re
import sys
import textwrap
from datetime import datetime, timezone
from email.utils import format_datetime

HEADING = re.compile(r"^## \[(?P<version>[0-9.]+)\] - (?P<date>unreleased|\d{4}-\d\d-\d\d)$", re.M)
KIND = re.compile(r"^### .*$", re.M)  # "Added", "Fixed": Debian's entries have none


def items_of(text):
    """Each "- ..." with its continuation lines, as one line."""
    return [" ".join(item.split()) for item in re.split(r"^- ", KIND.sub("", text), flags=re.M)[1:]]


def moment(date):
    if date == "unreleased":
        return datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    return datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=timezone.utc)


def entry(version, items, when, maintainer):
    lines = [f"roachpin ({version}) stable; urgency=medium", ""]
    for item in items:
        lines += textwrap.wrap(item, 78, initial_indent="  * ", subsequent_indent="    ",
                               break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, "", f" -- {maintainer}  {format_datetime(when)}", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("changelog")
    for option in ("version", "revision", "maintainer"):
        parser.add_argument(f"--{option}", required=True)
    given = parser.parse_args()

    with open(given.changelog, encoding="utf-8") as file:
        _, *parts = HEADING.split(file.read())
    releases = list(zip(parts[::3], parts[1::3], parts[2::3]))
    if not releases or releases[0][0] != given.version:
        sys.exit(f"{given.changelog}: its first version is not {given.version}")
    print("\n".join(entry(f"{version}-{given.revision if number == 0 else 1}", items_of(text),
                          moment(date), given.maintainer)
                    for number, (version, date, text) in enumerate(releases)), end="")


main()
