"""The fields of Horilla CRM that the recipe maps."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from horilla_core.models import HorillaCoreModel


class Contact(HorillaCoreModel):
    contact_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_contacts"
    )
    title = models.CharField(max_length=100, blank=True, null=True)
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    email = models.EmailField(max_length=100)
    phone = models.CharField(max_length=40, blank=True, null=True)
    secondary_phone = models.CharField(max_length=40, blank=True, null=True)

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class ContactAccountRelationship(HorillaCoreModel):
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="account_relationships"
    )
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="contact_relationships"
    )

    def __str__(self) -> str:
        return f"{self.contact} - {self.account}"
