"""Model fields."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .search import normalize_for_search


def tenant_field() -> models.CharField[str, str]:
    """Return the field for the key of the tenant.

    64 characters fit into a composite index on every database.
    """
    return models.CharField(_("tenant"), max_length=64, blank=True, default="", editable=False)


class DerivedField(models.CharField):  # type: ignore[type-arg]
    """Text derived from the field ``source``, so that a plain index serves on every database.

    The value is updated by ``save()`` and ``bulk_create()``, but not by ``QuerySet.update()``.
    """

    def __init__(self, *args: Any, source: str = "", **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **{"blank": True, "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.derive(getattr(model_instance, self.source), model_instance)[: self.max_length]
        setattr(model_instance, self.attname, value)
        return value

    def derive(self, text: str, instance: models.Model) -> str:
        """Return the value for ``text``, the value of the source."""
        raise NotImplementedError


class NormalizedField(DerivedField):
    """The source as returned by :func:`~ringotel_crm.models.search.normalize_for_search`."""

    def derive(self, text: str, instance: models.Model) -> str:
        return normalize_for_search(text)
