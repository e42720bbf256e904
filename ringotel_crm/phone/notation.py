"""What people and switches write around one number: URIs, extensions, pauses, signs, letters."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import Leniency

from .cleaning import digits_in

# Digits. What is longer is not an extension.
_MAX_EXTENSION = 16

LABELS = (
    r"extensi[oó]n|extn|ext|x|\#|anexo|ramal|poste|posto|interno|int|durchwahl|nebenstelle|dw"
    r"|apparat|app|toestel|tst|dahili|wewn|wew|linka|klapka|anknytning|ankn|lokal|local"
    r"|добавочный|доб|внутр|вн|内線|内线|分机|分機|转|轉|p(?=\.)"
)
_EXTENSION = re.compile(
    rf"(?<=[\d)\]])[\s,;/\\(\[~-]*(?=[^\W\d_]|\#)(?:{LABELS})[\s.:\#]*(\d+)[\s)\]\#]*$",
    re.IGNORECASE,
)
# Pauses, and what is dialled after them: ",,12#", "p12", "w12", "*12", ";12".
_POST_DIAL = re.compile(r"(?<=\d)\s*(?:,{2,}|[pw*;])([\dpw,;*\#\s]*)$", re.IGNORECASE)

_ANGLES = re.compile("<([^<>]*)>")
_AT = re.compile(r"(?<=\S)@(?=\S)")
_SCHEME = re.compile(r"\s*(?:tel|sips?|callto|fax|sms|skype|whatsapp):(?://)?\s*", re.IGNORECASE)
_URI_PARAMETER = re.compile(r"(?<=\d)\s*;\s*(?:ext|isub|phone-context)=", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*([a-z-]+)=([^;@?]*)", re.IGNORECASE)

_SIGN = r"[\"'`=<>:;.,|/\\!?@%^${}\#-]"
_SIGNS_BEFORE = re.compile(rf"\s*(?:{_SIGN}|\+\s+(?=\+)|\*+(?=\s))(?:{_SIGN}|\s)*")
_SIGNS_AFTER = re.compile(rf"(?:{_SIGN}|[\s*_~])+$")
_SEPARATED = re.compile(r"\s*[\d(+][\W\d_]*")

_VANITY = re.compile(r"\+?\(?\d[\d\s().-]*[A-Za-z][\dA-Za-z\s.-]*")


def is_address(text: str) -> bool:
    """Return whether a text has a part before and a part after an ``@``, as SIP and e-mail have."""
    return bool(_AT.search(text))


def unwrap(text: str) -> tuple[str, str]:
    """Return the number and the extension of a SIP or tel URI, with or without its scheme.

    Any other text is returned unchanged, with ``""``.
    """
    if "<" in text and (angles := _ANGLES.findall(text)):
        text = next(filter(_SCHEME.match, angles), angles[-1])
    scheme = _SCHEME.match(text)
    if not (scheme or is_address(text) or _URI_PARAMETER.search(text)):
        return text, ""
    text = text[scheme.end() :] if scheme else text
    parameters = {name.lower(): value for name, value in _PARAMETER.findall(text)}
    user, at, _host = _PARAMETER.sub("", text).partition("@")
    user = user.partition("?")[0]
    if at:
        user = user.partition(":")[0]  # without a password
    context = parameters.get("phone-context", "")
    if context.startswith("+") and "+" not in user:
        user = context + user
    return user, _extension(parameters.get("ext", ""))


def has_extension(text: str) -> bool:
    """Return whether a text ends with a labelled extension, such as ``ext. 12``."""
    return bool(_EXTENSION.search(text))


def take_extension(text: str) -> tuple[str, str]:
    """Return the text before an extension or a pause, and the extension, or ``""``."""
    match = _EXTENSION.search(text) or _POST_DIAL.search(text)
    if not match:
        return text, ""
    first = re.search(r"\d+", match[1])
    return text[: match.start()], _extension(first[0] if first else "")


def _extension(text: str) -> str:
    digits = digits_in(text)
    return digits if len(digits) <= _MAX_EXTENSION else ""


def strip_signs(text: str) -> str:
    """Remove quotes, bullets and the like around a number, but keep a space that may be a plus."""
    if signs := _SIGNS_BEFORE.match(text):
        text = text[signs.end() :]
    return _SIGNS_AFTER.sub("", text)


def with_spaces(text: str) -> str:
    """Replace each sign between digits by a space: ``021*202*8252``. Other texts give ``""``."""
    return re.sub(r"[^\d()+]+", " ", text) if _SEPARATED.fullmatch(text) else ""


def find_vanity(text: str) -> tuple[str, str]:
    """Return the digits and the letters of a number such as ``1-800-FLOWERS``, or ``("", "")``."""
    match = _VANITY.search(text)
    digits, letters = re.split(r"(?=[A-Za-z])", match[0].strip(), maxsplit=1) if match else ("", "")
    return digits, letters


def to_digits(letters: str) -> str:
    """Replace letters by the digits of their keys."""
    return phonenumbers.convert_alpha_characters_in_number(letters)


def find_in_prose(text: str, region: str | None) -> list[tuple[int, str]]:
    """Return the place and the text of each number among words.

    A date would be possible too, so what has no plus has to be valid.
    """
    international = phonenumbers.PhoneNumberMatcher(text, None, leniency=Leniency.POSSIBLE)
    matches = (*international, *phonenumbers.PhoneNumberMatcher(text, region))
    return sorted({match.start: match.raw_string for match in matches}.items())
