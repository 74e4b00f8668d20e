"""Rounds to figures: medians with their spread, ratios, aims; as text and as JSON."""

import json
import os
from collections import defaultdict
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Aim:
    """What roachpin is held to."""

    measure: str
    label: str
    most: float
    other: str = ""
    """To whom it is a ratio; "": to nobody."""
    figure: str = ""
    """A figure by itself; "": the one that counts, or its ratio to that of the other."""


def aims(amounts):
    most = amounts.sessions[-1]
    return (
        Aim("transactions", "roachpin", 1.15, "haproxy"),
        Aim("transactions", "roachpin", 0.95, "pgbouncer"),
        Aim("transactions", "roachpin", 0.55, "stunnel"),
        Aim("copy-out", "roachpin", 1.0, "haproxy"),
        Aim("copy-out", "roachpin", 0.6, "stunnel"),
        Aim("copy-in", "roachpin", 1.4, "haproxy"),
        Aim("connect", "roachpin", 0.75, "direct", "to_direct"),
        Aim("connect", "roachpin, no spares", 1.0, "stunnel"),
        Aim("sessions", "roachpin", 20),
        Aim("sessions", "roachpin, no proofs", 0.1, figure=f"idle_cpu_{most}"),
    )


class Results:
    def __init__(self, measures, aims, machine):
        self._measures = {one.name: one for one in measures}
        self._aims, self._machine = aims, machine
        self._rounds = defaultdict(lambda: defaultdict(list))
        self._notes = defaultdict(dict)
        self._encryption = {}
        self._load = [os.getloadavg()[0]]

    def add(self, measure, label, figures):
        """One round's figures of one peer."""
        for one in measure.figures:
            self._rounds[measure.name, one.name][label].append(figures.get(one.name))
        if "note" in figures:
            self._notes[measure.name][label] = figures["note"]
        self._load.append(os.getloadavg()[0])

    def add_encryption(self, label, encryption):
        self._encryption[label] = encryption

    def rounds(self, measure, figure, label):
        """What there is of them; a round may have none."""
        return [one for one in self._rounds[measure, figure].get(label, []) if one is not None]

    def ratio(self, measure, label, other):
        """The median of each round's own ratio: the two were measured within minutes."""
        rounds = self._rounds[measure, self._measures[measure].main]
        ratios = [own / others
                  for own, others in zip(rounds.get(label, []), rounds.get(other, []))
                  if own is not None and others]
        return median(ratios) if ratios else None

    # ---- text

    def text(self):
        blocks = [self._facts(), *map(self._block, self._measures.values()), self._judged()]
        return "\n\n".join(filter(None, blocks))

    def _facts(self):
        return "\n".join(f"{name}: {', '.join(value) if isinstance(value, list) else value}"
                         for name, value in self._about().items())

    def _about(self):
        low, high = min(self._load), max(self._load)
        return {**self._machine, "load": f"{low:.1f} to {high:.1f}"} | {
            f"TLS, {label} to the server": text for label, text in self._encryption.items()}

    def _block(self, measure):
        lines = [measure.title]
        tables = defaultdict(list)
        for figure in measure.figures:
            tables[figure.table].append(figure)
        for title, figures in tables.items():
            lines += [f"  {title}, {figures[0].unit}"] if title else []
            lines.append(aligned(self._rows(measure, figures)))
        lines += [f"  – {label}: {note}" for label, note in self._notes[measure.name].items()]
        return "\n".join(lines)

    def _rows(self, measure, figures):
        main = any(figure.name == measure.main for figure in figures)
        beside = measure.beside if main else ()
        headings = [one.heading if one.table else f"{one.heading} {one.unit}" for one in figures]
        rows = [["", *headings, *(f"× {other}" for other in beside)]]
        for label in self._rounds[measure.name, measure.main]:
            rows.append([label,
                         *(spread(self.rounds(measure.name, figure.name, label))
                           for figure in figures),
                         *(number(self.ratio(measure.name, label, other)) for other in beside)])
        return rows

    def _judged(self):
        lines = []
        for one in self._judgements():
            met = "met   " if one["met"] else "missed"
            lines.append(f"  {met}  {one['measure']}, {one['label']}: {number(one['value'])}"
                         f" {one['of']}, aim: at most {one['most']}")
        return "\n".join(["Aims", *lines]) if lines else ""

    def _judgements(self):
        """Of what was measured; a figure that is missing there is a missed aim."""
        for aim in self._aims:
            if aim.measure not in self._measures:
                continue
            measure = self._measures[aim.measure]
            figure = next(one for one in measure.figures
                          if one.name == (aim.figure or measure.main))
            rounds = self._rounds[measure.name, figure.name]
            if aim.label not in rounds or (aim.other and aim.other not in rounds):
                continue
            if aim.other and not aim.figure:
                value = self.ratio(measure.name, aim.label, aim.other)
            else:
                found = self.rounds(measure.name, figure.name, aim.label)
                value = median(found) if found else None
            of = f"× {aim.other}" if aim.other else \
                f"{figure.unit} ({figure.table}, {figure.heading})"
            yield {"measure": measure.name, "label": aim.label, "of": of, "value": value,
                   "most": aim.most, "met": value is not None and value <= aim.most}

    # ---- JSON

    def data(self):
        return {
            "about": self._about(),
            "measures": {name: self._measure_data(one) for name, one in self._measures.items()},
            "aims": list(self._judgements()),
        }

    def _measure_data(self, measure):
        labels = self._rounds[measure.name, measure.main]
        return {
            "title": measure.title,
            "main": measure.main,
            "peers": {label: {
                "figures": {figure.name: self._figure_data(measure, figure, label)
                            for figure in measure.figures},
                "ratio_to": {other: self.ratio(measure.name, label, other)
                             for other in measure.beside},
                "note": self._notes[measure.name].get(label),
            } for label in labels},
        }

    def _figure_data(self, measure, figure, label):
        rounds = self.rounds(measure.name, figure.name, label)
        return {"unit": figure.unit, **({} if not rounds else {
            "median": median(rounds), "min": min(rounds), "max": max(rounds)}), "rounds": rounds}

    def json(self):
        return json.dumps(self.data(), indent=2, ensure_ascii=False) + "\n"


def spread(rounds):
    """The median, and between what it lies."""
    if not rounds:
        return "–"
    middle = number(median(rounds))
    return middle if len(rounds) == 1 else \
        f"{middle} ({number(min(rounds))} to {number(max(rounds))})"


def number(value):
    """Three digits that count."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "    " + row[0].ljust(widths[0]) + "".join(
            "  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        for row in rows)
