"""Plain records that pass between the rooms of the house.

Frozen, keyword-only, standard library only. Text that is not known is ``""``; a time or a number
that is not known is ``None``. Ids are text whatever the tables behind them use. Phone numbers in
records of people and companies are E.164 (``+353212028252``) or ``""``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices
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


@dataclass(frozen=True, kw_only=True, slots=True)
class RingotelUserRecord:
    """A user of Ringotel."""

    id: str
    name: str = ""
    extension: str = ""
    email: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressBookEntry:
    """A contact as Ringotel's directory has it; the id is Ringotel's, "" while there is none."""

    id: str = ""
    name: str = ""
    phones: tuple[str, ...] = ()
    mobiles: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organization: str = ""
    position: str = ""
