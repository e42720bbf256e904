"""Records that the layers pass to each other, and the choices in them.

Frozen dataclasses with keyword arguments. Unknown text is ``""``, an unknown time or number is
``None``. Ids are text, whatever the type of the primary key. Phone numbers in contacts,
organizations and users are E.164 (``+353212028252``) or ``""``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class Direction(TextChoices):
    """Direction of a call, from the company's point of view."""

    INBOUND = "inbound", _("inbound")
    OUTBOUND = "outbound", _("outbound")
    INTERNAL = "internal", _("internal")


class RankedChoices(TextChoices):
    """Choices that are declared in the order in which a value may move forward."""

    @property
    def rank(self) -> int:
        """Position in this order."""
        return list(type(self)).index(self)


class Status(RankedChoices):
    """Status of a call, in the order in which it advances.

    A status is never replaced by one that is listed before it.
    """

    RINGING = "ringing", _("live")
    IN_PROGRESS = "in_progress", _("in progress")
    UNKNOWN = "unknown", _("no end received")
    FAILED = "failed", _("failed")
    BUSY = "busy", _("busy")
    MISSED = "missed", _("missed")
    VOICEMAIL = "voicemail", _("voicemail")
    ANSWERED = "answered", _("answered")

    @property
    def is_closed(self) -> bool:
        return self not in (Status.RINGING, Status.IN_PROGRESS)


class CallState(TextChoices):
    """What is known about a call when it is shown. The values are also the names of CSS classes.

    A call without an end is *live*: Ringotel does not report when it is answered.
    """

    LIVE = "live", _("live")
    RINGING = "ringing", _("ringing")
    IN_PROGRESS = "in_progress", _("in progress")
    ANSWERED = "answered", _("answered")
    MISSED = "missed", _("missed")
    NO_ANSWER = "no_answer", _("no answer")
    VOICEMAIL = "voicemail", _("voicemail")
    BUSY = "busy", _("busy")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("no end received")


class SharedNumberRule(TextChoices):
    """Contact that is shown when several share a number; the lowest id wins a tie."""

    RECENT_CALL = "recent_call", _("the one with the latest call")
    RECENTLY_UPDATED = "recently_updated", _("the one updated last")
    OLDEST = "oldest", _("the oldest one")


class Delivery(TextChoices):
    """Server that sends a recording to the browser."""

    AUTO = "auto", _("the storage if it signs URLs, else Django")
    DJANGO = "django", _("Django")
    X_ACCEL_REDIRECT = "x_accel_redirect", _("nginx")
    X_SENDFILE = "x_sendfile", _("Apache or lighttpd")


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """The user of a request, and the tenant of the credential, if any.

    ``request`` is Django's request, for a backend that reads the tenant from the session, a token
    or the host name. It is ``None`` in commands and while webhook events are processed.
    """

    user: Any
    tenant: str = ""
    request: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserRecord:
    """A user of the CRM."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    extension: str = ""

    @property
    def name(self) -> str:
        """First and last name, or else the e-mail address, or else the id."""
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.id


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactRecord:
    """A person outside the company, as the backend returns it."""

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
        """First and last name, or else the company, the e-mail address or a phone number."""
        return (
            f"{self.first_name} {self.last_name}".strip()
            or self.company_name
            or self.email
            or self.phone
            or self.mobile
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactReference:
    """A contact as rows store it.

    ``type_id`` is the primary key of the model's content type, ``None`` if the backend has no
    model. ``id`` is the object's primary key as text, ``""`` if there is no contact. ``name`` is
    stored so that a row stays readable after its contact is deleted.
    """

    type_id: int | None = None
    id: str = ""
    name: str = ""

    @property
    def lookup(self) -> dict[str, Any]:
        """Arguments of ``filter()`` for the rows of this contact."""
        return {"contact_type": self.type_id, "contact_id": self.id}


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganizationRecord:
    """An organization that contacts may belong to."""

    id: str
    name: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactInput:
    """Values to create or update a contact with. Fields that are ``""`` are left unchanged.

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
    """A call, by the id of the activity or else by Ringotel's call id."""

    activity_id: str = ""
    call_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallStart:
    """Start of a call.

    ``caller_number`` and ``called_number`` are as sent. What they can be read as is filled in by
    :func:`~ringotel_crm.services.calls.numbers.parse_numbers`: ``..._e164`` is the likeliest
    reading or ``""``; ``..._candidates`` are the E.164 numbers by which to look up a contact,
    likeliest first, empty for extensions and for numbers that never match a contact.
    """

    call_id: str = ""
    direction: str = ""
    caller_number: str = ""
    caller_e164: str = ""
    caller_candidates: tuple[str, ...] = ()
    called_number: str = ""
    called_e164: str = ""
    called_candidates: tuple[str, ...] = ()
    start: dt.datetime | None = None
    extension: str = ""
    user_id: str = ""
    user_email: str = ""
    contact_id: str = ""
    subject: str = ""
    comment: str = ""

    @property
    def outside_candidates(self) -> tuple[str, ...]:
        """Candidates for the number of the external party; empty for an internal call."""
        if self.direction == Direction.INTERNAL:
            return ()
        is_outbound = self.direction == Direction.OUTBOUND
        return self.called_candidates if is_outbound else self.caller_candidates


@dataclass(frozen=True, kw_only=True, slots=True)
class CallEnd:
    """End of a call. ``duration`` is talk time in seconds, ``cause`` the PBX's reason."""

    end: dt.datetime | None = None
    duration: int | None = None
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallNote:
    """Subject and comment that an agent entered for a call."""

    subject: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRecord:
    """A text, or a file at ``file_url``, sent from one number or extension to another."""

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
    """A call in Ringotel's history, which has no call ids. ``duration`` is talk time in seconds."""

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
    """An entry of Ringotel's list of users. An unknown ``status`` or ``presence`` is ``None``."""

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

    ``inbound_format`` is ``""`` (numbers are not changed), ``"e164"``, ``"national"`` or
    ``"national0"``. ``popup_url`` is ``""`` where the screen pop is switched off. ``page_urls`` are
    the web pages shown as tabs.
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
    """Answer to a message: its id and the chat session's, each ``""`` if Ringotel sent none."""

    id: str = ""
    session_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallSummary:
    """A call to be written into a chat. Numbers are not changed; ``duration`` is in seconds."""

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
