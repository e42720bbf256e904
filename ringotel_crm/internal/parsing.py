"""Reading what Ringotel sends, at whichever door: strict JSON, and the words for absence, times and directions."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import Any, NoReturn

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from ..exceptions import InvalidInput
from ..records import Direction

MAX_DEPTH = 50
"""How many levels of objects and arrays are read."""

# Ringotel's engine leaves the bare name of a variable that has no value. Names may hold spaces ("$API key$").
PLACEHOLDER = re.compile(r"\s*\$[A-Za-z_][\w ]*\$\s*")
# NUL cannot be stored by PostgreSQL, a lone surrogate cannot be encoded by anything.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

NUMERIC = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?")
LOST_PLUS = re.compile(r"(\d\d:\d\d[\d:.]*) (\d\d:?\d\d)$")
FROM_MILLISECONDS = 10**11  # seconds reach this in the year 5138, milliseconds did in 1973
MAX_TIME = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)

MAX_CALL_SECONDS = 31 * 24 * 3600
"""Seconds."""

DIRECTIONS = {
    "inbound": Direction.INBOUND,
    "incoming": Direction.INBOUND,
    "in": Direction.INBOUND,
    "outbound": Direction.OUTBOUND,
    "outgoing": Direction.OUTBOUND,
    "out": Direction.OUTBOUND,
    "internal": Direction.INTERNAL,
}
"""The words for ``activity_type``; with any other, the direction is told from the numbers."""


def parse_json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``: UTF-8, no NaN, no infinity, no key twice. Raises ``Invalid``."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"),
            parse_float=_finite,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
        _refuse_depth(value)
    except RecursionError as exc:
        raise InvalidInput(_("The JSON is nested too deeply.")) from exc
    except ValueError as exc:  # not UTF-8, not JSON, an integer of thousands of digits
        raise InvalidInput(
            _("The body is not valid JSON in UTF-8: %(reason)s") % {"reason": exc}
        ) from exc
    if not isinstance(value, dict):
        raise InvalidInput(_("A JSON object is expected."))
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is out of range")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key comes twice")
    return value


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _level in range(MAX_DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    if level:
        raise RecursionError


def is_absent(value: Any) -> bool:
    """Whether this says nothing: a missing key, ``null``, ``""`` and an unresolved ``$placeholder$`` are the same."""
    if isinstance(value, str):
        return not value.strip() or PLACEHOLDER.fullmatch(value) is not None
    return value is None


def strip_absent(value: Any, path: str = "") -> Any:
    """``value`` without what is absent, at any depth. Raises ``Invalid`` for text that cannot be stored."""
    if isinstance(value, dict):
        _refuse_unstorable("".join(value), path)
        return {
            key: strip_absent(item, f"{path}.{key}".lstrip("."))
            for key, item in value.items()
            if not is_absent(item)
        }
    if isinstance(value, list):
        return [strip_absent(item, path) for item in value if not is_absent(item)]
    if isinstance(value, str):
        _refuse_unstorable(value, path)
    return value


def _refuse_unstorable(text: str, path: str) -> None:
    if UNSTORABLE.search(text):
        message = _("Text without NUL characters and lone surrogates is expected.")
        raise InvalidInput(message, fields={path or "body": [message]})


def parse_timestamp(value: Any) -> dt.datetime:
    """A point in time, in UTC, from epoch in seconds or milliseconds, or ISO 8601, which without a zone is UTC.

    Raises ``Invalid``.
    """
    text = _written(value)
    try:
        found = _epoch(text) if NUMERIC.fullmatch(text) else _iso(text)
    except (OverflowError, OSError, ValueError):
        raise InvalidInput(_("A time between 1970 and 2100 is expected.")) from None
    if found is None:
        raise InvalidInput(
            _(
                "A time is expected: epoch in seconds or milliseconds, or ISO 8601 such as 2026-11-22T17:30:00Z."
            )
        )
    if not 1970 <= found.year or found >= MAX_TIME:
        raise InvalidInput(_("A time between 1970 and 2100 is expected."))
    return found


def _epoch(text: str) -> dt.datetime:
    number = float(text)
    return dt.datetime.fromtimestamp(
        number / 1000 if number >= FROM_MILLISECONDS else number, dt.UTC
    )


def _iso(text: str) -> dt.datetime | None:
    # In a query, the plus of a zone may have become a space.
    found = parse_datetime(LOST_PLUS.sub(r"\1+\2", text)) if text.isascii() else None
    if found is None:
        return None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def parse_duration(value: Any) -> int:
    """A length of time in whole seconds; a fraction is rounded. Raises ``Invalid``."""
    text = _written(value)
    if not NUMERIC.fullmatch(text):
        raise InvalidInput(_("Seconds are expected."))
    if float(text) > MAX_CALL_SECONDS:
        raise InvalidInput(_("At most 31 days are expected."))
    return round(float(text))


def _written(value: Any) -> str:
    """A JSON number as text, or a text without the white space around it; "" for anything else."""
    return (
        str(value).strip()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
        else ""
    )
