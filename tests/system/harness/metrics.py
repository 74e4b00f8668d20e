"""What /metrics says, as Prometheus would read it."""

import re

LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """The samples of one answer."""

    def __init__(self, text):
        self._samples = []
        for line in text.splitlines():
            found = LINE.match(line)
            if found:
                name, labels, value = found.groups()
                self._samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def all(self, name, **labels):
        """Labels and value of those that have at least these."""
        return [
            (has, value) for known, has, value in self._samples
            if known == name and labels.items() <= has.items()
        ]

    def value(self, name, **labels):
        """The one value; None where there is no such series."""
        found = self.all(name, **labels)
        assert len(found) <= 1, f"{name} {labels} is not one series: {found}"
        return found[0][1] if found else None


def scrape(proxy):
    status, headers, text = proxy.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Scrape(text)
