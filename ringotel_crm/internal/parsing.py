"""Parsing of what Ringotel sends to any of the APIs: strict JSON, missing values, primary keys,
times, durations and directions.
"""

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

# Levels of nested JSON objects and arrays that are read.
MAX_DEPTH = 50

# Ringotel sends the name of a variable that has no value: "$phone$". Names may contain spaces:
# "$API key$".
PLACEHOLDER = re.compile(r"\s*\$[A-Za-z_][\w ]*\$\s*")

# PostgreSQL cannot store NUL, and a lone surrogate cannot be encoded.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

NUMERIC = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?")

# Zero with or without sign, fraction, and separators of date and time: 0, 00000, -0.0,
# 0000-00-00T00:00Z.
ZERO = re.compile(r"[-+]?0[0.:TZ+ -]*")

# An ISO 8601 time from a query string in which the plus of the offset was decoded to a space.
DECODED_PLUS = re.compile(r"(\d\d:\d\d[\d:.]*) (\d\d:?\d\d)$")

LEAP_SECOND = re.compile(r"([T ]\d\d:\d\d:)60")

# Epoch numbers from here on are milliseconds: as seconds this is the year 5138, as milliseconds
# 1973.
MIN_MILLISECONDS = 10**11

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MAX_TIME = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)

# The largest value of a BigAutoField.
MAX_KEY = 2**63 - 1

# Seconds: 31 days.
MAX_CALL_SECONDS = 31 * 24 * 3600

# Values of "activity_type". For any other value the direction is derived from the numbers.
DIRECTIONS = {
    "inbound": Direction.INBOUND,
    "incoming": Direction.INBOUND,
    "in": Direction.INBOUND,
    "outbound": Direction.OUTBOUND,
    "outgoing": Direction.OUTBOUND,
    "out": Direction.OUTBOUND,
    "internal": Direction.INTERNAL,
}


def parse_json_object(body: bytes) -> dict[str, Any]:
    """Parse ``body``, a JSON object in UTF-8.

    Raises ``InvalidInput`` for anything else, and for NaN, infinity, duplicate keys, and more than
    :data:`MAX_DEPTH` levels.
    """
    try:
        value = json.loads(
            body.decode("utf-8-sig"),
            parse_float=_parse_finite_float,
            parse_constant=_reject_constant,
            object_pairs_hook=_parse_unique_keys,
        )
        _check_depth(value)
    except RecursionError as exc:
        raise InvalidInput(_("The JSON is nested too deeply.")) from exc
    except ValueError as exc:  # not UTF-8, not JSON, or an integer of thousands of digits
        message = _("The body is not valid JSON in UTF-8: %(reason)s") % {"reason": exc}
        raise InvalidInput(message) from exc
    if not isinstance(value, dict):
        raise InvalidInput(_("The body must be a JSON object."))
    return value


def _parse_finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(_("%(number)s is out of range") % {"number": text[:20]})
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is not JSON") % {"name": name})


def _parse_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(_("duplicate key"))
    return value


def _check_depth(value: Any) -> None:
    """Raise ``RecursionError`` if ``value`` has more than :data:`MAX_DEPTH` levels."""
    level = [value]
    for _depth in range(MAX_DEPTH):
        level = [item for container in level for item in _items(container)]
    if level:
        raise RecursionError


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def is_absent(value: Any) -> bool:
    """Return whether ``value`` means "no value": ``None``, blank text, or an unresolved
    ``$placeholder$``.
    """
    if isinstance(value, str):
        return not value.strip() or PLACEHOLDER.fullmatch(value) is not None
    return value is None


def parse_key(text: str) -> int:
    """Return ``text`` as an integer primary key; 0, which no row has, if it is none."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_KEY))
    key = int(text) if is_number else 0
    return key if key <= MAX_KEY else 0


def strip_absent(value: Any, path: str = "") -> Any:
    """Return ``value`` without absent members and items, at any depth.

    Raises ``InvalidInput`` for text that cannot be stored, with its dotted path as the field.
    """
    if isinstance(value, dict):
        _check_storable("".join(value), path)
        return {
            key: strip_absent(item, f"{path}.{key}".lstrip("."))
            for key, item in value.items()
            if not is_absent(item)
        }
    if isinstance(value, list):
        return [strip_absent(item, path) for item in value if not is_absent(item)]
    if isinstance(value, str):
        _check_storable(value, path)
    return value


def _check_storable(text: str, path: str) -> None:
    if UNSTORABLE.search(text):
        message = _("Must not contain NUL characters or lone surrogates.")
        raise InvalidInput(message, fields={path or "body": [message]})


def parse_timestamp(value: Any) -> dt.datetime | None:
    """Parse a time as an aware datetime in UTC. Zero, in any notation, is an unknown time: None.

    ``value``: epoch in seconds or milliseconds, or RFC 3339 or ISO 8601, which is UTC without an
    offset.

    Raises ``InvalidInput`` for anything else, and outside the years 1970 to 2099.
    """
    text = _to_text(value).upper()
    if ZERO.fullmatch(text):
        return None
    try:
        timestamp = _parse_epoch(text) if NUMERIC.fullmatch(text) else _parse_iso(text)
    except (OverflowError, OSError, ValueError):
        raise InvalidInput(_("Enter a time between 1970 and 2100.")) from None
    if timestamp is None:
        raise InvalidInput(
            _(
                "Enter a valid time: seconds or milliseconds since 1970, "
                "or ISO 8601 such as 2026-11-22T17:30:00Z."
            )
        )
    if not 1970 <= timestamp.year or timestamp >= MAX_TIME:
        raise InvalidInput(_("Enter a time between 1970 and 2100."))
    return None if timestamp == EPOCH else timestamp


def _parse_epoch(text: str) -> dt.datetime:
    number = float(text)
    seconds = number / 1000 if number >= MIN_MILLISECONDS else number
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _parse_iso(text: str) -> dt.datetime | None:
    # Python does not support leap seconds: the next second is returned.
    text, leap_seconds = LEAP_SECOND.subn(r"\g<1>59", DECODED_PLUS.sub(r"\1+\2", text))
    timestamp = parse_datetime(text) if text.isascii() else None
    if timestamp is None:
        return None
    timestamp += dt.timedelta(seconds=leap_seconds)
    if timestamp.tzinfo is None:
        return timestamp.replace(tzinfo=dt.UTC)
    return timestamp.astimezone(dt.UTC)


def parse_duration(value: Any) -> int:
    """Parse a duration as whole seconds; a fraction is rounded.

    Raises ``InvalidInput`` for anything but a number from 0 to :data:`MAX_CALL_SECONDS`.
    """
    text = _to_text(value)
    if not NUMERIC.fullmatch(text):
        raise InvalidInput(_("Must be a number of seconds."))
    if float(text) > MAX_CALL_SECONDS:
        raise InvalidInput(_("Must be at most 31 days."))
    return round(float(text))


def _to_text(value: Any) -> str:
    """Return a JSON number or string as stripped text, and "" for any other type."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip()
    return ""
