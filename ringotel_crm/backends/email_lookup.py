"""Looking up e-mail addresses, regardless of case, by the index that the host's model has."""

from __future__ import annotations

import re
from typing import Any

from django.db import connections, router
from django.db.models import F, Field, Func, Model, Q, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower, Upper
from django.db.models.lookups import Exact

from .mapping import resolve_path

# Names of collations that ignore case: "utf8mb4_general_ci", "NOCASE", "case_insensitive",
# "und-u-ks-level2".
CASE_INSENSITIVE = re.compile(r"(^|[_-])ci$|nocase|insensitive|ks-level[12]", re.IGNORECASE)


def email_equals(model: type[Model], path: str, email: str) -> Any:
    """Return the condition that the field at ``path`` is ``email``, regardless of case.

    ``Meta.indexes`` and ``Meta.constraints`` decide which SQL an index can serve: ``"email" = %s``
    for a column that ignores case, ``LOWER("email") = LOWER(%s)`` or ``UPPER("email") = UPPER(%s)``
    for an index on that expression; else ``iexact``.
    """
    field = resolve_path(model, path)[-1]
    if ignores_case(field):
        return Q(**{path: email})
    for function in (Lower, Upper):
        if _has_index(field, function):
            return Exact(function(F(path)), function(Value(email)))
    return Q(**{f"{path}__iexact": email})


def is_indexed(field: Field[Any, Any]) -> bool:
    """Return whether an index serves :func:`email_equals`. Indexes outside ``Meta`` are unknown."""
    if ignores_case(field):
        return _has_plain_index(field)
    return _has_index(field, Lower) or _has_index(field, Upper)


def ignores_case(field: Field[Any, Any]) -> bool:
    """Return whether the column compares text regardless of case, by its type or collation."""
    connection = connections[router.db_for_read(field.model)]
    if collation := getattr(field, "db_collation", None):
        return bool(CASE_INSENSITIVE.search(collation))
    # The default collations of MySQL and MariaDB ignore case.
    return connection.vendor == "mysql" or field.db_type(connection) == "citext"


def _has_plain_index(field: Any) -> bool:
    meta: Any = field.model._meta
    if field.db_index or field.unique:
        return True
    indexes = (*meta.indexes, *meta.total_unique_constraints)
    return any(field.name in index.fields for index in indexes)


def _has_index(field: Field[Any, Any], function: type[Func]) -> bool:
    """Return whether all rows are in an index or unique constraint on ``function`` of the field."""
    meta: Any = field.model._meta
    for index in (*meta.indexes, *meta.constraints):
        if getattr(index, "condition", None) is not None:
            continue
        for expression in getattr(index, "expressions", ()):
            inner: Any = expression.expression if isinstance(expression, OrderBy) else expression
            if isinstance(inner, function) and _column(inner) == field.name:
                return True
    return False


def _column(function: Any) -> str:
    (source,) = function.get_source_expressions()
    return str(getattr(source, "name", ""))
