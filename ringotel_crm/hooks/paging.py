"""Pages of the list hooks. Without paging parameters the whole list is returned: Ringotel documents
no paging.
"""

from __future__ import annotations

import base64
from typing import Any

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..backends.base import ContactDirectory, OrganizationDirectory
from ..conf import conf
from .serializers import HookSerializer, TimestampField, compiled_renderer
from .streaming import ListWriter

DEFAULT_SIZE = 100

# Distinguishes a cursor from other text in base64.
CURSOR_PREFIX = "after "


class CursorField(serializers.Field):  # type: ignore[type-arg]
    """An opaque reference to the last record of a page."""

    default_error_messages = {"invalid": _("Enter the cursor of an earlier page.")}

    def to_internal_value(self, data: Any) -> str:
        """Return the id of the last record of the earlier page."""
        try:
            text = base64.b64decode(str(data), altchars=b"-_", validate=True).decode()
        except ValueError:
            self.fail("invalid")
        if not text.startswith(CURSOR_PREFIX):
            self.fail("invalid")
        return text.removeprefix(CURSOR_PREFIX)

    @staticmethod
    def encode(id: str) -> str:
        """Return the cursor of the page after the record with this id."""
        return base64.urlsafe_b64encode(f"{CURSOR_PREFIX}{id}".encode()).decode()


class PageRequest(HookSerializer):
    """The parameters of a list."""

    limit = serializers.IntegerField(required=False, min_value=1)
    cursor = CursorField(required=False)
    updated_since = TimestampField(required=False)

    def validate_limit(self, value: int) -> int:
        """Raise ``ValidationError`` above ``MAX_PAGE_SIZE``."""
        if value > conf.MAX_PAGE_SIZE:
            raise serializers.ValidationError(
                _("Must be at most %(max)d.") % {"max": conf.MAX_PAGE_SIZE}
            )
        return value


def list_response(
    directory: ContactDirectory | OrganizationDirectory,
    response_serializer: type[HookSerializer],
    page: dict[str, Any],
) -> HttpResponseBase:
    """Return the page for the validated parameters ``page``, or the whole list without limit and
    cursor.
    """
    updated_since = page.get("updated_since")
    if "limit" not in page and "cursor" not in page:
        writer = ListWriter(response_serializer)
        return writer.response(directory.rows(writer.attributes, updated_since=updated_since))
    limit = page.get("limit", min(DEFAULT_SIZE, conf.MAX_PAGE_SIZE))
    # One record more than requested shows whether there is a next page.
    records = list(
        directory.records(
            after=page.get("cursor", ""), limit=limit + 1, updated_since=updated_since
        )
    )
    render = compiled_renderer(response_serializer)
    cursor = CursorField.encode(records[limit - 1].id) if len(records) > limit else None
    return JsonResponse({"results": list(map(render, records[:limit])), "next": cursor})
