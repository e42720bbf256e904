"""Validators."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def validate_reasonable_year(value: dt.date) -> None:
    """Of days and times that people type: the years that the doors take, and that every database gives back."""
    if not 1970 <= value.year <= 2099:
        raise ValidationError(_("A day between 1970 and 2099 is expected."))
