"""The figures as a picture, SVG without a script: a panel for each cost, a bar for each peer, and a
whisker from the least round to the greatest. It has its own ground, for the light and for the dark,
since a page's own colour is not known to a picture in it."""

from xml.sax.saxutils import escape

from report import number

PANELS = (
    ("transactions", "cpu", "Proxy's CPU per transaction"),
    ("latency", "added_p50", "Latency over a direct TLS connection"),
    ("copy-out", "cpu", "Proxy's CPU per GB out"),
    ("copy-in", "cpu", "Proxy's CPU per GB in"),
    ("connect", "p50", "Connect and one query"),
    ("sessions", None, "Memory per idle session"),
)
"""A measure, its figure (None: the one that counts), a title."""

NAMES = {
    "roachpin": "roachpin",
    "roachpin, no spares": "roachpin, no spares",
    "haproxy": "HAProxy, no TLS",
    "pgbouncer": "PgBouncer",
    "stunnel": "stunnel",
    "direct": "no proxy",
}
"""Who is shown, in this order."""

STYLE = """
  text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .title { font-size: 13px; font-weight: 600 } .note { font-size: 11px; fill: #59636e }
  .own { font-weight: 600 } .label { text-anchor: end }
  .ground { fill: #fff; stroke: #d1d9e0 } .bar { fill: #aab4bf } .bar.own { fill: #0f7b6c }
  .axis { stroke: #8c959f } .whisker { stroke: #1f2328; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .note { fill: #9198a1 }
    .ground { fill: #0d1117; stroke: #3d444d } .bar { fill: #5b6570 } .bar.own { fill: #2fb8a4 }
    .axis { stroke: #656c76 } .whisker { stroke: #f0f6fc }
  }
"""

WIDTH, MARGIN, COLUMNS = 860, 20, 2
PANEL = (WIDTH - 2 * MARGIN) // COLUMNS
LABELS, VALUES = 150, 75
"""The room left and right of the bars."""
ROW, BAR, HEAD, GAP = 22, 14, 28, 18


def picture(data):
    panels = [panel for panel in (panel_of(data, *one) for one in PANELS) if panel]
    body, top = [], MARGIN
    for first in range(0, len(panels), COLUMNS):
        row = panels[first:first + COLUMNS]
        for column, one in enumerate(row):
            body += drawn(*one, MARGIN + column * PANEL, top)
        top += HEAD + ROW * max(len(bars) for _, bars in row) + GAP
    about = data["about"]
    notes = ["Bars: medians; whiskers: from the least round to the greatest. Less is better. "
             f"{about['day']}, scripts/bench.", f"{about['machine']}; load {about['load']}."]
    if "pgbouncer" in data["measures"].get("connect", {"peers": ()})["peers"]:
        notes.append("PgBouncer's connects reach no server: they find a session that another left.")
    body += [text(MARGIN, top + 10 + 15 * line, words, "note") for line, words in enumerate(notes)]
    height = top + 15 * len(notes) + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>What roachpin costs beside others</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        *body, "</svg>"]) + "\n"


def panel_of(data, measure, figure, title):
    """Its title and its bars, each a name and what the JSON says of it; None without any."""
    if measure not in data["measures"]:
        return None
    found = data["measures"][measure]
    name = figure or found["main"]
    bars = [(shown, peer["figures"][name]) for label, shown in NAMES.items()
            if (peer := found["peers"].get(label))]
    # Without a proxy there is none of its CPU, and nothing that it adds.
    bars = [(shown, one) for shown, one in bars
            if shown != NAMES["direct"] or (one["rounds"] and measure == "connect")]
    return (f"{title}, {bars[0][1]['unit']}", bars) if bars else None


def drawn(title, bars, left, top):
    there = [one for _, one in bars if one["rounds"]]
    low = min([0, *(one["min"] for one in there)])
    high = max([0, *(one["max"] for one in there)])
    scale = (PANEL - LABELS - VALUES) / ((high - low) or 1)

    def at(value):
        return round(left + LABELS + (value - low) * scale, 1)

    yield text(left, top + 13, title, "title")
    for index, (name, one) in enumerate(bars):
        y = top + HEAD + index * ROW
        own = " own" if name.startswith("roachpin") else ""
        yield text(left + LABELS - 8, y + 11, name, "label" + own)
        if not one["rounds"]:
            yield text(at(0) + 8, y + 11, number(None), "value" + own)
            continue
        ends = sorted((at(0), at(one["median"])))
        yield (f'<rect class="bar{own}" x="{ends[0]}" y="{y}" '
               f'width="{round(ends[1] - ends[0], 1)}" height="{BAR}"/>')
        if len(one["rounds"]) > 1:
            least, most, middle = at(one["min"]), at(one["max"]), y + BAR / 2
            yield (f'<path class="whisker" d="M{least} {middle - 3}v6M{least} {middle}H{most}'
                   f'M{most} {middle - 3}v6"/>')
        yield text(max(at(one["max"]), at(0)) + 8, y + 11, number(one["median"]), "value" + own)
    yield (f'<path class="axis" d="M{at(0)} {top + HEAD - 4}v{ROW * len(bars)}"/>')


def text(x, y, words, kind):
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'
