"""The fields of BottleCRM that the recipe maps."""

from __future__ import annotations

from common.models import BaseModel, Org
from django.db import models


class Account(BaseModel):
    name = models.CharField(max_length=255)
    email = models.EmailField(blank=True, null=True)
    phone = models.CharField(max_length=25, blank=True, null=True)
    website = models.URLField(blank=True, null=True)
    org = models.ForeignKey(Org, on_delete=models.CASCADE, related_name="accounts")

    def __str__(self) -> str:
        return self.name
