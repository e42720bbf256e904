"""Reading a JSON body: bounded, strict, and with an answer instead of a traceback for everything that is not JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from ..exceptions import TooLarge
from ..internal.parsing import parse_json_object


class StrictJSONParser(BaseParser):
    """One object in UTF-8, at most ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes; no NaN, no infinity, no key twice."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object. Raises ``Invalid`` or ``TooLarge``."""
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        request = (parser_context or {})["request"]
        # What a body claims to be is believed before it is waited for. Its length is known: see HookViewSet.initial.
        if limit is not None and int(request.META["CONTENT_LENGTH"]) > limit:
            raise TooLarge(_("The body is longer than %(limit)d bytes.") % {"limit": limit})
        return parse_json_object(stream.read())
