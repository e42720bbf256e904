"""The one home of telephone numbers: from what people and switches write to E.164, or why not.

Only this module imports ``phonenumbers``, and feeds it clean digits, because by itself it reads too
kindly: ``101`` in the US would become +1101 and ``0044...`` +10044... Whether a reading counts is
decided by ``is_possible``: new ranges must not turn callers into strangers.

Bare digits (neither ``+`` nor an international prefix) are read as international and as national of
the region. A valid reading comes before a merely possible one. Between equals,

1. digits that begin with the region's own country code are international;
2. digits that begin with its trunk prefix, or make one of its mobile numbers, are national;
3. other digits are national where no trunk prefix is written (Spain, the US, Brazil), else international.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import (
    Leniency,
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from .conf import conf


class Refusal(StrEnum):
    """Why a text is not a number that can identify anybody."""

    EMPTY = "empty"
    WITHHELD = "withheld"
    SHORT = "short"
    EMERGENCY = "emergency"
    NO_REGION = "no_region"
    IMPOSSIBLE = "impossible"
    OWN = "own"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in E.164 (``+353212028252``), the extension behind it, and the text that says so."""

    e164: str
    extension: str = ""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The E.164 numbers to look for, in this order, or the reason why there are none."""

    candidates: tuple[str, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What one piece of a text says: E.164 numbers, the likeliest first, or a refusal."""

    text: str
    e164s: tuple[str, ...] = ()
    extension: str = ""
    refusal: Refusal | None = None


_MAX_TEXT = 250  # characters of a field that are looked at
_MAX_EXTENSION = 16  # digits; what is longer is no extension
_MIN_DIGITS, _MAX_DIGITS = (
    7,
    15,
)  # what is shorter is an extension or a service; E.164 has 15 at most

_WITHHELD_WORDS = re.compile(
    "anonymous|blocked|hidden|no ?caller|out of area|private|restricted|unavailable|undefined|unknown|withheld",
    re.IGNORECASE,
)
_WITHHELD_DIGITS = frozenset({"266696687", "86282452253"})  # ANONYMOUS and UNAVAILABLE on a keypad

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NEW_NUMBER = re.compile(
    r"[\n|&]+|;(?!\s*[a-z-]+=)|\b(?:or|and|oder|und|ou|et)\b|(?<=\d)[\s,/]*(?=\+)", re.IGNORECASE
)
_URI_SCHEME = re.compile(r"^\s*(?:tel|sips?|callto):\s*", re.IGNORECASE)
_URI_PARAMETER = re.compile(r";\s*([a-z-]+)=([^;]*)", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(?<=[\d)])[\s,;]*(?:(?:extension|extn|ext|x|#|int|anexo|ramal|poste|доб|p(?=\.))[\s.:]*|,\s*)(\d{1,6})\s*#?\s*$",
    re.IGNORECASE,
)
_WRITTEN_NUMBER = re.compile(r"[\s(\[]*\+*[\s()\[\].,/~_'\d-]*")
_OPTIONAL_ZERO = re.compile(r"(?<=\d)[\s.-]*\(0\)")
_LOST_PLUS = re.compile(r" [1-9]")
_PLAIN = re.compile(r"\+?[0-9 ().-]*")


def numbers(text: str, *, region: str | None = None) -> list[Number]:
    """Every telephone number in a field that people fill in, each in its likeliest reading.

    ``text`` must not have been stripped: a space at its start may be a ``+`` that went through a
    URL. ``region`` is ``DEFAULT_REGION`` unless given.
    """
    return [
        Number(e164=reading.e164s[0], extension=reading.extension, text=reading.text)
        for reading in _read(text, region or conf.DEFAULT_REGION)
        if reading.e164s
    ]


def e164(text: str) -> str:
    """The first number of ``text`` in E.164, "" if there is none."""
    return next((number.e164 for number in numbers(text)), "")


def candidates(text: str, *, region: str | None = None) -> list[str]:
    """The E.164 numbers that a caller's number may stand for, in the order to look for them.

    Empty when it cannot identify anybody; ``explain`` says why. As for ``numbers``, ``text`` must
    not have been stripped.
    """
    return list(explain(text, region=region).candidates)


def explain(text: str, *, region: str | None = None) -> Explanation:
    """The ``candidates`` of a text or, if there are none, the reason."""
    region = region or conf.DEFAULT_REGION
    reading = _read(text, region)[0]
    if reading.refusal:
        return Explanation(refusal=reading.refusal)
    if not _listed(tuple(conf.COMPANY_NUMBERS), region).isdisjoint(reading.e164s):
        return Explanation(refusal=Refusal.OWN)
    if not _listed(tuple(conf.IGNORED_NUMBERS), region).isdisjoint(reading.e164s):
        return Explanation(refusal=Refusal.IGNORED)
    return Explanation(candidates=reading.e164s)


def mask(text: str) -> str:
    """A text for logs: of a number its first three digits and the last two, of anything else nothing."""
    text = _clean(text)
    digits = re.sub(r"\D", "", text)
    if len(digits) <= _MIN_DIGITS:
        return "•••" if text.strip() else ""
    return f"{'+' if text.lstrip().startswith('+') else ''}{digits[:3]}•••{digits[-2:]}"


def is_region(code: str) -> bool:
    """Whether ``code`` is a region whose numbers are known, e.g. "IE"."""
    return code in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=1024)  # a page shows one number many times
