"""Row locks for concurrent writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connections, models, router
from django.utils import timezone

from ..models import Lock

Row = TypeVar("Row", bound=models.Model)


def upsert(instance: models.Model, *, key: Sequence[str], update_field: str) -> None:
    """Insert ``instance``, or update only ``update_field`` of the row with the same ``key``.

    The row is locked until the transaction ends. Must be the first statement of the transaction:
    SQLite raises an error instead of waiting when a transaction reads before it writes.
    """
    model = type(instance)
    features = connections[router.db_for_write(model)].features
    options: dict[str, Any] = {"update_conflicts": True, "update_fields": [update_field]}
    if features.supports_update_conflicts_with_target:
        options["unique_fields"] = key
    model._default_manager.bulk_create([instance], **options)


def lock_row(rows: models.QuerySet[Row], update_field: str) -> Row | None:
    """Return the only row of ``rows``, locked until the transaction ends, or None.

    Databases without SELECT ... FOR UPDATE set ``update_field``, a time, instead. May therefore be
    the first statement of the transaction on every database.
    """
    features = connections[router.db_for_write(rows.model)].features
    rows = rows.order_by()
    if features.has_select_for_update:
        return rows.select_for_update(no_key=features.has_select_for_no_key_update).first()
    return rows.first() if rows.update(**{update_field: timezone.now()}) else None


def acquire(name: str) -> None:
    """Acquire the lock ``name`` until the transaction ends, waiting for other transactions.

    Must be the first statement of the transaction.
    """
    upsert(Lock(name=name), key=["name"], update_field="acquired_at")
