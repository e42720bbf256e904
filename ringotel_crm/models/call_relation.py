"""From a host's contact to its calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.db.models import Model, QuerySet


class CallRelation(GenericRelation):
    """``calls = CallRelation()`` in a host's model; it makes no migration. The calls outlive the contact."""

    def __init__(self, **kwargs: Any) -> None:
        fields = {"content_type_field": "contact_type", "object_id_field": "contact_id"}
        super().__init__("ringotel_crm.Activity", **{**fields, **kwargs})

    def bulk_related_objects(
        self, objs: Sequence[Model], using: str = "default"
    ) -> QuerySet[Model]:
        """What is deleted with these contacts: nothing."""
        nothing: QuerySet[Model] = super().bulk_related_objects(list(objs), using).none()
        return nothing
