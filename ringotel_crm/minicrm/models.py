"""Contacts with their numbers, organizations, and imports of contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import databases, phone
from ..contact_files.results import Outcome
from ..models.fields import NormalizedField, ReversedDigitsField
from ..models.search import prefix_index
from .fields import E164Field, FullNameField, LowerEmailField
from .words import (
    BATCH,
    SearchableModel,
    SearchableQuerySet,
    Word,
    cascade_unlisted,
    update_words,
    word_index,
)


class Organization(SearchableModel):
    """A company."""

    search_columns = ("name",)

    name = models.CharField(_("name"), max_length=255)
    name_normalized = NormalizedField(source="name", max_length=255)
    phone = models.CharField(
        _("phone"), max_length=64, blank=True, help_text=_("As typed, in any notation.")
    )
    e164 = E164Field(_("E.164"), source="phone")
    e164_reversed = ReversedDigitsField(source="e164")
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
            "Shown when the switchboard number calls. If empty, the oldest contact is shown."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True, db_index=True)

    objects = SearchableQuerySet.as_manager()

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ("name", "id")
        indexes = [
            prefix_index("name_normalized", name="ringotel_organization_name"),
            models.Index(fields=["e164"], name="ringotel_organization_e164"),
            prefix_index("e164_reversed", name="ringotel_organization_digits"),
        ]

    def __str__(self) -> str:
        return self.name

    @databases.fresh_reads()
    def save(self, **kwargs: Any) -> None:
        """Save, and mark the contacts as changed if the name, which they show, is new."""
        renamed = (
            self.pk and Organization.objects.filter(pk=self.pk).exclude(name=self.name).exists()
        )
        super().save(**kwargs)
        if renamed:
            _mark_changed(list(self.contacts.values_list("pk", flat=True)))

    @databases.fresh_reads()
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete, and mark the contacts as changed."""
        contacts = list(self.contacts.values_list("pk", flat=True))
        deleted = super().delete(*args, **kwargs)
        _mark_changed(contacts)
        return deleted

    def get_search_text(self) -> str:
        """Return the name."""
        return self.name


def _mark_changed(contacts: Sequence[int]) -> None:
    """Mark contacts as changed, and update their words: their organization has changed."""
    for start in range(0, len(contacts), BATCH):
        rows = Contact.objects.filter(pk__in=contacts[start : start + BATCH])
        rows.update(updated_at=timezone.now())
        update_words(list(rows.select_related("organization")))


class OrganizationWord(Word):
    """A word of the name of an organization."""

    owner = models.ForeignKey(
        Organization, on_delete=cascade_unlisted, related_name="words", db_index=False
    )

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "word"], name="ringotel_unique_organization_word"
            )
        ]
        indexes = [word_index("ringotel_organization_word")]


class Contact(SearchableModel):
    """A person outside the company."""

    search_columns = ("first_name", "last_name", "organization_id")

    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    name_normalized = FullNameField(source="first_name", max_length=255)
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

    objects = SearchableQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ("last_name", "first_name", "id")
        indexes = [
            models.Index(fields=["last_name", "first_name", "id"], name="ringotel_contact_name"),
            prefix_index("name_normalized", name="ringotel_contact_full_name"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or f"#{self.pk}"

    def get_search_text(self) -> str:
        """Return the name and the company."""
        return f"{self.first_name} {self.last_name} {self.organization or ''}"


class ContactWord(Word):
    """A word of the name of a contact or of its organization."""

    owner = models.ForeignKey(
        Contact, on_delete=cascade_unlisted, related_name="words", db_index=False
    )

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["owner", "word"], name="ringotel_unique_contact_word")
        ]
        indexes = [word_index("ringotel_contact_word")]


class PhoneKind(models.TextChoices):
    """The use of a number."""

    WORK = "work", _("work")
    MOBILE = "mobile", _("mobile")
    HOME = "home", _("home")
    FAX = "fax", _("fax")
    OTHER = "other", _("other")


# Characters of a number as typed.
MAX_LENGTH = 255


