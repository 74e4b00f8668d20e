"""The run as a picture: SVG, by hand, readable on light and dark."""

from html import escape

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 1000, 230, 20, 100, 34, 64
MOST_POINTS = 700

STYLE = """
  svg { color-scheme: light dark; --ink: #1f2328; --faint: #d0d7de; --paper: #ffffff; --line: #0969da; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --faint: #3d444d; --paper: #0d1117; --line: #4493f8; }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 16px; font-weight: 600; } .name { font-weight: 600; }
  .paper { fill: var(--paper); } .grid { stroke: var(--faint); stroke-width: 1; }
  .line { fill: none; stroke: var(--line); stroke-width: 1.5; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
"""


def picture(title, seconds, panels, lanes):
    """`panels`: (name, [series of (at, value)]); `lanes`: name → [(begin, end, what it was)]."""
    scale = (WIDTH - LEFT - RIGHT) / max(seconds, 1)
    parts, y = [], TOP
    for name, series in panels:
        parts += _panel(name, series, y, scale)
        y += PANEL + GAP
    for name, marks in lanes.items():
        parts += _lane(f"{name} ({len(marks)})", marks, y, scale)
        y += 18
    parts += _axis(seconds, y, scale)
    height = y + 40
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
            f"<title>{escape(title)}</title><style>{STYLE}</style>"
            f'<rect class="paper" width="{WIDTH}" height="{height}"/>'
            f'<text class="title" x="16" y="28">{escape(title)}</text>' + "\n".join(parts) +
            "</svg>\n")


def _panel(name, series, y, scale):
    top = _rounded(max((value for one in series for _, value in one), default=1))
    yield f'<text class="name" x="{LEFT}" y="{y - 8}">{escape(name)}</text>'
    for share in (0, 0.5, 1):
        at = y + PANEL * (1 - share)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text class="end" x="{LEFT - 6}" y="{at + 4}">{_said(top * share)}</text>'
    for one in series:
        points = " ".join(f"{LEFT + at * scale:.1f},{y + PANEL * (1 - value / top):.1f}"
                          for at, value in thinned(one))
        yield f'<polyline class="line" points="{points}"/>'


def _lane(name, marks, y, scale):
    yield f'<text class="end" x="{LEFT - 10}" y="{y + 4}">{escape(name)}</text>'
    yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
    for begin, end, what in marks:
        width = max(2.0, (end - begin) * scale)
        yield (f'<rect x="{LEFT + begin * scale:.1f}" y="{y - 5}" width="{width:.1f}" height="10"'
               f' fill="{_colour(what.partition(", ")[0])}" opacity="0.85">'
               f"<title>{escape(what)}, {begin:.0f} s</title></rect>")


def _axis(seconds, y, scale):
    step = next(step for step in (10, 30, 60, 300, 600, 1800, 3600, 14400, 86400)
                if seconds / step <= 14)
    for at in range(0, int(seconds) + 1, step):
        label = f"{at} s" if step < 60 else f"{at // 60} min"
        yield f'<text class="middle" x="{LEFT + at * scale:.1f}" y="{y + 18}">{label}</text>'


def thinned(points):
    """As many as can be told apart: the mean of each stretch."""
    stride = -(-len(points) // MOST_POINTS)
    if stride <= 1:
        return points
    groups = [points[at:at + stride] for at in range(0, len(points), stride)]
    return [(group[0][0], sum(value for _, value in group) / len(group)) for group in groups]


def _rounded(value):
    """The next 1, 2 or 5 with zeros."""
    unit = 1
    while True:
        for times in (1, 2, 5):
            if value <= times * unit:
                return times * unit
        unit *= 10


def _said(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


COLOURS = ("#cf222e", "#bf8700", "#1a7f37", "#8250df", "#bc4c00", "#0a7ea4")


def _colour(what):
    """The same for the same, in every run."""
    return COLOURS[sum(what.encode()) % len(COLOURS)]
