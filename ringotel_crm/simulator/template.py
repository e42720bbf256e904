"""Ringotel's two kinds of template: requests with ``$variables$``, and maps that capture variables from an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

Value = str | int | bytes
Row = dict[str, str]

_VARIABLE = re.compile(r"\$([^$]+)\$")
_PARAMETER = re.compile(
    r"[^=]*=\$([^$]+)\$"
)  # one parameter of a query whose whole value is a variable
_LEFT_OUT = object()


class Absent(StrEnum):
    """What becomes of a variable without a value. Ringotel documents none of it, so a CRM must bear all four."""

    OMIT = "omit"
    EMPTY = "empty"
    NULL = "null"
    PLACEHOLDER = "placeholder"


class AnswerError(ValueError):
    """An answer does not have the shape that its ``response_map`` promises; the text names the place."""


def variables(template: object) -> frozenset[str]:
    """The names of all variables in a text, or in the leaves of nested objects and arrays."""
    match template:
        case str():
            return frozenset(_VARIABLE.findall(template))
        case dict():
            return frozenset[str]().union(*map(variables, template.values()))
        case list():
            return frozenset[str]().union(*map(variables, template))
    return frozenset()


def variable(template: object) -> str | None:
    """The name of the variable that the template is, if it is one and nothing else."""
    whole = _VARIABLE.fullmatch(template) if isinstance(template, str) else None
    return whole[1] if whole else None


def _has(values: Mapping[str, Value], name: str) -> bool:
    return values.get(name, "") != ""


def fill(template: object, values: Mapping[str, Value], absent: Absent) -> object:
    """The body that a template makes: a leaf that is one variable keeps the type of its value."""
    filled = _fill(template, values, absent)
    return None if filled is _LEFT_OUT else filled


def _fill(template: object, values: Mapping[str, Value], absent: Absent) -> object:
    match template:
        case str():
            name = variable(template)
            if name is None:
                return fill_text(template, values, absent)
            if _has(values, name):
                return values[name]
            return {Absent.OMIT: _LEFT_OUT, Absent.EMPTY: "", Absent.NULL: None}.get(
                absent, template
            )
        case dict():
            filled = {key: _fill(part, values, absent) for key, part in template.items()}
            return {key: part for key, part in filled.items() if part is not _LEFT_OUT}
        case list():
            return [
                part
                for part in (_fill(part, values, absent) for part in template)
                if part is not _LEFT_OUT
            ]
    return template


def fill_text(text: str, values: Mapping[str, Value], absent: Absent = Absent.EMPTY) -> str:
    """The text with its variables replaced; one without a value vanishes or stays as it stands."""

    def value(found: re.Match[str]) -> str:
        if _has(values, found[1]):
            return str(values[found[1]])
        return found[0] if absent is Absent.PLACEHOLDER else ""

    return _VARIABLE.sub(value, text)


def fill_url(
    url: str, values: Mapping[str, Value], absent: Absent, *, bare_plus: bool = False
) -> str:
    """The URL with percent-encoded values, in which ``bare_plus`` leaves each ``+`` as it is.

    A URL has no null: a parameter of the query without a value is left out, empty, or the bare placeholder.
    """
    safe = "+" if bare_plus else ""
    quoted = {
        name: quote(str(value), safe=safe)
        for name, value in values.items()
        if not isinstance(value, bytes)
    }
    path, mark, query = url.partition("?")
    parameters = query.split("&")
    if absent is Absent.OMIT:
        parameters = [
            part
            for part in parameters
            if not (m := _PARAMETER.fullmatch(part)) or _has(values, m[1])
        ]
    query = "&".join(fill_text(part, quoted, absent) for part in parameters)
    return fill_text(path, quoted, absent) + (mark and query and f"?{query}")


def capture(response_map: object, answer: object) -> list[Row]:
    """The variables that the map captures from an answer: one row for each element of its array, else one row.

    A text or object that is missing or null captures nothing; a row with nothing in it is left out.

    Raises AnswerError for another shape, for an array that is missing, and for a value that is not text.
    """
    return [row for row in _capture(response_map, answer, "the answer") if row]


def _capture(template: object, answer: object, place: str) -> list[Row]:
    match template, answer:
        case ((str() | dict()), None):
            return [{}]
        case str(), str():
            return [{template.strip("$"): answer}]
        case list(), list():
            return [
                row
                for i, item in enumerate(answer)
                for row in _capture(template[0], item, f"{place}[{i}]")
            ]
        case dict(), dict():
            rows: list[Row] = [{}]
            for key, part in template.items():
                captured = _capture(part, answer.get(key), f"{place}.{key}")
                rows = [row | more for row in rows for more in captured]
            return rows
    expected = (
        "text"
        if isinstance(template, str)
        else "an array"
        if isinstance(template, list)
        else "an object"
    )
    raise AnswerError(f"{place} is not {expected}")
