# SPDX-License-Identifier: GPL-2.0
"""Plots as SVG, for the benches."""

from html import escape

COLOURS = ("#1f6fb4", "#d1662b", "#5a9c52", "#9a9a9a")
LABEL, WIDTH, BAR, GAP, TOP = 190, 520, 11, 12, 56
LEFT, HEIGHT, BOTTOM = 80, 300, 40


def _text(x, y, what, anchor="start", size=12):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" '
            f'text-anchor="{anchor}">{escape(what)}</text>')


def _legend(names, y):
    out, x = [], 12
    for colour, name in zip(COLOURS, names):
        out.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        out.append(_text(x + 15, y, name))
        x += 30 + 8 * len(name)
    return out


def _write(path, width, height, parts):
    with open(path, "w", encoding="utf-8") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                  'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n')
        out.write("\n".join(parts) + "\n</svg>\n")


def bars(path, title, rows, series):
    """A group of bars a row; SERIES is {name: [a value or None a row]}, four at most."""
    top = max((v for values in series.values() for v in values if v), default=1)
    parts = [_text(12, 20, title, size=14)] + _legend(series, 40)
    y = TOP
    for i, row in enumerate(rows):
        parts.append(_text(LABEL - 8, y + BAR * len(series) / 2 + 4, row, "end"))
        for colour, values in zip(COLOURS, series.values()):
            if values[i]:
                width = values[i] / top * WIDTH
                parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" '
                             f'height="{BAR - 1}" fill="{colour}"/>')
                parts.append(_text(LABEL + width + 4, y + BAR - 2, f"{values[i]:,}", size=10))
            y += BAR
        y += GAP
    _write(path, LABEL + WIDTH + 90, y, parts)


def lines(path, title, ticks, series):
    """A line a series over evenly spaced TICKS, from zero up; values may be None."""
    top = max((v for values in series.values() for v in values if v), default=1)
    step = WIDTH / max(len(ticks) - 1, 1)

    def at(i, value):
        return LEFT + i * step, TOP + HEIGHT * (1 - value / top)

    parts = [_text(12, 20, title, size=14)] + _legend(series, 40)
    for part in range(5):
        x, y = at(0, top * part / 4)
        parts.append(f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{x + WIDTH:.0f}" y2="{y:.0f}" '
                     'stroke="#ddd"/>')
        parts.append(_text(x - 6, y + 4, f"{top * part / 4:,.0f}", "end", 10))
    for i, tick in enumerate(ticks):
        parts.append(_text(at(i, 0)[0], TOP + HEIGHT + 18, str(tick), "middle"))
    for colour, values in zip(COLOURS, series.values()):
        points = [at(i, v) for i, v in enumerate(values) if v is not None]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
    _write(path, LEFT + WIDTH + 40, TOP + HEIGHT + BOTTOM, parts)
