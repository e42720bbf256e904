"""Plain records that pass between the rooms of the house.

Frozen, keyword-only, standard library only. Text that is not known is ``""``; a time or a number
that is not known is ``None``. Ids are text whatever the tables behind them use. Phone numbers in
records of people and companies are E.164 (``+353212028252``) or ``""``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class Direction(TextChoices):
    """Which way a call went, seen from the company."""

    INBOUND = "inbound", _("inbound")
    OUTBOUND = "outbound", _("outbound")
    INTERNAL = "internal", _("internal")


class Status(TextChoices):
    """The state of a call, in the order in which it may move: a later one is never replaced by an earlier one."""

    RINGING = "ringing", _("ringing")
    IN_PROGRESS = "in_progress", _("in progress")
    UNKNOWN = "unknown", _("end unknown")
    FAILED = "failed", _("failed")
    BUSY = "busy", _("busy")
    MISSED = "missed", _("missed")
    VOICEMAIL = "voicemail", _("voicemail")
    ANSWERED = "answered", _("answered")

    @property
    def rank(self) -> int:
        """The place in the order above."""
        return list(Status).index(self)

    @property
    def is_closed(self) -> bool:
        """Whether the call is over."""
        return self not in (Status.RINGING, Status.IN_PROGRESS)


class SharedNumberRule(TextChoices):
    """Which contact is shown when several share a number; ties go to the lowest id."""

    RECENT_CALL = "recent_call", _("the one of the most recent call")
    RECENTLY_UPDATED = "recently_updated", _("the one most recently updated")
    OLDEST = "oldest", _("the oldest one")


class Delivery(TextChoices):
    """Who sends the bytes of a recording to the browser."""

    AUTO = "auto", _("the storage by a signed URL if it can, else Django")
    DJANGO = "django", _("Django")
    X_ACCEL_REDIRECT = "x_accel_redirect", _("nginx")
    X_SENDFILE = "x_sendfile", _("Apache or lighttpd")


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who asks: a Django user, and the tenant (tenant) that the credential was issued for, if any."""

    user: Any
    tenant: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserRecord:
    """A person of the company who takes calls."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    extension: str = ""

    @property
    def name(self) -> str:
        """First and last name, else the e-mail address, else the id."""
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.id


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactRecord:
    """A person outside the company."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    company_name: str = ""
    job_title: str = ""
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None

    @property
    def name(self) -> str:
        """First and last name, else the company, else the e-mail address, else the number."""
        return (
            f"{self.first_name} {self.last_name}".strip()
            or self.company_name
            or self.email
            or self.phone
            or self.mobile
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganizationRecord:
    """A company."""

    id: str
    name: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactInput:
    """What was said of a contact that is to be created or changed. ``""`` was not said.

    ``phone`` and ``mobile`` are as typed.
    """

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    company_name: str = ""
    job_title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRef:
    """Which call is meant: our id, else Ringotel's."""

    activity_id: str = ""
    call_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallStart:
    """A call that began. Numbers are as sent."""

    call_id: str = ""
    direction: str = ""
    caller_number: str = ""
    called_number: str = ""
    start: dt.datetime | None = None
    extension: str = ""
    user_id: str = ""
    user_email: str = ""
    contact_id: str = ""
    subject: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallEnd:
    """A call that ended. ``duration`` is talking time in seconds; ``cause`` is the PBX's word for why."""

    end: dt.datetime | None = None
    duration: int | None = None
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallNote:
    """What an agent wrote of a call."""

    subject: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRecord:
    """A text, or the address of a file, from one number or extension to another."""

    id: str
    sender: str
    receiver: str
    at: dt.datetime
    session_id: str = ""
    ringotel_user_id: str = ""
    text: str = ""
    file_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallHistoryEntry:
    """A call as Ringotel's history knows it: without an id. ``duration`` is talking time in seconds."""

    caller_number: str
    called_number: str
    is_outgoing: bool
    start: dt.datetime
    duration: int
    cause: str = ""


class Presence(IntegerChoices):
    """Live state of a Ringotel user."""

    UNAVAILABLE_SLOT = -1, _("unavailable parking slot")
    OFFLINE = 0, _("offline")
    ONLINE = 1, _("online")
    AWAY = 2, _("away")
    BUSY = 3, _("do not disturb")
    AT_THE_DESK = 4, _("at the desk")
    PBX_ONLY = 5, _("desk phone only")
    DIALING = 6, _("calling")
    RINGING = 7, _("calling")
    CONNECTED = 8, _("on a call")

    @property
    def can_ring(self) -> bool:
        """Whether the Ringotel app of this user can ring."""
        return self not in (Presence.UNAVAILABLE_SLOT, Presence.OFFLINE, Presence.PBX_ONLY)


class RingotelUserStatus(IntegerChoices):
    """Kinds of entries in Ringotel's list of users."""

    PARKING_SLOT = -2, _("parking slot")
    NOT_ACTIVATED = -1, _("not activated")
    BLOCKED = 0, _("blocked")
    ACTIVE = 1, _("active")
    ATTACHED = 2, _("attached extension")


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachedExtension:
    """A second phone of a Ringotel user. ``id`` is that of its own entry in the list of users."""

    extension: str
    id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RingotelUserRecord:
    """An entry of Ringotel's list of users. A ``status`` or ``presence`` that is not known is ``None``."""

    id: str
    name: str = ""
    extension: str = ""
    email: str = ""
    status: int | None = None
    presence: Presence | None = None
    attached: tuple[AttachedExtension, ...] = ()
    is_ai_agent: bool = False

    @property
    def is_person(self) -> bool:
        """Whether this is neither a parking slot nor an AI agent."""
        return self.status != RingotelUserStatus.PARKING_SLOT and not self.is_ai_agent

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extension of this user, then the attached ones."""
        found = (self.extension, *(one.extension for one in self.attached))
        return tuple(extension for extension in found if extension)


@dataclass(frozen=True, kw_only=True, slots=True)
class RingotelOrganization:
    """An organization as Ringotel knows it."""

    id: str
    name: str = ""
    domain: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RingotelConnection:
    """A connection of a Ringotel organization to a PBX.

    ``inbound_format`` is ``""`` (numbers are not changed), ``"e164"``, ``"national"`` or ``"national0"``.
    ``popup_url`` is ``""`` where the screen pop is switched off. ``page_urls`` are the web pages shown as tabs.
    """

    id: str
    name: str = ""
    inbound_format: str = ""
    sends_sms: bool = False
    logs_missed: bool = True
    logs_answered_elsewhere: bool = True
    popup_url: str = ""
    page_urls: tuple[str, ...] = ()
    is_enabled: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenMessage:
    """Answer to a message: its id, and the id of the chat session, each ``""`` if Ringotel did not send it."""

    id: str = ""
    session_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallSummary:
    """A call to be written into a chat. Numbers are written as they are; ``duration`` is in seconds."""

    caller_number: str
    called_number: str
    start: dt.datetime
    duration: int = 0
    subject: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressBookEntry:
    """An entry of Ringotel's address book; the id is Ringotel's, ``""`` before it is added."""

    id: str = ""
    name: str = ""
    phones: tuple[str, ...] = ()
    mobiles: tuple[str, ...] = ()
    faxes: tuple[str, ...] = ()
    sips: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organization: str = ""
    position: str = ""
    department: str = ""
    about: str = ""
