"""The phone numbers of a call."""

from __future__ import annotations

from dataclasses import replace

from ... import phone
from ...records import CallStart, Direction

# Longest number that is an extension, in digits.
MAX_EXTENSION_DIGITS = 6


def parse_numbers(start: CallStart) -> CallStart:
    """Return ``start`` with its numbers parsed. Text that is not a number is not an error."""
    return replace(
        start,
        caller_e164=phone.e164(start.caller_number),
        caller_candidates=tuple(phone.candidates(start.caller_number)),
        called_e164=phone.e164(start.called_number),
        called_candidates=tuple(phone.candidates(start.called_number)),
    )


def guess_missing(start: CallStart) -> CallStart:
    """Return ``start`` with a direction and an extension where its parsed numbers indicate them."""
    start = replace(start, direction=start.direction or _guess_direction(start))
    return replace(start, extension=start.extension or _guess_extension(start))


def _guess_direction(start: CallStart) -> str:
    """Return the direction, given that extensions and ``COMPANY_NUMBERS`` have no candidates."""
    if bool(start.caller_candidates) == bool(start.called_candidates):
        return ""
    return Direction.INBOUND if start.caller_candidates else Direction.OUTBOUND


def _guess_extension(start: CallStart) -> str:
    """Return the number of the company's side if it is an extension."""
    is_outbound = start.direction == Direction.OUTBOUND
    number = start.caller_number if is_outbound else start.called_number
    return number if number.isdecimal() and len(number) <= MAX_EXTENSION_DIGITS else ""
