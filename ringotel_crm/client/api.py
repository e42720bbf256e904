"""The methods of Ringotel's Admin and Messaging API that the CRM uses."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ..conf import conf
from ..records import (
    AddressBookEntry,
    CallHistoryEntry,
    CallSummary,
    RingotelConnection,
    RingotelOrganization,
    RingotelUserRecord,
    WrittenMessage,
)
from . import answers
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

logger = logging.getLogger(__name__)

TEXT, CALL = 1, 8  # types of messages


class Ringotel:
    """Ringotel's API for the organization in the settings.

    These are ``RINGOTEL_API_KEY``, ``ORGANIZATION_ID`` and ``ORGANIZATION_DOMAIN``.

    Every method raises :class:`RingotelError`. Methods that only read are tried up to three times;
    the others once, because a request without an answer may have been carried out. With
    ``timeout``, in seconds, each is tried once.
    """

    def __init__(self, *, timeout: float | None = None) -> None:
        self._transport = Transport(timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._transport.url}>"

    # Organization, connections and users

    def get_organizations(self) -> list[RingotelOrganization]:
        """Return all organizations of the account."""
        result = self._transport.call("getOrganizations", {}, repeatable=True)
        return [answers.organization(row) for row in answers.rows("getOrganizations", result)]

    def get_organization(self) -> RingotelOrganization:
        """Return the organization with the id in ``ORGANIZATION_ID``."""
        result = self._transport.call("getOrganization", {"id": self._org_id}, repeatable=True)
        # Documented as a list of one; third-party code reads an object.
        rows = answers.rows("getOrganization", [result] if isinstance(result, dict) else result)
        found = [row for row in rows if answers.text(row, "id") == self._org_id]
        if not found:
            raise answers.unreadable("getOrganization")
        return answers.organization(found[0])

    def get_connections(self) -> list[RingotelConnection]:
        """Return the connections of the organization; Ringotel's API calls them branches."""
        return [answers.connection(row) for row in self._read("getBranches")]

    def get_users(self, *, with_ai_agents: bool = False) -> list[RingotelUserRecord]:
        """Return all entries of the list of users, including parking slots and attached extensions.

        Only ``with_ai_agents`` is it known which of them are AI agents, for one more request.
        """
        rows = self._read("getUsers")
        ai_agents = self._ai_agents() if with_ai_agents else set()
        return [answers.user(row, ai_agents) for row in rows if answers.text(row, "id")]

    def _ai_agents(self) -> set[str]:
        try:
            return {answers.text(row, "userid") for row in self._read("getAgents")}
        except (RingotelApiError, RingotelAuthenticationError):  # not part of every plan
            return set()

    def create_user(
        self,
        *,
        connection_id: str,
        name: str,
        extension: str,
        email: str = "",
        activate: bool = False,
    ) -> RingotelUserRecord:
        """Create a user. Ringotel bills users that are activated, and sends them instructions by
        e-mail."""
        params = {
            "orgid": self._org_id,
            "branchid": connection_id,
            "name": name,
            "extension": extension,
            "domain": self._domain,
            "status": int(activate),
            **({"email": email} if email else {}),
        }
        result = self._transport.call("createUser", params, repeatable=False)
        if not isinstance(result, dict) or not answers.text(result, "id"):
            raise answers.unreadable("createUser")
        return answers.user(result)

    # Calls

    def init_call(self, *, extension: str, number: str, name: str = "") -> None:
        """Ring the phone with this extension, then call ``number`` from it."""
        params = {"from": extension, "tonumber": number, "toname": name, "domain": self._domain}
        self._write("initCall", params)

    def get_calls(
        self, begin: dt.datetime, end: dt.datetime, *, user_id: str = ""
    ) -> list[CallHistoryEntry]:
        """Return the calls that began at or after ``begin`` and before ``end``, of all users or of
        one."""
        params: dict[str, Any] = {"begin": _to_epoch(begin), "end": _to_epoch(end)}
        if user_id:
            params["userid"] = user_id
        rows = self._read("getCalls", **params)
        calls = [answers.past_call(row) for row in rows]
        if None in calls:
            logger.warning("getCalls: %d rows cannot be read.", calls.count(None))
        return [call for call in calls if call]

    def update_activity(self, call_id: str, *, subject: str, comment: str) -> None:
        """Set subject and comment of a call."""
        params = {"id": call_id, "domain": self._domain, "subject": subject, "comment": comment}
        self._write("updateActivity", params)

    def get_activity_subjects(self) -> list[str]:
        """Return the subjects offered for calls."""
        params = {"orgid": self._org_id}
        result = self._transport.call("getActivitySubjects", params, repeatable=True)
        return answers.subjects(result)

    def set_activity_subjects(self, subjects: Sequence[str]) -> None:
        """Replace the subjects offered for calls."""
        params = {"orgid": self._org_id, "domain": self._domain, "subjects": list(subjects)}
        self._write("setActivitySubjects", params)

    # Address book

    def get_contacts(self) -> list[AddressBookEntry]:
        """Return all entries of the address book."""
        rows = self._read("getContacts")
        return [answers.card(row) for row in rows if answers.text(row, "id")]

    def import_contacts(self, cards: Iterable[AddressBookEntry]) -> list[AddressBookEntry]:
        """Add entries to the address book and return them with their new ids. Repeating it adds
        them again."""
        params = {"orgid": self._org_id, "list": [_card_params(card) for card in cards]}
        # Without a readable list of the new entries, they are found again by their content.
        result = self._transport.call(
            "importContacts", params, repeatable=False, returns_data=False
        )
        rows = result if isinstance(result, list) else []
        return [
            answers.card(row) for row in rows if isinstance(row, dict) and answers.text(row, "id")
        ]

    def update_contacts(self, cards: Iterable[AddressBookEntry]) -> None:
        """Replace all of each entry with the id of the card."""
        rows = [{**_card_params(card), "id": card.id} for card in cards]
        self._write("updateContacts", {"orgid": self._org_id, "list": rows})

    def delete_contacts(self, ids: Iterable[str]) -> None:
        """Delete the entries with these ids."""
        self._write("deleteContacts", {"orgid": self._org_id, "list": list(ids)})

    # Messages

    def open_session(self, *, extension: str, number: str) -> str:
        """Open an empty chat session of a user with an outside number; return its id."""
        params = {"from": number, "to": extension, "orgid": self._org_id}
        session_id = answers.written(
            self._transport.call("message", params, repeatable=False)
        ).session_id
        if not session_id:
            raise answers.unreadable("message")
        return session_id

    def write_message(
        self, *, extension: str, number: str, text: str, at: dt.datetime, session_id: str
    ) -> WrittenMessage:
        """Write a text from a user to an outside number into the user's chat. Ringotel does not
        deliver it."""
        params = {
            "orgid": self._org_id,
            "sessionid": session_id,
            "from": extension,
            "to": number,
            "content": text,
            "type": TEXT,
            "timestamp": _to_epoch(at),
        }
        return answers.written(
            self._transport.call("message", params, repeatable=False, returns_data=False)
        )

    def write_call(self, call: CallSummary, *, session_id: str) -> WrittenMessage:
        """Write a call into a user's chat."""
        params = {
            "orgid": self._org_id,
            "sessionid": session_id,
            "type": CALL,
            "timestamp": _to_epoch(call.start),
            "content": {
                "duration": call.duration,
                "caller": call.caller_number,
                "called": call.called_number,
                "subject": call.subject,
                "comment": call.comment,
                "transcription": "",
            },
        }
        return answers.written(
            self._transport.call("message", params, repeatable=False, returns_data=False)
        )

    def _read(self, method: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows that this method has for the organization."""
        params = {"orgid": self._org_id, **params}
        return answers.rows(method, self._transport.call(method, params, repeatable=True))

    def _write(self, method: str, params: dict[str, Any]) -> None:
        self._transport.call(method, params, repeatable=False, returns_data=False)

    @property
    def _org_id(self) -> str:
        return _required("ORGANIZATION_ID", conf.ORGANIZATION_ID)

    @property
    def _domain(self) -> str:
        return _required("ORGANIZATION_DOMAIN", conf.ORGANIZATION_DOMAIN)


def _required(name: str, value: str) -> str:
    if not value:
        raise NotConfigured(_('Set RINGOTEL_CRM["%(name)s"].') % {"name": name})
    return value


def _to_epoch(time: dt.datetime) -> int:
    return int(time.timestamp() * 1000)


def _card_params(card: AddressBookEntry) -> dict[str, Any]:
    """Return the whole entry: what an update leaves out is deleted."""
    return {
        "name": card.name,
        "info": {
            "phone": list(card.phones),
            "mobile": list(card.mobiles),
            "fax": list(card.faxes),
            "sip": list(card.sips),
            "email": list(card.emails),
            "organization": card.organization,
            "position": card.position,
            "department": card.department,
            "about": card.about,
        },
    }