def _text(number: phone.ParsedNumber) -> str:
    """Return the text of a number, or its E.164 if the text is too long for the column."""
    return number.text if len(number.text) <= MAX_LENGTH else number.e164


class ContactPhone(models.Model):
    """A phone number of a contact. Two numbers typed into one field become two rows."""

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
    e164_reversed = ReversedDigitsField(source="e164")
    extension = models.CharField(_("extension"), max_length=16, blank=True)

    class Meta:
        verbose_name = _("number")
        verbose_name_plural = _("numbers")
        ordering = ("id",)
        indexes = [
            models.Index(fields=["e164"], name="ringotel_phone_e164"),
            prefix_index("e164_reversed", name="ringotel_phone_digits"),
        ]

    def __str__(self) -> str:
        return self.raw

    @databases.fresh_reads()
    def save(self, **kwargs: Any) -> None:
        """Save one row for each number in ``raw``, and mark the contact as changed."""
        typed = phone.numbers(self.raw)
        if len(typed) > 1:
            self.raw = _text(typed[0])
        super().save(**kwargs)
        of_kind = ContactPhone.objects.filter(contact_id=self.contact_id, kind=self.kind)
        for number in typed[1:]:
            if not of_kind.filter(e164=number.e164).exists():  # the text may be saved again
                ContactPhone.objects.create(
                    contact_id=self.contact_id, kind=self.kind, raw=_text(number)
                )
        Contact.objects.filter(pk=self.contact_id).update(updated_at=timezone.now())

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete, and mark the contact as changed."""
        Contact.objects.filter(pk=self.contact_id).update(updated_at=timezone.now())
        return super().delete(*args, **kwargs)


class ContactImport(models.Model):
    """The import of one file. Each step of the work is committed together with ``position``."""

    class Status(models.TextChoices):
        """The steps of an import, in this order."""

        MAPPING = "mapping", _("columns to be mapped")
        CHECKING = "checking", _("being checked")
        READY = "ready", _("not confirmed")
        IMPORTING = "importing", _("being imported")
        DONE = "done", _("imported")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    file_name = models.CharField(_("file"), max_length=255)
    stored_name = models.CharField(
        max_length=255, blank=True
    )  # of the temporary copy, until the import is done
    headers = models.JSONField(default=list)
    headers_digest = models.CharField(max_length=64, db_index=True)
    fields = models.JSONField(default=list)  # of each column, "" for ignored ones
    mapped_by_hand = models.BooleanField(default=False)
    filled = models.JSONField(default=list)  # indexes of the columns that have values
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.CHECKING
    )
    total = models.PositiveIntegerField(_("rows"), default=0)
    position = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(_("created"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("left alone"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    kept = models.PositiveIntegerField(_("edited since"), default=0)
    created_at = models.DateTimeField(_("started"), auto_now_add=True, db_index=True)
    worked_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        default_permissions = ()
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.file_name


class ImportedRow(models.Model):
    """What an import does to one contact, or why it refuses a row. Deleted with the contact."""

    job = models.ForeignKey(ContactImport, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField(_("row"))  # in the file
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices)
    label = models.CharField(_("contact"), max_length=255, blank=True)
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, null=True, related_name="imports"
    )
    created_organization = models.ForeignKey(
        Organization, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    before = models.JSONField(null=True)  # snapshot of a changed contact, to which undo returns
    digest = models.CharField(max_length=64, blank=True)  # of the contact as the import left it
    changes = models.JSONField(default=list)  # label, text before, text after
    messages = models.JSONField(default=list)  # reasons of a refusal, or warnings
    cells = models.JSONField(default=list)  # of a refused row, for the download
    is_kept = models.BooleanField(default=False)  # undo left the contact as it is

    class Meta:
        verbose_name = _("imported row")
        verbose_name_plural = _("imported rows")
        default_permissions = ()
        ordering = ("job", "number")
        constraints = [
            models.UniqueConstraint(
                fields=["job", "contact"], name="ringotel_unique_imported_contact"
            ),
        ]
        indexes = [
            models.Index(fields=["job", "outcome", "number"], name="ringotel_imported_outcome")
        ]

    def __str__(self) -> str:
        return self.label or f"#{self.number}"
