"""Writing rows that other requests may be writing at the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connections, models, router
from django.utils import timezone

from ..models import Lock

Row = TypeVar("Row", bound=models.Model)


def upsert(instance: models.Model, *, key: Sequence[str], update_field: str) -> None:
    """Insert ``instance``, or set only its field ``update_field`` on the row that has the same ``key``.

    Either way the row is locked until the transaction ends. It has to be the first statement of the
    transaction: SQLite fails at once, instead of waiting, when a transaction reads first and writes later.
    """
    model = type(instance)
    features = connections[router.db_for_write(model)].features
    target: dict[str, Any] = (
        {"unique_fields": key} if features.supports_update_conflicts_with_target else {}
    )
    model._default_manager.bulk_create(
        [instance], update_conflicts=True, update_fields=[update_field], **target
    )


def lock_row(rows: models.QuerySet[Row], update_field: str) -> Row | None:
    """The only row of ``rows``, locked until the transaction ends; None if there is none.

    May be the first statement of the transaction too: where rows cannot be locked by reading, the field ``update_field``,
    a time, is written before.
    """
    features = connections[router.db_for_write(rows.model)].features
    if features.has_select_for_update:
        return (
            rows.order_by().select_for_update(no_key=features.has_select_for_no_key_update).first()
        )
    return rows.order_by().first() if rows.update(**{update_field: timezone.now()}) else None


def acquire(name: str) -> None:
    """Wait until no other transaction has ``name``, and have it until this transaction ends."""
    upsert(Lock(name=name), key=["name"], update_field="acquired_at")
