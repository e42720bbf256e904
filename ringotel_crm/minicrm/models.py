"""Organizations, contacts and their numbers."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..models.fields import NormalizedField
from ..models.search import prefix_index
from .fields import E164Field, FullNameField, LowerEmailField


class Organization(models.Model):
    """A company."""

    name = models.CharField(_("name"), max_length=255)
    name_normalized = NormalizedField(source="name", max_length=255)
    phone = models.CharField(
        _("phone"), max_length=64, blank=True, help_text=_("As typed, in any notation.")
    )
    e164 = E164Field(_("E.164"), source="phone")
    email = LowerEmailField(_("e-mail"), blank=True, db_index=True)
    website = models.URLField(_("website"), blank=True)
    main_contact = models.ForeignKey(
        "Contact",
        verbose_name=_("main contact"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_(
            "Shown when the organization's own number calls; without one, its oldest contact."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True, db_index=True)

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ("name", "id")
        indexes = [
            prefix_index("name_normalized", name="ringotel_organization_name"),
            models.Index(fields=["e164"], name="ringotel_organization_e164"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        """A new name is a change of each of its contacts, whose company it is."""
        renamed = (
            self.pk and Organization.objects.filter(pk=self.pk).exclude(name=self.name).exists()
        )
        super().save(**kwargs)
        if renamed:
            self.contacts.update(updated_at=timezone.now())

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Mark its contacts as changed."""
        self.contacts.update(updated_at=timezone.now())
        return super().delete(*args, **kwargs)


class Contact(models.Model):
    """A person outside the company."""

    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    name_normalized = FullNameField(source="first_name", max_length=255)
    last_name_normalized = NormalizedField(source="last_name", max_length=150)
    organization = models.ForeignKey(
        Organization,
        verbose_name=_("organization"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="contacts",
    )
    job_title = models.CharField(_("job title"), max_length=150, blank=True)
    email = LowerEmailField(_("e-mail"), blank=True, db_index=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True, db_index=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ("last_name", "first_name", "id")
        indexes = [
            models.Index(fields=["last_name", "first_name", "id"], name="ringotel_contact_name"),
            prefix_index("name_normalized", name="ringotel_contact_full_name"),
            prefix_index("last_name_normalized", name="ringotel_contact_last_name"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or f"#{self.pk}"


class PhoneKind(models.TextChoices):
    """What a number is for."""

    WORK = "work", _("work")
    MOBILE = "mobile", _("mobile")
    HOME = "home", _("home")
    FAX = "fax", _("fax")
    OTHER = "other", _("other")


MAX_LENGTH = 255


def _text(number: phone.Number) -> str:
    """As it was read, which may be longer than it was typed."""
    return number.text if len(number.text) <= MAX_LENGTH else number.e164


class ContactPhone(models.Model):
    """One number of a contact. Two numbers typed into one field become two rows."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="phones"
    )
    kind = models.CharField(
        _("kind"), max_length=16, choices=PhoneKind.choices, default=PhoneKind.WORK
    )
    raw = models.CharField(
        _("number"), max_length=MAX_LENGTH, help_text=_("As typed, in any notation.")
    )
    e164 = E164Field(_("E.164"), source="raw")
    extension = models.CharField(_("extension"), max_length=16, blank=True)

    class Meta:
        verbose_name = _("number")
        verbose_name_plural = _("numbers")
        ordering = ("id",)
        indexes = [models.Index(fields=["e164"], name="ringotel_phone_e164")]

    def __str__(self) -> str:
        return self.raw

    def save(self, **kwargs: Any) -> None:
        """Split what was typed, and mark the contact as changed."""
        typed = phone.numbers(self.raw)
        if len(typed) > 1:
            self.raw = _text(typed[0])
        super().save(**kwargs)
        of_kind = ContactPhone.objects.filter(contact_id=self.contact_id, kind=self.kind)
        for number in typed[1:]:
            if not of_kind.filter(
                e164=number.e164
            ).exists():  # the same text again makes no second row
                ContactPhone.objects.create(
                    contact_id=self.contact_id, kind=self.kind, raw=_text(number)
                )
        Contact.objects.filter(pk=self.contact_id).update(updated_at=timezone.now())

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Mark the contact as changed."""
        Contact.objects.filter(pk=self.contact_id).update(updated_at=timezone.now())
        return super().delete(*args, **kwargs)
