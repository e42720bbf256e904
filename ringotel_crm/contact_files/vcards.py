"""Read and write vCards: 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .cells import SEPARATOR
from .fields import KINDS, PHONE_FIELDS, TEXT_FIELDS
from .headers import kind_from_label

# It logs the lines that it skips, with names and numbers.
logging.getLogger("vobject.base").disabled = True

COLUMNS = (*TEXT_FIELDS, "middle_name", "name", *PHONE_FIELDS)

# Properties that are not read, and may be large or malformed.
_SKIPPED = re.compile(
    r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY|NOTE|ADR|LABEL|X-(?!ABLabel\b)[\w-]+)[;:]", re.IGNORECASE
)
_GROUP = re.compile(r"(?:X-ADDRESSBOOKSERVER-)?KIND(?:;[^:]*)?:\s*group\s*$", re.IGNORECASE)
_ORGANIZATION = re.compile(r"KIND(?:;[^:]*)?:\s*org\s*$", re.IGNORECASE)
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")
_LABELS = {
    "work": ["WORK"],
    "mobile": ["CELL"],
    "home": ["HOME"],
    "fax": ["FAX"],
    "other": ["VOICE"],
}


def read(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line at which a card begins, and its cells in the order of :data:`COLUMNS`.

    Groups are left out. A card that cannot be parsed yields empty cells.
    """
    start = 0
    card: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.strip().casefold() == "begin:vcard":
            start, card = number, []
        card.append(line.rstrip("\r\n"))
        if line.strip().casefold() == "end:vcard" and start:
            if not any(map(_GROUP.match, card)):
                cells = _parse(card)
                yield start, [SEPARATOR.join(cells.get(column, ())) for column in COLUMNS]
            start, card = 0, []


def write(contacts: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield a vCard 3.0 for each contact, whose keys are text fields and phone fields.

    A phone field may hold several numbers, separated by ``SEPARATOR``.
    """
    import vobject

    for contact in contacts:
        card = vobject.vCard()
        card.add("n").value = vobject.vcard.Name(
            family=contact["last_name"], given=contact["first_name"]
        )
        full_name = f"{contact['first_name']} {contact['last_name']}".strip()
        phones = [
            (kind, number)
            for kind in KINDS
            for number in contact[f"{kind}_phone"].split(SEPARATOR)
            if number
        ]
        card.add("fn").value = (
            full_name or contact["company"] or contact["email"] or (phones[0][1] if phones else "")
        )
        if contact["company"]:
            card.add("org").value = [contact["company"]]
        if contact["job_title"]:
            card.add("title").value = contact["job_title"]
        if contact["email"]:
            card.add("email").value = contact["email"]
        for kind, number in phones:
            tel = card.add("tel")
            tel.value, tel.type_paramlist = number, _LABELS[kind]
        yield card.serialize()


def _parse(lines: list[str]) -> dict[str, list[str]]:
    import vobject

    try:
        card = vobject.readOne(
            "\n".join(_without_skipped(lines)), ignoreUnreadable=True, allowQP=_is_old(lines)
        )
    except (vobject.base.VObjectError, ValueError, LookupError, StopIteration):
        return {}
    cells: dict[str, list[str]] = {}
    properties = list(card.lines())
    labels = {
        item.group: _plain(item.value)
        for item in properties
        if item.name == "X-ABLABEL" and item.group
    }
    for item in properties:
        _add(cells, item, labels.get(item.group, ""))
    if any(map(_ORGANIZATION.match, lines)) and "name" in cells:
        cells.setdefault("company", cells.pop("name"))
    return cells


def _add(cells: dict[str, list[str]], item: Any, label: str) -> None:
    """Add the value of a property to the cells of its column."""
    value = item.value
    if item.name == "N":
        for column, part in (
            ("first_name", value.given),
            ("middle_name", value.additional),
            ("last_name", value.family),
        ):
            if text := _plain(part):
                cells.setdefault(column, [text])
    elif item.name == "TEL" and (text := _plain(value)):
        cells.setdefault(f"{_kind(item, label)}_phone", []).append(text)
    elif item.name == "EMAIL" and (text := _plain(value)):
        preferred = any("pref" in kind.casefold() for kind in _types(item)) or "PREF" in item.params
        addresses = cells.setdefault("email", [])
        addresses.insert(0 if preferred else len(addresses), text)
    elif item.name in ("FN", "ORG", "TITLE", "ROLE"):
        column = {"FN": "name", "ORG": "company"}.get(item.name, "job_title")
        if text := _plain(value[0] if isinstance(value, list) and value else value):
            cells.setdefault(column, [text])


def _kind(item: Any, label: str) -> str:
    """Return the kind of a phone, from the label that a person chose, else from its types."""
    match = _APPLE_LABEL.fullmatch(label)
    if label and (kind := kind_from_label(match[1] if match else label)) != "other":
        return kind
    types = [
        kind
        for text in _types(item)
        for kind in text.split(",")
        if kind.casefold() not in ("pref", "voice")
    ]
    return kind_from_label(" ".join(types)) if types else "other" if label else "work"


def _types(item: Any) -> list[str]:
    """Return the types of a property; vCard 2.1 writes them without ``TYPE=``."""
    return [*item.params.get("TYPE", ()), *item.singletonparams]


def _plain(value: Any) -> str:
    text = " ".join(value) if isinstance(value, list) else str(value or "")
    return text.strip()


def _is_old(lines: list[str]) -> bool:
    return any(re.fullmatch(r"VERSION:2\.1\s*", line, re.IGNORECASE) for line in lines)


def _without_skipped(lines: list[str]) -> Iterator[str]:
    """Leave out properties that are not read, with the lines that continue them."""
    is_skipped = is_quoted = False
    for line in lines:
        is_continued = line[:1] in (" ", "\t") or is_quoted
        is_skipped = is_skipped if is_continued else bool(_SKIPPED.match(line))
        is_quoted = line.endswith("=") and (is_quoted or "QUOTED-PRINTABLE" in line.upper())
        if not is_skipped and line.strip():
            yield line
