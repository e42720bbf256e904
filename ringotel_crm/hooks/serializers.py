"""Requests and responses of the hooks. The document is built from these classes.

``resource`` of a serializer names its part of the table in :mod:`~ringotel_crm.hooks.variables`.
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
    """Text, or a number as text. Optional by default, because Ringotel may omit any value."""

    def __init__(self, *, max_length: int = 255, required: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, required=required, **kwargs)


class PhoneNumberField(TextField):
    """A phone number in any notation. A leading space is kept: it may be a decoded plus."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)


class TimestampField(serializers.Field):  # type: ignore[type-arg]
    """A time: epoch in seconds or milliseconds, or ISO 8601, which is UTC without an offset."""

    def to_internal_value(self, data: Any) -> dt.datetime | None:
        """Return an aware datetime in UTC, or None for zero."""
        try:
            return parsing.parse_timestamp(data)
        except InvalidInput as exc:
            raise serializers.ValidationError(exc.message) from exc


class DurationField(serializers.Field):  # type: ignore[type-arg]
    """A duration in whole seconds; a fraction is rounded."""

    def to_internal_value(self, data: Any) -> int:
        try:
            return parsing.parse_duration(data)
        except InvalidInput as exc:
            raise serializers.ValidationError(exc.message) from exc


class DirectionField(TextField):
    """Ringotel's ``activity_type``; for other values the direction is derived from the numbers."""

    def to_internal_value(self, data: Any) -> str:
        """Return a value of ``Direction``, or "" for an unknown one."""
        return parsing.DIRECTIONS.get(super().to_internal_value(data).lower(), "")


class HookSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Base class of the serializers below."""

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
    """The organization of a contact."""

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
    """A contact, with the URL of its page."""

    url = TextField()


class FindContactRequest(HookSerializer):
    """The number of a caller."""

    resource = "contact"

    phone = PhoneNumberField()


class OrganizationResponse(HookSerializer):
    """An organization."""

    resource = "organization"

    id = TextField()
    name = TextField()
    phone = TextField()
    email = TextField()
    website = TextField()


class ActivityRequest(HookSerializer):
    """Reference to a call by our id, or by Ringotel's call id, which may be of a call that is not
    logged yet.
    """

    resource = "activity"

    id = TextField(source="activity_id")
    call_id = TextField()


class CreateActivityRequest(HookSerializer):
    """A call to log."""

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
    """The contact of a call; without ``contact_id`` the call becomes unassigned."""

    contact_id = TextField()


class UpdateActivityRequest(ActivityRequest):
    """Subject and comment of a call."""

    subject = TextField()
    comment = TextField(max_length=10_000)


class StopCallActivityRequest(ActivityRequest):
    """The end of a call."""

    call_end = TimestampField(source="end", required=False)
    call_duration = DurationField(source="duration", required=False)
    call_cause = TextField(source="cause", max_length=64)


class RecordingRequest(ActivityRequest):
    """The recording of a call: the file, or its base64 text in JSON."""

    recording = serializers.FileField(required=False)


class RecordingUrlRequest(ActivityRequest):
    """The URL of a recording. Not in the document, which asks for the file itself."""

    recording_url = TextField(max_length=4000)


class ActivityResponse(HookSerializer):
    """The id of a call."""

    resource = "activity"

    id = TextField()


class RecordingResponse(ActivityResponse):
    """The id of a call, and the URL of its recording."""

    recording_url = TextField()


Renderer = Callable[[Any], dict[str, Any]]


@cache
def compiled_validator(
    serializer_class: type[HookSerializer],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that validates data, or raises ``ValidationError``.

    The fields keep no state of what they validate, so the serializer is created once: creating it
    takes longer than validating.
    """
    return serializer_class().run_validation


@cache
def compiled_renderer(serializer_class: type[HookSerializer]) -> Renderer:
    """Return a function that renders records like ``to_representation()``, five times as fast."""
    getters = {
        name: _compiled_getter(name, field) for name, field in serializer_class().fields.items()
    }
    return lambda record: {name: get(record) for name, get in getters.items()}


def _compiled_getter(name: str, field: Any) -> Callable[[Any], Any]:
    if isinstance(field, HookSerializer):
        return compiled_renderer(type(field))
    return attrgetter(field.source or name)
