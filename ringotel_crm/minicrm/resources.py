"""Contacts as rows of a table, by django-import-export.

Imported only where that package is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, OperationalError
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from import_export import fields, resources
from import_export.results import RowResult
from tablib import Dataset

from ..contact_files.cells import SEPARATOR
from ..contact_files.fields import FIELD_LABELS, PHONE_FIELDS, TEXT_FIELDS
from ..contact_files.rows import ContactRow
from ..models.search import normalize_for_search
from . import snapshots
from .matching import ContactLoader, Key, keys_of_contact
from .models import MAX_LENGTH, Contact, ContactPhone, Organization, PhoneKind

# Contacts that a dry run remembers, so that a second row of the same person is recognized.
MAX_REMEMBERED = 20_000


def own_id_column() -> str:
    """Return the header of the column of ids in an export of this very site.

    Ids of other products, and of other sites, therefore never select one of our contacts.
    """
    site = salted_hmac("ringotel_crm.contacts", "id", algorithm="sha256").hexdigest()
    return f"contact_id_{site[:8]}"


class NumbersField(fields.Field):  # type: ignore[misc]
    """The numbers of one kind, as typed, in one cell."""

    def __init__(self, kind: PhoneKind) -> None:
        super().__init__(column_name=f"{kind.value}_phone", attribute="phones")
        self.kind = kind

    def get_value(self, instance: Any, **kwargs: Any) -> str:
        """Return the numbers, separated by ``:::``, with extensions that the texts lack."""
        return SEPARATOR.join(
            f"{number.raw} x{number.extension}"
            if number.extension and number.extension not in number.raw
            else number.raw
            for number in snapshots.load_numbers(instance)
            if number.kind == self.kind
        )


class ContactRowResult(RowResult):  # type: ignore[misc]
    """The result of a row that was imported, or would be."""

    before: snapshots.Snapshot | None = None  # None for a new contact
    changes: list[tuple[str, str, str]] = []  # label, text before, text after


class ContactResource(resources.ModelResource):  # type: ignore[misc]
    """One contact for each row; :class:`~.matching.ContactLoader` selects it.

    A row of our own export replaces texts, and the numbers of each kind that it has. Any other row
    replaces texts and adds numbers; without a name it only fills in what is missing. An empty cell
    changes nothing.
    """

    company = fields.Field(column_name="company", attribute="organization__name")
    work_phone = NumbersField(PhoneKind.WORK)
    mobile_phone = NumbersField(PhoneKind.MOBILE)
    home_phone = NumbersField(PhoneKind.HOME)
    fax_phone = NumbersField(PhoneKind.FAX)
    other_phone = NumbersField(PhoneKind.OTHER)

    class Meta:
        model = Contact
        fields = ("id", *TEXT_FIELDS, *PHONE_FIELDS)
        export_order = fields
        instance_loader_class = ContactLoader
        chunk_size = 2000  # of an export
        skip_diff = True
        store_instance = True
        use_bulk = True
        batch_size = None  # the whole of import_rows()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields["id"].column_name = own_id_column()
        self.labels = {name: str(label) for name, label in FIELD_LABELS.items()}
        self.remembered: dict[Key, Contact] = {}
        self.organizations: dict[str, Organization] = {}

    @classmethod
    def get_row_result_class(cls) -> type[RowResult]:
        """Return the class with what undo and the preview need."""
        return ContactRowResult

    def get_queryset(self) -> Any:
        """Return the contacts with all that a row needs, in two queries."""
        return super().get_queryset().select_related("organization").prefetch_related("phones")

    def import_rows(
        self, rows: Sequence[ContactRow], *, dry_run: bool = False
    ) -> list[ContactRowResult]:
        """Import a batch and return the result of each row.

        A row that fails is refused and the others are imported nevertheless: if the database
        refuses a batch, its rows are imported one by one.
        """
        if not dry_run:
            self.remembered.clear()
        remembered = dict(self.remembered)
        try:
            result = self.import_data(self._dataset(rows), dry_run=dry_run)
        except (DataError, IntegrityError, ValueError) as exc:
            self.create_instances.clear()
            self.update_instances.clear()
            if len(rows) > 1:
                return [one for row in rows for one in self.import_rows([row])]
            rows[0].errors.append(_("The database refuses this row: %(error)s") % {"error": exc})
            return self.import_rows(rows)
        for base_error in result.base_errors:
            raise base_error.error
        failed = [(row, one) for row, one in zip(rows, result.rows, strict=True) if one.errors]
        if not failed:
            return list(result.rows)
        for row, row_result in failed:
            error = row_result.errors[0].error
            if isinstance(error, OperationalError):
                raise error
            row.errors.append(_("This row cannot be imported: %(error)s") % {"error": error})
        self.remembered = remembered
        return self.import_rows(rows, dry_run=dry_run)

    def _dataset(self, rows: Sequence[ContactRow]) -> Dataset:
        columns = (self.fields["id"].column_name, *TEXT_FIELDS, *PHONE_FIELDS, "errors")
        dataset = Dataset(headers=columns)
        for row in rows:
            texts = (getattr(row, name) for name in TEXT_FIELDS)
            numbers = (row.phones.get(kind.value, []) for kind in PhoneKind)
            dataset.append([row.own_id, *texts, *numbers, row.errors])
        return dataset

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Look up the companies of the batch."""
        names = {normalize_for_search(row["company"]) for row in dataset.dict} - {""}
        found = Organization.objects.filter(name_normalized__in=names).order_by("-pk")
        self.organizations = {company.name_normalized: company for company in found}

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """Raise ``ValidationError`` if the row could not be read, or a value cannot be stored."""
        errors = list(row["errors"])
        for name in filter(row.get, TEXT_FIELDS):
            model, field = (Organization, "name") if name == "company" else (Contact, name)
            try:
                model._meta.get_field(field).clean(row[name], None)  # type: ignore[union-attr]
            except ValidationError as exc:
                errors += [f"{self.labels[name]}: {message}" for message in exc.messages]
        if any(len(number) > MAX_LENGTH for name in PHONE_FIELDS for number in row[name]):
            errors.append(
                _("Enter phone numbers of at most %(max)d characters.") % {"max": MAX_LENGTH}
            )
        if errors:
            raise ValidationError(errors)

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """Return the contact that the row selects, None for a new one."""
        return instance_loader.get_instance(row)

    def after_init_instance(self, instance: Any, new: bool, row: Any, **kwargs: Any) -> None:
        """Keep the state before the import."""
        instance.is_new = new
        instance.is_own = not new and instance.is_own
        instance.is_created = new or getattr(instance, "is_created", False)
        instance.before = snapshots.take(instance)

    def import_field(
        self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any
    ) -> None:
        """Set one field, unless the cell is empty or has what is stored."""
        value = row.get(field.column_name)
        if not value or field.attribute == "id":
            return
        if isinstance(field, NumbersField):
            self._import_numbers(field, instance, value)
        elif self._is_change(field.get_value(instance) or "", value, instance, row):
            if field.column_name == "company":
                instance.organization = self.organizations.setdefault(
                    normalize_for_search(value), Organization(name=value)
                )
            else:
                setattr(instance, field.attribute, value)

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Return whether the row would change nothing."""
        return bool(not instance.is_new and instance.before == snapshots.take(instance))

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Write the contact at the end of the batch; later rows find it already."""
        super().save_instance(instance, is_create, row, **kwargs)
        if len(self.remembered) > MAX_REMEMBERED:
            self.remembered.clear()
        self.remembered |= dict.fromkeys(keys_of_contact(instance), instance)

    def bulk_create(
        self, using_transactions: bool, dry_run: bool, *args: Any, **kwargs: Any
    ) -> None:
        """Write the new contacts, unless this is a dry run."""
        if not dry_run:
            snapshots.create(self.create_instances)
        self.create_instances.clear()

    def bulk_update(
        self, using_transactions: bool, dry_run: bool, *args: Any, **kwargs: Any
    ) -> None:
        """Write the changed contacts, unless this is a dry run. Those created in this batch are."""
        changed = {id(contact): contact for contact in self.update_instances if not dry_run}
        self.update_instances.clear()
        for contact in changed.values():
            if not contact.is_created:
                snapshots.update(contact)

    def after_import_row(self, row: Any, row_result: Any, **kwargs: Any) -> None:
        """Describe what the row changes."""
        instance = row_result.instance
        row_result.before = None if row_result.is_new() else instance.before
        row_result.changes = [
            (self.labels[name], before, after)
            for name, before, after in snapshots.changes(instance.before, snapshots.take(instance))
        ]

    def _is_change(self, stored: str, value: str, instance: Any, row: Any) -> bool:
        if instance.is_own:
            # Excel writes what its code page lacks as question marks.
            return value not in (stored, stored.encode("cp1252", "replace").decode("cp1252"))
        has_name = bool(row["first_name"] or row["last_name"])
        return normalize_for_search(stored) != normalize_for_search(value) and (
            has_name or not stored
        )

    def _import_numbers(self, field: NumbersField, instance: Any, texts: Sequence[str]) -> None:
        """Add the numbers that the contact lacks; our own export replaces those of the kind."""
        held = snapshots.load_numbers(instance)
        if instance.is_own and SEPARATOR.join(texts) == field.get_value(instance):
            return
        comparable = [number for number in held if not instance.is_own or number.kind == field.kind]
        numbers: list[ContactPhone] = []
        for text in texts:
            new = snapshots.new_number(field.kind, text)
            same = next(
                (one for one in [*comparable, *numbers] if snapshots.is_same_number(one, new)), new
            )
            if same not in numbers:
                numbers.append(same)
        if instance.is_own:
            instance.numbers = [number for number in held if number.kind != field.kind] + numbers
        else:
            instance.numbers = held + [number for number in numbers if number not in held]
