"""Search."""

from __future__ import annotations

import unicodedata

from django.db import connection, models


def normalize_for_search(text: str) -> str:
    """Text as it is compared: without regard to case, white space, and how accents are encoded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def prefix_index(field: str, *, name: str) -> models.Index:
    """For :func:`begins` and ``=``. On PostgreSQL ``db_index`` makes two, and every write pays for both."""
    return models.Index(fields=[field], opclasses=["varchar_pattern_ops"], name=name)


def prefix_q(field: str, text: str) -> models.Q:
    """Rows whose folded column ``field`` begins with ``text``, by the index on every database.

    SQLite takes no index for LIKE with ESCAPE, which Django writes, but for a range; its order is that of code points.
    """
    folded = normalize_for_search(text)
    if "\0" in folded:  # PostgreSQL cannot even be asked
        return models.Q(pk__in=())
    match connection.vendor:
        case "sqlite":
            return models.Q(**{f"{field}__gte": folded, f"{field}__lt": f"{folded}\U0010ffff"})
        case "mysql":
            return models.Q(**{f"{field}__istartswith": folded})
    return models.Q(**{f"{field}__startswith": folded})
