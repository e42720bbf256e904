"""Reading Ringotel's answers.

Tolerant: keys may be missing, numbers may be integers, and a list may be replaced by its only item.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from ..exceptions import InvalidInput
from ..internal.parsing import parse_duration, parse_timestamp
from ..records import (
    AddressBookEntry,
    AttachedExtension,
    CallHistoryEntry,
    Presence,
    RingotelConnection,
    RingotelOrganization,
    RingotelUserRecord,
    WrittenMessage,
)
from .transport import InvalidResponse

SMS_BY_INTEGRATION = 3
DISABLED = 0


def unreadable(method: str) -> InvalidResponse:
    """Return the exception for an answer of another shape than documented."""
    return InvalidResponse(
        _("Ringotel's answer to %(method)s cannot be read.") % {"method": method}
    )


def rows(method: str, result: Any) -> list[dict[str, Any]]:
    """Return ``result`` if it is a list of objects. Raises ``BadAnswer``."""
    if not isinstance(result, list) or not all(isinstance(row, dict) for row in result):
        raise unreadable(method)
    return result


def text(row: dict[str, Any], name: str) -> str:
    """Return a text, or a number as text; "" for anything else."""
    value = row.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(
        str(item)
        for item in values
        if isinstance(item, str | int) and not isinstance(item, bool) and str(item).strip()
    )


def _object(row: dict[str, Any], name: str) -> dict[str, Any]:
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _objects(row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = row.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _integer(row: dict[str, Any], name: str) -> int | None:
    value = text(row, name)
    return int(value) if value.removeprefix("-").isdecimal() and len(value) < 10 else None


def _is_true(row: dict[str, Any], name: str) -> bool:
    return row.get(name) not in (None, False, 0, "", "0", "false")


def organization(row: dict[str, Any]) -> RingotelOrganization:
    """Return a row of ``getOrganization``."""
    return RingotelOrganization(
        id=text(row, "id"), name=text(row, "name"), domain=text(row, "domain")
    )


def connection(row: dict[str, Any]) -> RingotelConnection:
    """Return a row of ``getBranches``."""
    provision = _object(row, "provision")
    has_popup = provision.get("popup") is not None
    return RingotelConnection(
        id=text(row, "id"),
        name=text(row, "name"),
        inbound_format=text(provision, "inboundFormat"),
        sends_sms=_integer(provision, "sms") == SMS_BY_INTEGRATION,
        logs_missed=not _is_true(provision, "nologmc"),
        logs_answered_elsewhere=not _is_true(provision, "nologae"),
        popup_url=text(provision, "application") if has_popup else "",
        page_urls=tuple(text(page, "url") for page in _objects(provision, "custompages")),
        is_enabled=_integer(row, "status") != DISABLED,
    )


def user(row: dict[str, Any], ai_agents: Collection[str] = ()) -> RingotelUserRecord:
    """Return a row of ``getUsers``, or the answer of ``createUser``, whose e-mail address is not in
    ``info``."""
    state = _integer(row, "state")
    return RingotelUserRecord(
        id=text(row, "id"),
        name=text(row, "name"),
        extension=text(row, "extension"),
        email=next(iter(_texts(_object(row, "info").get("email"))), "") or text(row, "email"),
        status=_integer(row, "status"),
        presence=Presence(state) if state in Presence.values else None,
        attached=tuple(
            AttachedExtension(extension=text(item, "extension"), id=text(item, "id"))
            for item in _objects(row, "ext")
        ),
        is_ai_agent=text(row, "id") in ai_agents,
    )


def past_call(row: dict[str, Any]) -> CallHistoryEntry | None:
    """Return a row of ``getCalls``; None without a start, or with values that cannot be read."""
    try:
        start = parse_timestamp(row.get("t"))
        if start is None:
            return None
        return CallHistoryEntry(
            caller_number=text(row, "a"),
            called_number=text(row, "b"),
            is_outgoing=_is_true(row, "o"),
            start=start,
            duration=parse_duration(row.get("d") or 0),
            cause=text(row, "c"),
        )
    except InvalidInput:
        return None


def card(row: dict[str, Any]) -> AddressBookEntry:
    """Return a row of ``getContacts`` or ``importContacts``."""
    info = _object(row, "info")
    return AddressBookEntry(
        id=text(row, "id"),
        name=text(row, "name") or f"{text(row, 'firstname')} {text(row, 'lastname')}".strip(),
        phones=_texts(info.get("phone")),
        mobiles=_texts(info.get("mobile")),
        faxes=_texts(info.get("fax")),
        sips=_texts(info.get("sip")),
        emails=_texts(info.get("email")),
        organization=text(info, "organization"),
        position=text(info, "position"),
        department=text(info, "department"),
        about=text(info, "about"),
    )


def subjects(result: Any) -> list[str]:
    """Return the answer of ``getActivitySubjects``: a list of texts, or of objects with a name."""
    if not isinstance(result, list):
        raise unreadable("getActivitySubjects")
    names = (
        text(row, "name") or text(row, "subject") if isinstance(row, dict) else str(row)
        for row in result
    )
    return [name for name in names if name]


def written(result: Any) -> WrittenMessage:
    """Return the answer of ``message``, which may be empty."""
    row = result if isinstance(result, dict) else {}
    return WrittenMessage(id=text(row, "messageid"), session_id=text(row, "sessionid"))
