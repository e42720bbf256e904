"""Phone numbers: from what people and switches write to E.164, or the reason why not.

``numbers`` is for fields that people fill in, ``candidates`` for the number of a caller. Both read
any notation: international and national, with extensions, in SIP headers and among words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..conf import conf
from .cleaning import clean, digits_in
from .interpretation import Refusal
from .parsing import MIN_DIGITS, display, is_region, to_e164
from .splitting import Reading, read_field

__all__ = [
    "NumberExplanation",
    "ParsedNumber",
    "Refusal",
    "candidates",
    "display",
    "e164",
    "explain",
    "is_region",
    "mask",
    "numbers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedNumber:
    """A number in E.164 (``+353212028252``), its extension, and the text that holds both."""

    e164: str
    extension: str = ""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberExplanation:
    """The E.164 numbers to look for, in this order, or the reason why there are none."""

    candidates: tuple[str, ...] = ()
    refusal: Refusal | None = None


def numbers(text: str, *, region: str | None = None) -> list[ParsedNumber]:
    """Return every phone number in a field that people fill in, each in its likeliest reading.

    ``text`` must not have been stripped: a space at its start may be a ``+`` that went through a
    URL. ``region`` is ``DEFAULT_REGION`` unless given.
    """
    return [
        ParsedNumber(
            e164=to_e164(reading.interpretation.numbers[0]),
            extension=reading.extension,
            text=reading.text,
        )
        for reading in _read(text, region)
        if reading.interpretation.numbers
    ]


def e164(text: str, *, region: str | None = None) -> str:
    """Return the first of the ``numbers`` of a text in E.164, or ``""``."""
    return next((number.e164 for number in numbers(text, region=region)), "")


def candidates(text: str, *, region: str | None = None) -> list[str]:
    """Return the E.164 numbers that a caller's number may stand for, in the order to look for them.

    Empty when it cannot identify a contact; ``explain`` gives the reason. As for ``numbers``,
    ``text`` must not have been stripped.
    """
    return list(explain(text, region=region).candidates)


def explain(text: str, *, region: str | None = None) -> NumberExplanation:
    """Return the ``candidates`` of a text or, if there are none, the reason."""
    interpretation = _read(text, region)[0].interpretation
    if interpretation.refusal:
        return NumberExplanation(refusal=interpretation.refusal)
    found = interpretation.candidates()
    for listed, refusal in (
        (conf.COMPANY_NUMBERS, Refusal.OWN),
        (conf.IGNORED_NUMBERS, Refusal.IGNORED),
    ):
        if listed and not _listed(tuple(listed), region or conf.DEFAULT_REGION).isdisjoint(found):
            return NumberExplanation(refusal=refusal)
    return NumberExplanation(candidates=found)


def mask(text: str) -> str:
    """Return what logs may contain of a number: its first three digits and the last two."""
    text = clean(text)
    digits = digits_in(text)
    if len(digits) <= MIN_DIGITS:
        return "•••" if text.strip() else ""
    return f"{'+' if text.lstrip().startswith('+') else ''}{digits[:3]}•••{digits[-2:]}"


def _read(text: str, region: str | None) -> tuple[Reading, ...]:
    return read_field(text, region or conf.DEFAULT_REGION, conf.DIAL_PREFIX)


@lru_cache(maxsize=32)
def _listed(texts: tuple[str, ...], region: str | None) -> frozenset[str]:
    return frozenset(number.e164 for text in texts for number in numbers(text, region=region))
