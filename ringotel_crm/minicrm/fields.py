"""Columns derived from others, so that plain indexes work on every database."""

from __future__ import annotations

from typing import Any

from django.db import models

from .. import phone
from ..models.fields import DerivedField, NormalizedField
from ..models.search import normalize_for_search

__all__ = [
    "DerivedField",
    "E164Field",
    "FullNameField",
    "LowerEmailField",
    "NormalizedField",
    "normalize_for_search",
]


class FullNameField(NormalizedField):
    """First and last name, normalized for search."""

    def derive(self, text: str, instance: models.Model) -> str:
        """Return both names as one text."""
        return normalize_for_search(
            f"{getattr(instance, 'first_name', '')} {getattr(instance, 'last_name', '')}"
        )


class E164Field(DerivedField):
    """The source in E.164, ``""`` if it has no number. Sets ``extension`` if the text has one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 16, **kwargs})

    def derive(self, text: str, instance: models.Model) -> str:
        """Return the first number in ``text``."""
        for number in phone.numbers(text):
            if number.extension and hasattr(instance, "extension"):
                instance.extension = number.extension
            return number.e164
        return ""


class LowerEmailField(models.EmailField):  # type: ignore[type-arg]
    """An e-mail address in lower case, so that a plain index finds it in any case."""

    def get_prep_value(self, value: Any) -> Any:
        """Return the value to store, or to look up."""
        return super().get_prep_value(value.lower() if isinstance(value, str) else value)
