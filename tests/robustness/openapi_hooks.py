"""The schema of a hook for drf-spectacular."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from ringotel_crm.hooks import serializers as s
from ringotel_crm.hooks.base import Hook
from ringotel_crm.hooks.paging import CursorField, PageRequest
from ringotel_crm.internal.parsing import MAX_CALL_SECONDS
from tests.robustness.endpoints import PAGED

ERRORS = {
    "4XX": "The request cannot be processed.",
    "5XX": "The request failed on the server: 501, 502 or 503.",
}
ABSENT = {"$ref": "#/components/schemas/Absent"}
# A request without enough data about a call is answered with 400.
NAMED = {"type": ["string", "number"], "pattern": r"[^\s$]"}
A_CALL = {
    "anyOf": [{"required": [name], "properties": {name: NAMED}} for name in ("id", "call_id")]
}

# Schema of each class of field, subclasses first. An OpenAPI date-time always has a time zone; the
# hooks also accept one without, as UTC.
SHAPES: dict[type, dict[str, Any]] = {
    s.TimestampField: {
        "oneOf": [
            {
                "type": "number",
                "minimum": 0,
                "maximum": 4_102_444_799_999,
                "description": "Unix timestamp in seconds or milliseconds.",
            },
            {"type": "string", "format": "date-time"},
            ABSENT,
        ]
    },
    s.DurationField: {
        "oneOf": [
            {
                "type": "number",
                "minimum": 0,
                "maximum": MAX_CALL_SECONDS,
                "description": "Seconds.",
            },
            ABSENT,
        ]
    },
    CursorField: {"type": "string"},
    serializers.IntegerField: {"oneOf": [{"type": "integer", "minimum": 1}, ABSENT]},
    serializers.FileField: {"type": "string", "format": "binary"},
    serializers.EmailField: {
        "oneOf": [{"type": "string", "format": "email", "maxLength": 254}, ABSENT]
    },
}


class HookSchema(AutoSchema):
    """Describe views by their :func:`ringotel_crm.hooks.base.hook` decorators."""

    @property
    def hook(self) -> Hook:
        """Return the hook of the current action."""
        view: Any = self.view
        hook: Hook = getattr(view, view.action).hook
        return hook

    def get_operation_id(self) -> str:
        """Return Ringotel's name of the hook."""
        return self.hook.name

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Return ``False``: lists are wrapped in an object."""
        return False

    def get_tags(self) -> list[str]:
        return []

    def get_auth(self) -> list[Any]:
        return []

    def get_override_parameters(self) -> list[Any]:
        """Return the serializers of the query."""
        if self.method == "GET":
            return (
                [PageRequest if self.hook.name in PAGED else self.hook.request_serializer]
                if self._reads()
                else []
            )
        return [s.ActivityRequest] if self.hook.request_serializer is s.RecordingRequest else []

    def get_request_serializer(self) -> Any:
        return self.hook.request_serializer

    def get_response_serializers(self) -> Any:
        if not (self.hook.many and self.hook.response_serializer):
            return {200: self.hook.response_serializer}
        fields: dict[str, Any] = {"results": self.hook.response_serializer(many=True)}
        if not self.hook.request_serializer:
            fields["next"] = serializers.CharField(allow_null=True)
        return {200: inline_serializer(self.hook.name, fields)}

    def map_parsers(self) -> list[str]:
        return [self.hook.content_type]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Add error responses, and the other upload formats of recordings."""
        operation: Any = super().get_operation(*args, **kwargs)
        error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        for status, description in ERRORS.items():
            operation["responses"][status] = {"description": description, "content": error}
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        if self.hook.request_serializer is s.RecordingRequest:
            properties = {
                **{name: {"type": "string", "maxLength": 255} for name in ("id", "call_id")},
                "recording": {"type": "string", "contentEncoding": "base64"},
                "recording_url": {"type": "string", "format": "uri", "maxLength": 4000},
            }
            operation["requestBody"]["content"] |= {
                "application/json": {"schema": {"type": "object", "properties": properties}},
                "audio/*": {"schema": {"type": "string", "format": "binary"}},
            }
        return operation

    def _reads(self) -> bool:
        return bool(self.hook.request_serializer) or self.hook.name in PAGED

    def _map_serializer(
        self, serializer: Any, direction: str, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer(serializer, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if (
            direction == "request"
            and isinstance(serializer, s.ActivityRequest)
            and not isinstance(serializer, s.RecordingRequest)
        ):
            schema |= A_CALL
        return schema

    def _map_serializer_field(
        self, field: Any, direction: str, bypass_extensions: bool = False
    ) -> Any:
        if isinstance(field, serializers.BaseSerializer):
            inner = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
            return inner if direction == "response" else {"oneOf": [inner, ABSENT]}
        if direction == "response":
            return {"type": ["string", "null"] if field.allow_null else "string"}
        for kind, shape in SHAPES.items():
            if isinstance(field, kind):
                return dict(shape)
        limit = {} if isinstance(field, s.DirectionField) else {"maxLength": field.max_length}
        given = {"type": ["string", "number"], **limit}
        return given if field.required else {"anyOf": [given, ABSENT]}

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        """Omit validators, which the schemas above already describe."""
