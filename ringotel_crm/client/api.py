"""Ringotel's methods, one of ours each, with our records in and out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ..conf import conf
from ..exceptions import InvalidInput
from ..internal.parsing import parse_duration, parse_timestamp
from ..records import AddressBookEntry, CallHistoryEntry, RingotelUserRecord
from .transport import (
    InvalidResponse,
    NotConfigured,
    RingotelApiError,
    RingotelAuthenticationError,
    RingotelConnectionError,
    RingotelError,
    Transport,
)

__all__ = [
    "InvalidResponse",
    "NotConfigured",
    "Ringotel",
    "RingotelApiError",
    "RingotelAuthenticationError",
    "RingotelConnectionError",
    "RingotelError",
]


class Ringotel:
    """The account of the settings ``RINGOTEL_API_KEY``, ``ORGANIZATION_ID`` and ``ORGANIZATION_DOMAIN``.

    Every method raises a :class:`RingotelError`. Those that only read are tried up to three times; the others once,
    because nobody knows whether a request that was not answered has been carried out.
    """

    def __init__(self) -> None:
        self._transport = Transport()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._transport.url}>"

    def init_call(self, *, extension: str, number: str, name: str = "") -> None:
        """Let the phone with this extension call this number; it rings at ``extension`` first."""
        params = {"from": extension, "tonumber": number, "toname": name, "domain": self._domain}
        self._transport.call("initCall", params, repeatable=False)

    def get_calls(
        self, begin: dt.datetime, end: dt.datetime, *, user_id: str = ""
    ) -> list[CallHistoryEntry]:
        """The calls that began between these times, of all users or of one, as the history has them."""
        params: dict[str, Any] = {"orgid": self._org_id, "begin": _epoch(begin), "end": _epoch(end)}
        if user_id:
            params["userid"] = user_id
        return [
            _past_call(row)
            for row in _rows("getCalls", self._transport.call("getCalls", params, repeatable=True))
        ]

    def get_users(self) -> list[RingotelUserRecord]:
        """The users."""
        result = self._transport.call("getUsers", {"orgid": self._org_id}, repeatable=True)
        return [
            RingotelUserRecord(
                id=_text(row, "id"),
                name=_text(row, "name"),
                extension=_text(row, "extension"),
                email=_text(row, "email"),
            )
            for row in _rows("getUsers", result)
            if _text(row, "id")
        ]

    def get_contacts(self) -> list[AddressBookEntry]:
        """The directory."""
        result = self._transport.call("getContacts", {"orgid": self._org_id}, repeatable=True)
        return [_card(row) for row in _rows("getContacts", result) if _text(row, "id")]

    def import_contacts(self, cards: Iterable[AddressBookEntry]) -> None:
        """Add these to the directory. Said twice, they are there twice."""
        self._contacts("importContacts", [_written(card) for card in cards])

    def update_contacts(self, cards: Iterable[AddressBookEntry]) -> None:
        """Put each of these whole in the place of the entry with its id."""
        self._contacts("updateContacts", [{"id": card.id, **_written(card)} for card in cards])

    def delete_contacts(self, ids: Iterable[str]) -> None:
        """Take the entries with these ids out of the directory."""
        self._contacts("deleteContacts", [{"id": id} for id in ids])

    def get_activity_subjects(self) -> list[str]:
        """The subjects that a call may have."""
        result = self._transport.call(
            "getActivitySubjects", {"orgid": self._org_id}, repeatable=True
        )
        if not isinstance(result, list):
            raise _unreadable("getActivitySubjects")
        return [
            str(row.get("name", row.get("subject", ""))) if isinstance(row, dict) else str(row)
            for row in result
        ]

    def set_activity_subjects(self, subjects: Sequence[str]) -> None:
        """Put this list in the place of the one there is."""
        params = {"orgid": self._org_id, "domain": self._domain, "subjects": list(subjects)}
        self._transport.call("setActivitySubjects", params, repeatable=False)

    def update_activity(self, call_id: str, *, subject: str, comment: str) -> None:
        """Write subject and comment to a call."""
        params = {"id": call_id, "domain": self._domain, "subject": subject, "comment": comment}
        self._transport.call("updateActivity", params, repeatable=False)

    def message(self, *, sender: str, receiver: str, content: str) -> str:
        """Send a text from an extension to a number; Ringotel's id of the message, "" if it gave none."""
        params = {"orgid": self._org_id, "from": sender, "to": receiver, "content": content}
        result = self._transport.call("message", params, repeatable=False)
        return _text(result, "messageid") if isinstance(result, dict) else ""

    def _contacts(self, method: str, rows: list[dict[str, Any]]) -> None:
        self._transport.call(method, {"orgid": self._org_id, "list": rows}, repeatable=False)

    @property
    def _org_id(self) -> str:
        return _required("ORGANIZATION_ID", conf.ORGANIZATION_ID)

    @property
    def _domain(self) -> str:
        return _required("ORGANIZATION_DOMAIN", conf.ORGANIZATION_DOMAIN)


def _required(name: str, value: str) -> str:
    if not value:
        raise NotConfigured(_('RINGOTEL_CRM["%(name)s"] is not set.') % {"name": name})
    return value


def _epoch(time: dt.datetime) -> int:
    return int(time.timestamp() * 1000)


def _unreadable(method: str) -> InvalidResponse:
    return InvalidResponse(
        _("Ringotel's answer to %(method)s is not as expected.") % {"method": method}
    )


def _rows(method: str, result: Any) -> list[dict[str, Any]]:
    if not isinstance(result, list) or not all(isinstance(row, dict) for row in result):
        raise _unreadable(method)
    return result


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or one text alone."""
    values = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in values if isinstance(item, str | int) and str(item).strip())


def _past_call(row: dict[str, Any]) -> CallHistoryEntry:
    try:
        return CallHistoryEntry(
            caller_number=_text(row, "a"),
            called_number=_text(row, "b"),
            is_outgoing=bool(row.get("o")) and row.get("o") not in ("0", "false"),
            start=parse_timestamp(row.get("t")),
            duration=parse_duration(row.get("d") or 0),
            cause=_text(row, "c"),
        )
    except InvalidInput as exc:
        raise _unreadable("getCalls") from exc


def _card(row: dict[str, Any]) -> AddressBookEntry:
    info = row.get("info")
    info = info if isinstance(info, dict) else {}
    return AddressBookEntry(
        id=_text(row, "id"),
        name=_text(row, "name") or f"{_text(row, 'firstname')} {_text(row, 'lastname')}".strip(),
        phones=_texts(info.get("phone")),
        mobiles=_texts(info.get("mobile")),
        emails=_texts(info.get("email")),
        organization=_text(info, "organization"),
        position=_text(info, "position"),
    )


def _written(card: AddressBookEntry) -> dict[str, Any]:
    """Whole, because what is left out of an update is lost."""
    return {
        "name": card.name,
        "info": {
            "phone": list(card.phones),
            "mobile": list(card.mobiles),
            "email": list(card.emails),
            "organization": card.organization,
            "position": card.position,
        },
    }
