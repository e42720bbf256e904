"""Columns that are derived from others, so that plain indexes serve on every database."""

from __future__ import annotations

from typing import Any

from django.db import models

from .search import normalize_for_search


class DerivedField(models.CharField):  # type: ignore[type-arg]
    """Text that follows the field called ``source``, also in ``bulk_create``; not in ``QuerySet.update``."""

    def __init__(self, *args: Any, source: str = "", **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **{"blank": True, "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """With ``source``."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Derive the value before it is written."""
        value = self.derive(getattr(model_instance, self.source), model_instance)[: self.max_length]
        setattr(model_instance, self.attname, value)
        return value

    def derive(self, text: str, instance: models.Model) -> str:
        """The value for this text of the source."""
        raise NotImplementedError


class NormalizedField(DerivedField):
    """The source as :func:`fold` leaves it."""

    def derive(self, text: str, instance: models.Model) -> str:
        """Folded."""
        return normalize_for_search(text)
