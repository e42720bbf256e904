"""Relation from a host's contact model to calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.db.models import Model, QuerySet


class CallRelation(GenericRelation):
    """Calls of a contact: ``calls = CallRelation()`` in a host's model.

    It needs no migration. Deleting a contact does not delete its calls.
    """

    def __init__(self, **kwargs: Any) -> None:
        fields = {"content_type_field": "contact_type", "object_id_field": "contact_id"}
        super().__init__("ringotel_crm.Activity", **{**fields, **kwargs})

    def bulk_related_objects(
        self, objs: Sequence[Model], using: str = "default"
    ) -> QuerySet[Model]:
        """Return no objects, so that deleting ``objs`` does not cascade to their calls."""
        calls: QuerySet[Model] = super().bulk_related_objects(list(objs), using)
        return calls.none()
