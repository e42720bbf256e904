"""Columns that are derived from others, so that plain indexes serve on every database."""

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
    """First and last name, as they are looked for."""

    def derive(self, text: str, instance: models.Model) -> str:
        """Folded together."""
        return normalize_for_search(
            f"{getattr(instance, 'first_name', '')} {getattr(instance, 'last_name', '')}"
        )


class E164Field(DerivedField):
    """The source in E.164, "" where it holds no number. An extension in it goes to the field of that name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 16, **kwargs})

    def derive(self, text: str, instance: models.Model) -> str:
        """Normalised."""
        for number in phone.numbers(text):
            if number.extension and hasattr(instance, "extension"):
                instance.extension = number.extension
            return number.e164
        return ""


class LowerEmailField(models.EmailField):  # type: ignore[type-arg]
    """An address in lower case, so that a plain index finds it whatever case it was typed in."""

    def get_prep_value(self, value: Any) -> Any:
        """As stored and as looked up."""
        return super().get_prep_value(value.lower() if isinstance(value, str) else value)
