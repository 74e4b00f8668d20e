"""Rounds to figures: medians, ratios, a table and JSON."""

import json
import os
import platform
from collections import defaultdict
from statistics import median

HEADINGS = {
    "cpu": "proxy CPU",
    "client_cpu": "client CPU",
    "rate": "transactions",
    "wall": "wall",
    "rss": "memory",
    "idle_cpu": "idle CPU",
}

OTHERS = ("haproxy", "stunnel")

# What roachpin is held to (measure, label, at most, of whom; None: the figure itself).
AIMS = (
    ("transactions", "roachpin", 1.3, "haproxy"),
    ("copy-out", "roachpin", 0.75, "stunnel"),
    ("sessions", "roachpin", 24, None),
)


class Results:
    def __init__(self):
        self._rounds = defaultdict(lambda: defaultdict(list))
        self._encryption = {}
        self._units = {}
        self._load = [os.getloadavg()[0]]

    def add(self, measure, label, figures, encryption):
        """One round's figures of one peer."""
        for name, unit in measure.figures:
            if figures[name] is not None:
                self._rounds[measure.name, name][label].append(figures[name])
            self._units[measure.name, name] = unit
        self._encryption[label] = encryption
        self._load.append(os.getloadavg()[0])

    def middle(self, measure, figure, label):
        """None where it was not measured."""
        rounds = self._rounds[measure, figure].get(label)
        return median(rounds) if rounds else None

    def ratio(self, measure, label, other):
        """The median of each round's own ratio: the two were measured within minutes."""
        rounds = self._rounds[measure, "rss" if measure == "sessions" else "cpu"]
        ratios = [own / others
                  for own, others in zip(rounds.get(label, []), rounds.get(other, [])) if others]
        return median(ratios) if ratios else None

    def text(self, measures):
        blocks = [self._table(one) for one in measures] + [self._aims()]
        return "\n\n".join(filter(None, blocks))

    def _table(self, measure):
        main, unit = measure.figures[0]
        header = ["", f"median {unit}", "min", "max"]
        header += [f"× {other}" for other in OTHERS]
        header += [f"{HEADINGS[name]} {its_unit}" for name, its_unit in measure.figures[1:]]
        rows = [header]
        labels = dict.fromkeys(label for name, _ in measure.figures
                               for label in self._rounds[measure.name, name])
        for label in labels:
            rounds = self._rounds[measure.name, main].get(label)
            row = [label] + [number(reduce(rounds)) if rounds else "–"
                             for reduce in (median, min, max)]
            row += [number(self.ratio(measure.name, label, other)) for other in OTHERS]
            row += [number(self.middle(measure.name, name, label))
                    for name, _ in measure.figures[1:]]
            rows.append(row)
        count = max(map(len, self._rounds[measure.name, main].values()), default=0)
        title = f"{measure.title}, median of {count}" if count > 1 else measure.title
        return title + "\n" + aligned(rows)

    def _aims(self):
        lines = []
        for measure, label, most, other in AIMS:
            value = self.ratio(measure, label, other) if other else \
                self.middle(measure, "rss", label)
            if value is not None:
                of = f"× {other}" if other else "KiB"
                lines.append(f"  {'met   ' if value <= most else 'missed'}  {measure}: "
                             f"{number(value)} {of}, aim: at most {most} {of}")
        return "Aims\n" + "\n".join(lines) if lines else ""

    def json(self):
        figures = defaultdict(lambda: defaultdict(dict))
        for (measure, figure), labels in self._rounds.items():
            for label, rounds in labels.items():
                figures[measure][label][figure] = {
                    "unit": self._units[measure, figure], "median": median(rounds),
                    "min": min(rounds), "max": max(rounds), "rounds": rounds,
                }
                figures[measure][label]["ratio_to"] = {
                    other: self.ratio(measure, label, other) for other in OTHERS}
        return json.dumps({
            "machine": {"kernel": platform.release(), "cpus": os.cpu_count(),
                        "load": [min(self._load), max(self._load)]},
            "encryption_towards_the_server": self._encryption,
            "measures": figures,
        }, indent=2) + "\n"


def number(value):
    """Three digits that count."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  " + row[0].ljust(widths[0]) + "".join(
            "  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        for row in rows)
