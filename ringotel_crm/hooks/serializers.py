"""What comes in and goes out at the hooks, in our own field names. The document is built from these classes.

A serializer's ``about`` names its part of the table in :mod:`~ringotel_crm.hooks.variables`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from rest_framework import serializers

from ..exceptions import InvalidInput
from ..internal import parsing


class TextField(serializers.CharField):
    """Text, or a number that stands for text; optional as everything that Ringotel sends."""

    def __init__(self, *, max_length: int = 255, required: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, required=required, **kwargs)


class PhoneNumberField(TextField):
    """A telephone number in any notation. A leading space is kept: it was a plus before the URL was decoded."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)


class TimestampField(serializers.Field):  # type: ignore[type-arg]
    """A point in time: epoch in seconds or milliseconds, or ISO 8601, which without a zone is UTC."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """No call was in 1970: 0 stands for a time that is not known."""
        return (True, None) if str(data) == "0" else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dt.datetime:
        """An aware datetime in UTC."""
        try:
            return parsing.parse_timestamp(data)
        except InvalidInput as exc:
            raise serializers.ValidationError(exc.message) from exc


class DurationField(serializers.Field):  # type: ignore[type-arg]
    """Whole seconds; a fraction is rounded."""

    def to_internal_value(self, data: Any) -> int:
        """Seconds."""
        try:
            return parsing.parse_duration(data)
        except InvalidInput as exc:
            raise serializers.ValidationError(exc.message) from exc


class DirectionField(TextField):
    """Ringotel's ``activity_type``; a word that is not known leaves the direction to be told from the numbers."""

    def to_internal_value(self, data: Any) -> str:
        """A value of ``Direction``, or ""."""
        return parsing.DIRECTIONS.get(super().to_internal_value(data).lower(), "")


class HookSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Base of all below."""

    resource: ClassVar[str]


class UserResponse(HookSerializer):
    """A user of the CRM."""

    resource = "user"

    id = TextField()
    first_name = TextField()
    last_name = TextField()
    email = TextField()
    phone = TextField()
    extension = TextField()


class CompanyName(HookSerializer):
    """The company of a contact."""

    resource = "contact"

    name = TextField(source="company_name")


class ContactResponse(HookSerializer):
    """A contact."""

    resource = "contact"

    id = TextField()
    first_name = TextField(max_length=150)
    last_name = TextField(max_length=150)
    email = serializers.EmailField(required=False, max_length=254)
    phone = PhoneNumberField()
    mobile = PhoneNumberField()
    organization = CompanyName(source="*", required=False)
    job_title = TextField(max_length=150)


class ContactRequest(ContactResponse):
    """A contact to create."""

    id = None  # type: ignore[assignment]


class ContactUpdateRequest(ContactResponse):
    """A contact to change."""

    id = TextField(required=True)


class FoundContactResponse(ContactResponse):
    """A contact, with the link to its page."""

    url = TextField()


class FindContactRequest(HookSerializer):
    """Who is calling?"""

    resource = "contact"

    phone = PhoneNumberField()


class OrganizationResponse(HookSerializer):
    """A company."""

    resource = "organization"

    id = TextField()
    name = TextField()
    phone = TextField()
    email = TextField()
    website = TextField()


class ActivityRequest(HookSerializer):
    """Which call is meant: our id, else Ringotel's. The latter also names a call that we have not heard of yet."""

    resource = "activity"

    id = TextField(source="activity_id")
    call_id = TextField()


class CreateActivityRequest(HookSerializer):
    """A call that begins."""

    resource = "activity"

    call_id = TextField()
    activity_type = DirectionField(source="direction")
    caller_number = PhoneNumberField()
    called_number = PhoneNumberField()
    call_start = TimestampField(source="start", required=False)
    user_id = TextField()
    user_email = TextField()
    extension = TextField(max_length=64)
    contact_id = TextField()
    subject = TextField()
    comment = TextField(max_length=10_000)


class AssignActivityRequest(ActivityRequest):
    """Whose call it is; without a contact it is nobody's."""

    contact_id = TextField()


class UpdateActivityRequest(ActivityRequest):
    """What the agent wrote."""

    subject = TextField()
    comment = TextField(max_length=10_000)


class StopCallActivityRequest(ActivityRequest):
    """A call that ended."""

    call_end = TimestampField(source="end", required=False)
    call_duration = DurationField(source="duration", required=False)
    call_cause = TextField(source="cause", max_length=64)


class RecordingRequest(ActivityRequest):
    """The sound of a call: the file, or its base64 text inside JSON."""

    recording = serializers.FileField(required=False)


class RecordingUrlRequest(ActivityRequest):
    """Where the file can be fetched. Not in the document, which asks for the file itself."""

    recording_url = TextField(max_length=4000)


class ActivityResponse(HookSerializer):
    """The id of a call."""

    resource = "activity"

    id = TextField()


class RecordingResponse(ActivityResponse):
    """The id of a call, and where its recording can be heard."""

    recording_url = TextField()


Renderer = Callable[[Any], dict[str, Any]]


@cache
def compiled_validator(
    serializer_class: type[HookSerializer],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that validates by this serializer, or raises ``ValidationError``.

    Its fields keep nothing of what they validate, so they are made once, which takes longer than to use them.
    """
    return serializer_class().run_validation


@cache
def compiled_renderer(serializer_class: type[HookSerializer]) -> Renderer:
    """A function that gives a record the shape of this serializer.

    ``to_representation`` does the same for a fifth of the records a second, and lists have no end.
    """
    getters: dict[str, Renderer] = {
        name: compiled_renderer(type(field))
        if isinstance(field, HookSerializer)
        else attrgetter(field.source or name)
        for name, field in serializer_class().fields.items()
    }
    return lambda record: {name: get(record) for name, get in getters.items()}


def leaf_attributes(serializer_class: type[HookSerializer]) -> list[str]:
    """The attributes that :func:`template` has places for."""
    found = []
    for name, field in serializer_class().fields.items():
        found += (
            leaf_attributes(type(field))
            if isinstance(field, HookSerializer)
            else [field.source or name]
        )
    return found


def json_template(serializer_class: type[HookSerializer]) -> str:
    """JSON with a ``%s`` for each column. A long list is made ten times as fast by it as by ``to_representation``."""
    members = [
        f'"{name}": {json_template(type(field)) if isinstance(field, HookSerializer) else "%s"}'
        for name, field in serializer_class().fields.items()
    ]
    return f"{{{', '.join(members)}}}"
