"""Pages of the list hooks. Without paging parameters a list is whole, because Ringotel documents no paging."""

from __future__ import annotations

import base64
from itertools import islice
from typing import Any

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..backends.base import ContactDirectory, OrganizationDirectory
from ..conf import conf
from .serializers import HookSerializer, TimestampField, compiled_renderer, leaf_attributes
from .streaming import stream

DEFAULT_SIZE = 100
CURSOR_PREFIX = "after "  # tells a cursor from any other text in base64


class CursorField(serializers.Field):  # type: ignore[type-arg]
    """An opaque mark of the last record of a page."""

    default_error_messages = {"invalid": _("The cursor of an earlier page is expected.")}

    def to_internal_value(self, data: Any) -> str:
        """The id behind which the page begins."""
        try:
            text = base64.b64decode(str(data), altchars=b"-_", validate=True).decode()
        except ValueError:
            self.fail("invalid")
        if not text.startswith(CURSOR_PREFIX):
            self.fail("invalid")
        return text.removeprefix(CURSOR_PREFIX)

    @staticmethod
    def encode(id: str) -> str:
        """The cursor that follows the record with this id."""
        return base64.urlsafe_b64encode(f"{CURSOR_PREFIX}{id}".encode()).decode()


class PageRequest(HookSerializer):
    """Which part of a list."""

    limit = serializers.IntegerField(required=False, min_value=1)
    cursor = CursorField(required=False)
    updated_since = TimestampField(required=False)

    def validate_limit(self, value: int) -> int:
        """At most ``MAX_PAGE_SIZE``."""
        if value > conf.MAX_PAGE_SIZE:
            raise serializers.ValidationError(
                _("At most %(max)d is expected.") % {"max": conf.MAX_PAGE_SIZE}
            )
        return value


def list_response(
    directory: ContactDirectory | OrganizationDirectory,
    response_serializer: type[HookSerializer],
    page: dict[str, Any],
) -> HttpResponseBase:
    """The whole list, or the page that was asked for."""
    updated_since = page.get("updated_since")
    if "limit" not in page and "cursor" not in page:
        return stream(
            response_serializer,
            directory.rows(leaf_attributes(response_serializer), updated_since=updated_since),
        )
    limit = page.get("limit", min(DEFAULT_SIZE, conf.MAX_PAGE_SIZE))
    # One more than asked for tells whether another page follows.
    records = list(
        directory.records(
            after=page.get("cursor", ""), limit=limit + 1, updated_since=updated_since
        )
    )
    more = CursorField.encode(records[limit - 1].id) if len(records) > limit else None
    return JsonResponse(
        {
            "results": [
                compiled_renderer(response_serializer)(record) for record in islice(records, limit)
            ],
            "next": more,
        }
    )
