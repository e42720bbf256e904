"""Charts drawn by pygal. This is the only module that imports it.

The SVG is embedded in the page, so that a bar can be a link and the site's theme applies. pygal's
own styles and scripts are removed, because a strict Content-Security-Policy refuses them; admin.css
has the rules instead.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pygal
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from pygal.style import Style

# pygal hooks into all later imports of the process to find map plugins, which are not used here;
# Python 3.11 warns about the way it does this.
sys.meta_path[:] = [
    finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
]

REMOVED_TAGS = ("style", "script", "desc", "title")
XLINK = "{http://www.w3.org/1999/xlink}"
MAX_LABELS = 6
# Of all labels below a chart.
MAX_CHARACTERS = 56
MAX_LABEL_LENGTH = 24
# Only used to compute the space for texts; admin.css sets their appearance.
STYLE = Style(label_font_size=13, major_label_font_size=13, legend_font_size=13)
OPTIONS: dict[str, Any] = {
    "css": [],
    "js": [],
    "no_prefix": True,
    "style": STYLE,
    "width": 480,
    "margin": 8,
    "max_scale": 6,
    "order_min": 0,  # calls and seconds are whole numbers
    "legend_at_bottom": True,
    "legend_at_bottom_columns": 2,
    "include_x_axis": True,
    "truncate_label": MAX_LABEL_LENGTH,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A value, its accessible text, and the URL to which the bar links."""

    value: float
    text: str
    url: str


def bars(
    title: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[Bar | None]]],
    *,
    horizontal: bool = False,
) -> SafeString:
    """Return a stacked bar chart as SVG.

    ``series`` are pairs of a name and a list with a :class:`Bar` or None per label.
    """
    chart_class = pygal.HorizontalStackedBar if horizontal else pygal.StackedBar
    height = max(140, 70 + 24 * len(labels)) if horizontal else 240
    chart = chart_class(
        height=height, show_legend=len(series) > 1, no_data_text=_("No calls"), **OPTIONS
    )
    if horizontal:
        # pygal reserves space for the full length of a label, and none for the bars.
        chart.x_labels = [Truncator(label).chars(MAX_LABEL_LENGTH) for label in labels]
    else:
        chart.x_labels = _thin_out(labels)
    for name, values in series:
        chart.add(name, [bar and _value(bar) for bar in values])
    root = chart.render_tree()
    drawn = [bar for _name, values in series for bar in values]
    _adapt(root, title, {bar.url: bar.text for bar in drawn if bar})
    # ElementTree escapes texts and URLs.
    return mark_safe(ElementTree.tostring(root, encoding="unicode"))  # noqa: S308


def _value(bar: Bar) -> dict[str, Any]:
    return {"value": bar.value, "label": bar.text, "xlink": {"href": bar.url}}


def _thin_out(labels: Sequence[str]) -> list[str]:
    """Blank all but a few evenly spaced labels: those that fit next to each other."""
    longest = max(map(len, labels), default=0)
    count = min(MAX_LABELS, MAX_CHARACTERS // (longest + 2)) or 1
    step = -(-len(labels) // count) or 1
    return [label if index % step == 0 else "" for index, label in enumerate(labels)]


def _adapt(root: ElementTree.Element, title: str, texts: dict[str, str]) -> None:
    """Remove styles and scripts; label the chart with ``title`` and each link by its URL."""
    for parent in list(root.iter()):
        for child in list(parent):
            # The tag of a comment is a function.
            if str(child.tag).rpartition("}")[2] in REMOVED_TAGS or callable(child.tag):
                parent.remove(child)
        parent.attrib.pop("style", None)
        href = parent.attrib.get(f"{XLINK}href") or parent.attrib.get("href")
        if href in texts:
            parent.attrib.pop("target", None)
            parent.attrib["aria-label"] = texts[href]
            ElementTree.SubElement(parent, "title").text = texts[href]
    root.attrib.pop("id", None)
    root.attrib |= {"class": "ringotel-chart", "role": "group", "aria-label": title}
