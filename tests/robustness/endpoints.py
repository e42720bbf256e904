"""The fields of all hooks, read from their decorators and serializers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from ringotel_crm.hooks.document import hooks
from ringotel_crm.hooks.paging import CursorField, PageRequest
from ringotel_crm.hooks.serializers import (
    DirectionField,
    DurationField,
    HookSerializer,
    RecordingRequest,
    RecordingUrlRequest,
    TimestampField,
)

PAGED = ("Contacts", "Organizations")


@dataclass(frozen=True)
class Entry:
    """One field of one hook."""

    hook: str
    method: str
    path: str
    name: str  # a dot separates nested names
    field: serializers.Field[Any, Any, Any, Any]

    def __str__(self) -> str:
        return f"{self.hook}-{self.name}"

    @property
    def kinds(self) -> set[type[serializers.Field[Any, Any, Any, Any]]]:
        """Return the classes of the field by which invalid values are chosen."""
        return set(type(self.field).__mro__) & {
            serializers.CharField,
            serializers.EmailField,
            serializers.FileField,
            serializers.IntegerField,
            DirectionField,
            CursorField,
            DurationField,
            TimestampField,
        }

    def body(self, base: dict[str, Any], value: Any) -> dict[str, Any]:
        """Return a copy of ``base`` with the field set to ``value``."""
        name, _, inner = self.name.partition(".")
        return {**base, name: {inner: value} if inner else value}


def entries() -> Iterator[Entry]:
    """Yield every field of every hook."""
    for hook, method, path in hooks():
        takes = PageRequest if hook.name in PAGED else hook.request_serializer
        for name, field in _leaves(takes) if takes else ():
            yield Entry(hook.name, method, path, name, field)
        if takes is RecordingRequest:
            field = RecordingUrlRequest().fields["recording_url"]
            yield Entry(hook.name, method, path, "recording_url", field)


def _leaves(serializer_class: type[HookSerializer], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in serializer_class().fields.items():
        if isinstance(field, HookSerializer):
            yield from _leaves(type(field), f"{path}{name}.")
        else:
            yield f"{path}{name}", field
