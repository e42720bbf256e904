"""Ringotel's templates: requests with ``$variables$``, and maps that capture variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

Value = str | int | bytes
Row = dict[str, str]

_VARIABLE = re.compile(r"\$([^$]+)\$")
# A query parameter whose whole value is a variable.
_PARAMETER = re.compile(r"[^=]*=\$([^$]+)\$")
_LEFT_OUT = object()


class Absent(StrEnum):
    """How a variable without a value is sent. Not documented, so a CRM must accept all four."""

    OMIT = "omit"
    EMPTY = "empty"
    NULL = "null"
    PLACEHOLDER = "placeholder"


class AnswerError(ValueError):
    """A response does not match its ``response_map``. The message names the place."""


def variables(template: object) -> frozenset[str]:
    """Return the variables of a string, or of the leaves of nested objects and arrays."""
    match template:
        case str():
            return frozenset(_VARIABLE.findall(template))
        case dict():
            return frozenset[str]().union(*map(variables, template.values()))
        case list():
            return frozenset[str]().union(*map(variables, template))
    return frozenset()


def variable(template: object) -> str | None:
    """Return the name of the variable if the template is a single variable."""
    whole = _VARIABLE.fullmatch(template) if isinstance(template, str) else None
    return whole[1] if whole else None


def _has(values: Mapping[str, Value], name: str) -> bool:
    return values.get(name, "") != ""


def fill(template: object, values: Mapping[str, Value], absent: Absent) -> object:
    """Fill in a body. A leaf that is a single variable keeps the type of its value."""
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
    """Fill in a string. A variable without a value is removed, or stays as a placeholder."""

    def value(found: re.Match[str]) -> str:
        if _has(values, found[1]):
            return str(values[found[1]])
        return found[0] if absent is Absent.PLACEHOLDER else ""

    return _VARIABLE.sub(value, text)


def fill_url(
    url: str, values: Mapping[str, Value], absent: Absent, *, bare_plus: bool = False
) -> str:
    """Fill in a URL with percent-encoded values; ``bare_plus`` does not encode ``+``.

    A query has no null: a parameter without a value is omitted, empty, or the placeholder.
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
    """Return the captured variables: one row per element of the map's array, else one row.

    A missing or null leaf captures nothing; empty rows are omitted. Raises ``AnswerError`` for
    another shape, a missing array, or a value that is not a string.

    >>> capture({"results": [{"id": "$contact_id$"}]}, {"results": [{"id": "1"}, {"id": "2"}]})
    [{'contact_id': '1'}, {'contact_id': '2'}]
    """
    return [row for row in _capture(response_map, answer, "the response") if row]


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
    names: dict[type[object], str] = {str: "a string", list: "an array", dict: "an object"}
    expected = names[type(template)]
    raise AnswerError(f"{place} is not {expected}")
