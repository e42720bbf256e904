"""References to contacts, whatever model the backend keeps them in."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..records import ContactReference
from .fields import IdentifierField


class ContactReferenceModel(models.Model):
    """Abstract base of rows that may refer to a contact.

    The row stores the contact's name, and outlives both the contact and its content type.
    """

    contact_type = models.ForeignKey(
        ContentType,
        verbose_name=_("contact type"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,  # a constraint would make concurrent inserts lock the same row
    )
    contact_id = IdentifierField(_("contact id"), max_length=255, blank=True)
    contact = GenericForeignKey("contact_type", "contact_id")
    contact_name = models.CharField(_("contact"), max_length=255, blank=True)

    class Meta:
        abstract = True

    @property
    def contact_reference(self) -> ContactReference:
        """The three columns as one value; assign to it to refer to another contact."""
        return ContactReference(
            type_id=self.contact_type_id, id=self.contact_id, name=self.contact_name
        )

    @contact_reference.setter
    def contact_reference(self, reference: ContactReference) -> None:
        self.contact_type_id = reference.type_id
        self.contact_id, self.contact_name = reference.id, reference.name


class RequiredContactReferenceModel(ContactReferenceModel):
    """Abstract base of rows that must refer to a contact and are deleted with its content type."""

    contact_type = models.ForeignKey(
        ContentType,
        verbose_name=_("contact type"),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    contact_id = IdentifierField(_("contact id"), max_length=255)
    contact_name = models.CharField(_("contact"), max_length=255, blank=True, editable=False)

    class Meta:
        abstract = True
