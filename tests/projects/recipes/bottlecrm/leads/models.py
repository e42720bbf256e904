"""The fields of BottleCRM that the recipe maps."""

from __future__ import annotations

from common.models import BaseModel, Org
from django.db import models


class Lead(BaseModel):
    first_name = models.CharField(null=True, max_length=255)
    last_name = models.CharField(null=True, max_length=255)
    email = models.EmailField(null=True, blank=True)
    phone = models.CharField(max_length=20, null=True, blank=True)
    job_title = models.CharField(max_length=255, blank=True, null=True)
    company_name = models.CharField(max_length=255, blank=True, null=True)
    org = models.ForeignKey(Org, on_delete=models.CASCADE, related_name="leads")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"
