"""What every table of a tenant has."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


def tenant_field() -> models.CharField[str, str]:
    """The tenant: long enough for any key, short enough to stand in a composite index on every database."""
    return models.CharField(_("tenant"), max_length=64, blank=True, default="", editable=False)
