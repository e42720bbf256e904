"""Validators."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def validate_reasonable_year(value: dt.date) -> None:
    """Reject years outside 1970-2099: the API rejects them, and some databases cannot return them.

    Raise ``ValidationError``.
    """
    if not 1970 <= value.year <= 2099:
        raise ValidationError(_("Enter a date between 1970 and 2099."))
