"""Address book."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, tenant_field


class AddressBookLink(models.Model):
    """Link of a contact to an entry of Ringotel's address book, which cannot store the id of a
    contact."""

    tenant = tenant_field()
    contact_id = IdentifierField(_("contact id"), max_length=255)
    ringotel_id = IdentifierField(_("Ringotel's id"), max_length=64)

    class Meta:
        verbose_name = _("address book link")
        verbose_name_plural = _("address book links")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "contact_id"], name="ringotel_unique_link_contact"
            ),
            models.UniqueConstraint(
                fields=["tenant", "ringotel_id"], name="ringotel_unique_link_entry"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} = {self.ringotel_id}"
