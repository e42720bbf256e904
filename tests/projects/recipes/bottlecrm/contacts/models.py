"""The fields of BottleCRM that the recipe maps."""

from __future__ import annotations

from accounts.models import Account
from common.models import BaseModel, Org
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class Contact(BaseModel):
    first_name = models.CharField(max_length=255)
    last_name = models.CharField(max_length=255)
    email = models.EmailField(blank=True, null=True)
    phone = models.CharField(max_length=25, blank=True, null=True)
    organization = models.CharField(max_length=255, blank=True, null=True)
    title = models.CharField(max_length=255, blank=True, null=True)
    org = models.ForeignKey(Org, on_delete=models.CASCADE, related_name="contacts")
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                "org",
                name="unique_contact_email_per_org",
                condition=Q(email__isnull=False) & ~Q(email=""),
            )
        ]

    def __str__(self) -> str:
        return self.first_name
