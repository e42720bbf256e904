"""Search for the start of a text by an index."""

from __future__ import annotations

import unicodedata

from django.db import connection, models


def normalize_for_search(text: str) -> str:
    """Return ``text`` without differences in case, white space and Unicode encoding."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def prefix_index(field: str, *, name: str) -> models.Index:
    """Return an index for :func:`prefix_q` and ``=``.

    ``db_index=True`` would create two indexes on PostgreSQL.
    """
    return models.Index(fields=[field], opclasses=["varchar_pattern_ops"], name=name)


def prefix_q(field: str, text: str) -> models.Q:
    """Return the filter for rows in which the normalized column ``field`` starts with ``text``.

    Every database uses the column's :func:`prefix_index`. SQLite would not for ``startswith``,
    which Django compiles to ``LIKE ... ESCAPE``; it compares by code point, so a range is exact.
    """
    prefix = normalize_for_search(text)
    if "\0" in prefix:  # PostgreSQL does not accept it in a parameter
        return models.Q(pk__in=())
    match connection.vendor:
        case "sqlite":
            return models.Q(**{f"{field}__gte": prefix, f"{field}__lt": f"{prefix}\U0010ffff"})
        case "mysql":
            return models.Q(**{f"{field}__istartswith": prefix})
    return models.Q(**{f"{field}__startswith": prefix})
