"""Find out how the text of a file is encoded."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from charset_normalizer import from_bytes

from ..conf import conf

_CHUNK = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = ("cp1252", "mac_roman", "cp850", "cp1250", "cp852", "cp1254")
_OTHER_SCRIPTS = (
    *("cp1251", "cp866", "koi8_r", "cp1253", "cp1255", "cp1256"),
    *("shift_jis", "gb18030", "big5", "euc_kr"),
)
# Regions where Excel saves CSV files in another code page than Windows-1252
# (Microsoft, "Code Page Identifiers").
_CODE_PAGES = {
    "cp1250": "PL CZ SK HU SI HR BA RS ME RO AL",
    "cp1251": "RU UA BY BG MK KZ KG MN TJ UZ",
    "cp1253": "GR CY",
    "cp1254": "TR AZ",
    "cp1255": "IL",
    "cp1257": "EE LV LT",
    "cp1256": "SA AE EG IQ JO KW LB LY MA OM QA SY TN YE DZ BH IR PK",
    "shift_jis": "JP",
    "gb18030": "CN SG",
    "big5": "TW HK MO",
    "euc_kr": "KR",
}
_REGION_CODE_PAGES = {
    region: page for page, regions in _CODE_PAGES.items() for region in regions.split()
}

# The signs of Western European names that are frequent in a file of contacts.
_FREQUENT = frozenset("äöüßÄÖÜéèêëàâîôûçÇáíóúñãåæøÅÆØÉÁÍÓÚ’“”„–€´®©°")
# Signs of a wrong code page: Dvoøák for Dvořák, Nowiñski for Nowiński, Ayþe for Ayşe, Núńez for
# Núñez.
_IMPLAUSIBLE = re.compile(
    r"[aeiouáéíóúyý]ø|ø[aeiouáéíóú]|ñ(?![aeiouáéíóúy])|(?<![aeiou])ï|[ìùò](?=\w)|è[aeiouáéíóú]|[aeiouáéíóú]è"
    r"|(?<=\w)þ|ń[aeiouáéíóú]|[ĺŕÿ]|õ(?!e)|(?<=\w)[„“”](?=\w)",
    re.IGNORECASE,
)


def detect(file: BinaryIO) -> str:
    """Return the name of the codec, and rewind the file.

    A byte order mark decides, then zero bytes (UTF-16), then valid UTF-8. Of the older code pages,
    the one is chosen that makes the most plausible names; among equals, that of ``DEFAULT_REGION``.
    """
    file.seek(0)
    head = file.read(_CHUNK)
    encoding = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "")
    zeros = (head[0::2].count(0), head[1::2].count(0))
    if not encoding and max(zeros) > len(head) // 8:
        encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    if not encoding:
        sample = _sample_unless_utf8(file)
        encoding = _guess(sample) if sample else "utf-8"
    file.seek(0)
    return encoding


def _sample_unless_utf8(file: BinaryIO) -> bytes:
    """Return lines with bytes above 127, or ``b""`` if the whole file is UTF-8."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        file.seek(0)
        sample = bytearray()
        while len(sample) < _CHUNK and (line := file.readline(_CHUNK)):
            sample += b"" if line.isascii() else line
        return bytes(sample)
    return b""


def _guess(sample: bytes) -> str:
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") * 10 < sum(not char.isascii() for char in text):
        return "utf-8"  # with some damage
    local = _REGION_CODE_PAGES.get(conf.DEFAULT_REGION or "", "cp1252")
    matches = list(from_bytes(sample, cp_isolation=[*_LATIN, *_OTHER_SCRIPTS], threshold=0.9))
    latin_chaos = min((match.chaos for match in matches if match.encoding in _LATIN), default=1.0)
    if matches and matches[0].encoding in _OTHER_SCRIPTS and matches[0].chaos + 0.3 < latin_chaos:
        return matches[0].encoding
    scores = {encoding: _plausibility(sample, encoding) for encoding in (local, *_LATIN)}
    if local != "cp1252":
        scores[local] += 1
    return max(scores, key=lambda encoding: scores[encoding])


def _plausibility(sample: bytes, encoding: str) -> float:
    """Return the mean score of the non-ASCII signs of ``sample``, from -4 to 2."""
    text = sample.decode(encoding, "replace")
    score = count = 0
    for match in re.finditer(r"(.?)([^\x00-\x7f])", text, re.DOTALL):
        before, char = match.groups()
        count += 1
        score += 2 if char in _FREQUENT else 1 if char.isalpha() else -2
        score -= 2 if char.isupper() and before.islower() else 0
        score -= 1 if char.islower() and not before.isalpha() else 0
    return (score - 2 * len(_IMPLAUSIBLE.findall(text))) / (count or 1)