def display(e164: str) -> str:
    """A number for people to read (``+353 21 202 8252``); what is not E.164 comes back unchanged."""
    number = _parse(e164) if _E164.fullmatch(e164) else None
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number else e164


@lru_cache(maxsize=32)
def _listed(texts: tuple[str, ...], region: str | None) -> frozenset[str]:
    return frozenset(number.e164 for text in texts for number in numbers(text, region=region))


def _clean(text: str) -> str:
    """One ASCII form for each digit, plus, dash and space, and nothing that cannot be seen."""
    text = text[:_MAX_TEXT]
    if "%" in text:
        text = unquote(text)
    if not text.isascii() or not text.isprintable():
        text = "".join(map(_fold, text))
    return text


def _fold(char: str) -> str:
    match unicodedata.category(char):
        case "Nd":
            return str(unicodedata.decimal(char))
        case "Pd":
            return "-"
        case "Zs":
            return " "
        case "Zl" | "Zp":
            return "\n"
        case "Cc":
            return {"\t": " ", "\n": "\n", "\r": "\n"}.get(char, "")
        case "Cf" | "Cs" | "Mn" | "Me" | "No":  # marks, and footnotes such as "¹"
            return ""
        case _:
            return {"−": "-", "ー": "-", "～": "~"}.get(char) or unicodedata.normalize("NFKC", char)


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


@lru_cache(maxsize=1024)  # several requests tell of one call
def _read(text: str, region: str | None) -> tuple[_Reading, ...]:
    """The numbers of a field or, when there is none, the refusal of the whole."""
    text = _clean(text)
    if region and not is_region(region):
        region = None
    if _PLAIN.fullmatch(text):  # as most are: one number, and nothing around it
        return (_read_plain(text, text.strip(), region),)
    return tuple(_pieces(text, region)) or (_read_one(text, region),)


def _pieces(text: str, region: str | None) -> Iterator[_Reading]:
    first, *others = _NEW_NUMBER.split(text)
    for piece in (first, *map(str.lstrip, others)):
        readings = [_read_one(part, region) for part in re.split(r"[,/]\s*", piece)]
        if not all(reading.e164s for reading in readings):
            readings = [_read_one(piece, region)]
        if not readings[0].e164s and "@" not in piece and re.search(r"[^\W\d_]", piece):
            readings = [_read_one(found, region) for found in _among_words(piece, region)]
        yield from (reading for reading in readings if reading.e164s)


def _among_words(text: str, region: str | None) -> list[str]:
    """The numbers in prose. A date would be possible too, so what has no plus has to be valid."""
    international = phonenumbers.PhoneNumberMatcher(text, None, leniency=Leniency.POSSIBLE)
    matches = (*international, *phonenumbers.PhoneNumberMatcher(text, region))
    by_place = {match.start: match.raw_string for match in matches}
    return [by_place[start] for start in sorted(by_place)]


def _read_one(text: str, region: str | None) -> _Reading:
    """One number with all that may surround it: angle brackets, scheme, parameters, host, extension."""
    typed = text.strip()
    if angles := re.search("<([^<>]*)>", text):
        text = angles[1]
    text = _URI_SCHEME.sub("", text)
    parameters = {name.lower(): value for name, value in _URI_PARAMETER.findall(text)}
    text = _URI_PARAMETER.sub("", text).partition("@")[0]
    extension = _digits(parameters.get("ext", ""))
    if len(extension) > _MAX_EXTENSION:
        extension = ""
    if match := _EXTENSION.search(text):
        text, extension = text[: match.start()], match[1]
    if parameters.get("phone-context", "").startswith("+"):
        text = parameters["phone-context"] + text
    return _read_plain(text, typed, region, extension)


