"""Pictures drawn by pygal. This is the only importer.

They are part of the page, so that a bar can be a link and the site's theme colours them. pygal's own style and
script are taken out: a strict Content-Security-Policy would refuse them, and desk.css has what is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import pygal
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from pygal.style import Style

# pygal looks into every later import of the process, for maps that are not used here; Python 3.11 warns of its way.
sys.meta_path[:] = [
    finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
]

UNWANTED = ("style", "script", "desc", "title")
XLINK = "{http://www.w3.org/1999/xlink}"
LABELS_SHOWN = 6
MAX_LABEL = 24
# Only for the room that texts take; what they look like is in desk.css.
STYLE = Style(label_font_size=13, major_label_font_size=13, legend_font_size=13)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A figure, what it is of in words, and the page behind it."""

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
    """Bars, one upon the other: ``series`` are pairs of a name and a bar, or None, for each of ``labels``."""
    kind = pygal.HorizontalStackedBar if horizontal else pygal.StackedBar
    chart = kind(
        css=[],
        js=[],
        no_prefix=True,
        style=STYLE,
        width=480,
        height=max(140, 70 + 24 * len(labels)) if horizontal else 240,
        margin=8,
        max_scale=6,
        order_min=0,  # calls and seconds are whole
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        show_legend=len(series) > 1,
        no_data_text=_("No calls"),
        include_x_axis=True,
        truncate_label=MAX_LABEL,
    )
    # pygal would keep room for the whole of a label, and none for the bars.
    chart.x_labels = (
        [Truncator(label).chars(MAX_LABEL) for label in labels] if horizontal else _thinned(labels)
    )
    for name, values in series:
        chart.add(
            name,
            [
                bar and {"value": bar.value, "label": bar.text, "xlink": {"href": bar.url}}
                for bar in values
            ],
        )
    root = chart.render_tree()
    texts = {bar.url: bar.text for _name, values in series for bar in values if bar}
    _adapt(root, title, texts)
    # Texts and addresses were escaped when the tree was written.
    return mark_safe(ElementTree.tostring(root, encoding="unicode"))  # noqa: S308


def _thinned(labels: Sequence[str]) -> list[str]:
    """As many as can be read beside one another."""
    step = -(-len(labels) // LABELS_SHOWN) or 1
    return [label if place % step == 0 else "" for place, label in enumerate(labels)]


def _adapt(root: ElementTree.Element, title: str, texts: dict[str, str]) -> None:
    """No style and script; a name for the picture and for each link."""
    for parent in list(root.iter()):
        for child in list(parent):
            # The tag of a comment is a function.
            if str(child.tag).rpartition("}")[2] in UNWANTED or callable(child.tag):
                parent.remove(child)
        parent.attrib.pop("style", None)
        href = parent.attrib.get(f"{XLINK}href") or parent.attrib.get("href")
        if href in texts:
            parent.attrib.pop("target", None)
            parent.attrib["aria-label"] = texts[href]
            name = ElementTree.SubElement(parent, "title")
            name.text = texts[href]
    root.attrib.pop("id", None)
    root.attrib |= {"class": "ringotel-chart", "role": "group", "aria-label": title}
