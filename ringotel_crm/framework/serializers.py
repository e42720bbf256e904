"""What comes in and goes out at the hooks, in our own field names. The document is built from these classes.

A serializer's ``about`` names its part of the table in :mod:`~ringotel_crm.framework.variables`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from rest_framework import serializers

from .. import wire
from ..exceptions import Invalid


class Text(serializers.CharField):
    """Text, or a number that stands for text; optional as everything that Ringotel sends."""

    def __init__(self, *, max_length: int = 255, required: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, required=required, **kwargs)


class Number(Text):
    """A telephone number in any notation. A leading space is kept: it was a plus before the URL was decoded."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)


class Moment(serializers.Field):  # type: ignore[type-arg]
    """A point in time: epoch in seconds or milliseconds, or ISO 8601, which without a zone is UTC."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """No call was in 1970: 0 stands for a time that is not known."""
        return (True, None) if str(data) == "0" else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dt.datetime:
        """An aware datetime in UTC."""
        try:
            return wire.moment(data)
        except Invalid as exc:
            raise serializers.ValidationError(exc.message) from exc


class Duration(serializers.Field):  # type: ignore[type-arg]
    """Whole seconds; a fraction is rounded."""

    def to_internal_value(self, data: Any) -> int:
        """Seconds."""
        try:
            return wire.seconds(data)
        except Invalid as exc:
            raise serializers.ValidationError(exc.message) from exc


class CallDirection(Text):
    """Ringotel's ``activity_type``; a word that is not known leaves the direction to be told from the numbers."""

    def to_internal_value(self, data: Any) -> str:
        """A value of ``Direction``, or ""."""
        return wire.DIRECTIONS.get(super().to_internal_value(data).lower(), "")


class HookSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Base of all below."""

    about: ClassVar[str]


class UserOut(HookSerializer):
    """A user of the CRM."""

    about = "user"

    id = Text()
    first_name = Text()
    last_name = Text()
    email = Text()
    phone = Text()
    extension = Text()


class CompanyName(HookSerializer):
    """The company of a contact."""

    about = "contact"

    name = Text(source="company_name")


class ContactOut(HookSerializer):
    """A contact."""

    about = "contact"

    id = Text()
    first_name = Text(max_length=150)
    last_name = Text(max_length=150)
    email = serializers.EmailField(required=False, max_length=254)
    phone = Number()
    mobile = Number()
    organization = CompanyName(source="*", required=False)
    job_title = Text(max_length=150)


class ContactIn(ContactOut):
    """A contact to create."""

    id = None  # type: ignore[assignment]


class ContactChangesIn(ContactOut):
    """A contact to change."""

    id = Text(required=True)


class FoundContactOut(ContactOut):
    """A contact, with the link to its page."""

    url = Text()


class FindContactIn(HookSerializer):
    """Who is calling?"""

    about = "contact"

    phone = Number()


class OrganizationOut(HookSerializer):
    """A company."""

    about = "organization"

    id = Text()
    name = Text()
    phone = Text()
    email = Text()
    website = Text()


class ActivityIn(HookSerializer):
    """Which call is meant: our id, else Ringotel's. The latter also names a call that we have not heard of yet."""

    about = "activity"

    id = Text(source="activity_id")
    call_id = Text()


class CreateActivityIn(HookSerializer):
    """A call that begins."""

    about = "activity"

    call_id = Text()
    activity_type = CallDirection(source="direction")
    caller_number = Number()
    called_number = Number()
    call_start = Moment(source="start", required=False)
    user_id = Text()
    user_email = Text()
    extension = Text(max_length=64)
    contact_id = Text()
    subject = Text()
    comment = Text(max_length=10_000)


class AssignActivityIn(ActivityIn):
    """Whose call it is; without a contact it is nobody's."""

    contact_id = Text()


class UpdateActivityIn(ActivityIn):
    """What the agent wrote."""

    subject = Text()
    comment = Text(max_length=10_000)


class StopCallActivityIn(ActivityIn):
    """A call that ended."""

    call_end = Moment(source="end", required=False)
    call_duration = Duration(source="duration", required=False)
    call_cause = Text(source="cause", max_length=64)


class RecordingIn(ActivityIn):
    """The sound of a call: the file, or its base64 text inside JSON."""

    recording = serializers.FileField(required=False)


class FetchedRecordingIn(ActivityIn):
    """Where the file can be fetched. Not in the document, which asks for the file itself."""

    recording_url = Text(max_length=4000)


class ActivityOut(HookSerializer):
    """The id of a call."""

    about = "activity"

    id = Text()


class RecordingOut(ActivityOut):
    """The id of a call, and where its recording can be heard."""

    recording_url = Text()


Renderer = Callable[[Any], dict[str, Any]]


@cache
def reader(serializer_class: type[HookSerializer]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that validates by this serializer, or raises ``ValidationError``.

    Its fields keep nothing of what they validate, so they are made once, which takes longer than to use them.
    """
    return serializer_class().run_validation


@cache
def renderer(serializer_class: type[HookSerializer]) -> Renderer:
    """A function that gives a record the shape of this serializer.

    ``to_representation`` does the same for a fifth of the records a second, and lists have no end.
    """
    getters: dict[str, Renderer] = {
        name: renderer(type(field)) if isinstance(field, HookSerializer) else attrgetter(field.source or name)
        for name, field in serializer_class().fields.items()
    }
    return lambda record: {name: get(record) for name, get in getters.items()}


def columns(serializer_class: type[HookSerializer]) -> list[str]:
    """The attributes that :func:`template` has places for."""
    found = []
    for name, field in serializer_class().fields.items():
        found += columns(type(field)) if isinstance(field, HookSerializer) else [field.source or name]
    return found


def template(serializer_class: type[HookSerializer]) -> str:
    """JSON with a ``%s`` for each column. A long list is made ten times as fast by it as by ``to_representation``."""
    members = [
        f'"{name}": {template(type(field)) if isinstance(field, HookSerializer) else "%s"}'
        for name, field in serializer_class().fields.items()
    ]
    return f"{{{', '.join(members)}}}"