def _read_plain(text: str, typed: str, region: str | None, extension: str = "") -> _Reading:
    """One number without anything around it, which was ``typed`` with it."""
    if refusal := _refusal(text, region):
        return _Reading(text=typed, refusal=refusal)
    readings = _interpretations(text, region)
    if _OPTIONAL_ZERO.search(text):  # to be left out in "+44 (0)20 ...", but not in "+39 (0)6 ..."
        readings = _interpretations(_OPTIONAL_ZERO.sub("", text), region) + readings
        readings.sort(key=phonenumbers.is_valid_number, reverse=True)
    if not readings:
        return _Reading(
            text=typed, refusal=Refusal.IMPOSSIBLE if region or "+" in text else Refusal.NO_REGION
        )
    e164s = dict.fromkeys(
        phonenumbers.format_number(number, PhoneNumberFormat.E164) for number in readings
    )
    return _Reading(text=typed, e164s=tuple(e164s), extension=extension)


def _refusal(text: str, region: str | None) -> Refusal | None:
    """Why a text is no number, as far as one can tell without reading it as one."""
    if not text.strip():
        return Refusal.EMPTY
    digits = _digits(text)
    if digits in _WITHHELD_DIGITS:
        return Refusal.WITHHELD
    if len(digits) < _MIN_DIGITS:
        if _WITHHELD_WORDS.search(text):
            return Refusal.WITHHELD
        if region and phonenumbers.is_emergency_number(digits, region):
            return Refusal.EMERGENCY
        return Refusal.SHORT if digits else Refusal.IMPOSSIBLE
    if not _WRITTEN_NUMBER.fullmatch(text):
        return Refusal.IMPOSSIBLE
    return Refusal.WITHHELD if len(set(digits)) == 1 else None


def _interpretations(text: str, region: str | None) -> list[PhoneNumber]:
    """The possible numbers that a text may stand for, the likeliest first."""
    digits = _digits(text)
    international = _parse("+" + digits.removeprefix("00"))
    national = _parse_national(digits, region) if region and "+" not in text else None
    if not (region and international and national) or international == national:
        return [number for number in (international or national,) if number]
    if not _LOST_PLUS.match(text) and _is_national_first(international, national, digits, region):
        return [national, international]
    return [international, national]


def _is_national_first(
    international: PhoneNumber, national: PhoneNumber, digits: str, region: str
) -> bool:
    """Which reading of bare digits is likelier; the head of this module says why."""
    is_valid = phonenumbers.is_valid_number(national)
    if is_valid != phonenumbers.is_valid_number(international):
        return is_valid
    country_code = str(phonenumbers.country_code_for_region(region))
    if digits.startswith(country_code):
        return False
    trunk_prefix = phonenumbers.ndd_prefix_for_region(region, False) or ""
    written = _digits(phonenumbers.format_number(national, PhoneNumberFormat.NATIONAL))
    return (
        not (trunk_prefix and written.startswith(trunk_prefix))
        or digits.startswith(trunk_prefix)
        or phonenumbers.number_type(national) == PhoneNumberType.MOBILE
    )


def _parse_national(digits: str, region: str) -> PhoneNumber | None:
    """What is dialled in a region: a national number, or an international one by the region's own prefix."""
    if digits.startswith("00"):
        metadata = PhoneMetadata.metadata_for_region(region)
        if not metadata or not re.match(metadata.international_prefix or "", digits):
            return None
    number = _parse(digits, region)
    return (
        None if number and phonenumbers.is_valid_short_number_for_region(number, region) else number
    )


def _parse(digits: str, region: str | None = None) -> PhoneNumber | None:
    """The number that the digits say, if numbers of its country can be that long."""
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    national = phonenumbers.national_significant_number(number)
    if (
        phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE
        or len(f"{number.country_code}{national}") > _MAX_DIGITS
        or (
            number.country_code == 1 and national[0] in "01"
        )  # no North American area code begins so
        or (len(set(national)) == 1 and not phonenumbers.is_valid_number(number))  # a filler
    ):
        return None
    return number
