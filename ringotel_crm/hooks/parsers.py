"""The parser of JSON bodies: strict, limited in size, with a 4xx for everything that is not a JSON
object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from ..exceptions import TooLarge
from ..internal.parsing import parse_json_object


class StrictJSONParser(BaseParser):
    """Parse a JSON object in UTF-8 of at most ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes, without NaN,
    infinity and duplicate keys.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object. Raises ``InvalidInput`` and ``TooLarge``."""
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        request = (parser_context or {})["request"]
        # Checked before the body is read. HookViewSet.initial() makes sure that the length is
        # known.
        if limit is not None and int(request.META["CONTENT_LENGTH"]) > limit:
            raise TooLarge(_("The body is longer than %(limit)d bytes.") % {"limit": limit})
        return parse_json_object(stream.read())
