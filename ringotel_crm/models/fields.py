"""Columns that are derived from others, so that plain indexes serve on every database."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils.translation import gettext_lazy as _


def fold(text: str) -> str:
    """Text as it is compared: without regard to case, white space, and how accents are encoded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def sensible(value: dt.date) -> None:
    """Of days and times that people type: the years that the doors take, and that every database gives back."""
    if not 1970 <= value.year <= 2099:
        raise ValidationError(_("A day between 1970 and 2099 is expected."))


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


class FoldedField(DerivedField):
    """The source as :func:`fold` leaves it."""

    def derive(self, text: str, instance: models.Model) -> str:
        """Folded."""
        return fold(text)


def PrefixIndex(field: str, *, name: str) -> models.Index:
    """For :func:`begins` and ``=``. On PostgreSQL ``db_index`` makes two, and every write pays for both."""
    return models.Index(fields=[field], opclasses=["varchar_pattern_ops"], name=name)


def begins(field: str, text: str) -> models.Q:
    """Rows whose folded column ``field`` begins with ``text``, by the index on every database.

    SQLite takes no index for LIKE with ESCAPE, which Django writes, but for a range; its order is that of code points.
    """
    folded = fold(text)
    if "\0" in folded:  # PostgreSQL cannot even be asked
        return models.Q(pk__in=())
    match connection.vendor:
        case "sqlite":
            return models.Q(**{f"{field}__gte": folded, f"{field}__lt": f"{folded}\U0010ffff"})
        case "mysql":
            return models.Q(**{f"{field}__istartswith": folded})
    return models.Q(**{f"{field}__startswith": folded})
