"""The fields of Horilla CRM that the recipe maps."""

from __future__ import annotations

from django.db import models
from horilla_core.models import HorillaCoreModel


class Account(HorillaCoreModel):
    name = models.CharField(max_length=255)
    phone = models.CharField(max_length=40, blank=True)
    website = models.URLField(max_length=255, blank=True)

    def __str__(self) -> str:
        return self.name
