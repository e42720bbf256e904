"""Contacts from and to spreadsheets, by django-import-export. Imported only where that app is installed."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from import_export import fields, resources
from import_export.admin import ImportExportMixin
from import_export.forms import ExportForm
from import_export.tmp_storages import TempFolderStorage

from .. import phone
from ..admin.changelist import INVALID_LOOKUP_ERRORS
from ..admin.spreadsheets import from_spreadsheet_cell, spreadsheet_cell
from ..backends import get_backend
from ..models.search import normalize_for_search
from ..records import Actor, ContactInput
from .models import Contact, ContactPhone, Organization, PhoneKind

FILE_PREFIX = "ringotel-import-"
DAY = 24 * 3600
TEXTS = ("first_name", "last_name", "job_title", "email")
SEPARATOR = "; "


class NumbersField(fields.Field):  # type: ignore[misc]
    """A contact's numbers of one kind, as typed."""

    def __init__(self, kind: PhoneKind) -> None:
        super().__init__(column_name=f"{kind.value}_phone")
        self.kind = kind

    def get_value(self, instance: Any) -> str:
        """Several in one cell."""
        if not instance.pk:
            return ""
        return SEPARATOR.join(
            f"{number.raw} x{number.extension}"
            if number.extension and number.extension not in number.raw
            else number.raw
            for number in instance.phones.all()
            if number.kind == self.kind
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """After the contact: see :meth:`ContactResource.after_save_instance`."""


class ContactResource(resources.ModelResource):  # type: ignore[misc]
    """A contact a row. A row without id is the contact with the same name and number or address, else a new one.

    An empty cell leaves things as they are.
    """

    company = fields.Field(column_name="company", attribute="organization__name", readonly=True)
    work = NumbersField(PhoneKind.WORK)
    mobile = NumbersField(PhoneKind.MOBILE)
    home = NumbersField(PhoneKind.HOME)
    fax = NumbersField(PhoneKind.FAX)
    other = NumbersField(PhoneKind.OTHER)

    class Meta:
        model = Contact
        fields = ("id", *TEXTS, "company", "work", "mobile", "home", "fax", "other")
        export_order = fields
        skip_unchanged = True
        report_skipped = True
        clean_model_instances = True

    def __init__(self, user: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user

    def get_queryset(self) -> Any:
        """With all that a row needs."""
        return super().get_queryset().select_related("organization").prefetch_related("phones")

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> Any:
        """Nothing that a spreadsheet runs."""
        return spreadsheet_cell(super().export_field(field, instance, **kwargs))

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """Texts, without what a spreadsheet makes of numbers: 353871234567.0."""
        for name, value in row.items():
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            row[name] = "" if value is None else from_spreadsheet_cell(str(value).strip())

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """By id, else the same person."""
        if row.get("id"):
            return super().get_instance(instance_loader, row)
        typed = [text for kind in PhoneKind for text in self.typed(row, kind)]
        draft = ContactInput(**{name: row.get(name) or "" for name in TEXTS})
        numbers = [number.e164 for text in typed for number in phone.numbers(text)]
        same = (
            get_backend(Actor(user=self.user)).contacts.find_existing(draft, numbers)
            if numbers or draft.email
            else None
        )
        return Contact.objects.get(pk=same.id) if same else None

    def import_field(
        self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any
    ) -> None:
        """Only what the row says."""
        if field.attribute and row.get(field.column_name):
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """What has nothing to say, or nothing new."""
        if not any(row.values()):
            return True
        texts = all(getattr(instance, name) == getattr(original, name) for name in TEXTS)
        company = not row.get("company") or normalize_for_search(
            row["company"]
        ) == normalize_for_search(getattr(original.organization, "name", ""))
        numbers = all(
            not self.typed(row, kind)
            or [*self.typed(row, kind)] == NumbersField(kind).get_value(original).split(SEPARATOR)
            for kind in PhoneKind
        )
        return bool(original.pk and texts and company and numbers)

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """The company by name, made if it is new."""
        if name := row.get("company"):
            found = (
                Organization.objects.filter(name_normalized=normalize_for_search(name))
                .order_by("id")
                .first()
            )
            instance.organization = found or Organization.objects.create(name=name)

    def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """A cell with numbers says all of that kind, as typed: leading zeros stay."""
        for kind in PhoneKind:
            typed = self.typed(row, kind)
            if typed and typed != NumbersField(kind).get_value(instance).split(SEPARATOR):
                instance.phones.filter(kind=kind).delete()
                for text in typed:
                    ContactPhone.objects.create(contact=instance, kind=kind, raw=text)
        getattr(instance, "_prefetched_objects_cache", {}).clear()

    def typed(self, row: Any, kind: PhoneKind) -> list[str]:
        """The numbers in the cell of this kind."""
        cell = str(row.get(f"{kind.value}_phone") or "")
        return [text.strip() for text in cell.split(SEPARATOR.strip()) if text.strip()]


class UploadedImportFile(TempFolderStorage):  # type: ignore[misc]
    """A file between preview and import: nobody can name another one, and none stays longer than a day."""

    def save(self, data: bytes) -> None:
        """For this process's user alone."""
        self.name = f"{FILE_PREFIX}{secrets.token_hex(16)}"
        for path in Path(tempfile.gettempdir()).glob(f"{FILE_PREFIX}*"):
            with suppress(OSError):  # another's, or gone meanwhile
                if path.stat().st_mtime < time.time() - DAY:
                    path.unlink()
        with open(
            self.get_full_path(), "xb", opener=lambda path, flags: os.open(path, flags, 0o600)
        ) as file:
            file.write(data)

    def get_full_path(self) -> str:
        """Raises ``FileNotFoundError`` for a name that :meth:`save` did not make."""
        if not re.fullmatch(f"{FILE_PREFIX}[0-9a-f]{{32}}", self.name):
            raise FileNotFoundError
        path: str = super().get_full_path()
        return path


class ContactImportExportMixin(ImportExportMixin):  # type: ignore[misc]
    """CSV and XLSX, with a preview of what an import would change."""

    resource_classes = [ContactResource]
    # The one to choose fields with has scripts and styles inline, which a strict Content-Security-Policy refuses.
    export_form_class = ExportForm

    def get_tmp_storage_class(self) -> Any:
        """What the site has chosen, or ours in the place of the library's default."""
        chosen = super().get_tmp_storage_class()
        return UploadedImportFile if chosen is TempFolderStorage else chosen

    def get_import_resource_kwargs(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """Who imports."""
        return {"user": request.user}

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Who may write contacts."""
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        """A permission of its own."""
        return request.user.has_perm("ringotel_crm.export_activity")

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """A file that is gone meanwhile, or is another than the form says, has to be chosen again."""
        try:
            response: HttpResponse = super().process_import(request, **kwargs)
        except (OSError, ValueError, LookupError, BadZipFile):
            return self._back(request, "import", _("The file cannot be read. Choose it again."))
        return response

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """What the list was narrowed to may be nonsense."""
        try:
            response: HttpResponse = super().export_action(request)
        except (IncorrectLookupParameters, *INVALID_LOOKUP_ERRORS):
            return self._back(request, "changelist", _("The list cannot be narrowed like that."))
        return response

    def _back(self, request: HttpRequest, page: str, problem: str) -> HttpResponse:
        messages.error(request, problem)
        return HttpResponseRedirect(reverse(f"admin:ringotel_minicrm_contact_{page}"))

    def get_import_formats(self) -> list[Any]:
        """The two that people have."""
        return self.get_export_formats()

    def get_export_formats(self) -> list[Any]:
        """The two that people have; XLSX needs openpyxl."""
        from import_export.formats.base_formats import CSV, XLSX

        return [kind for kind in (CSV, XLSX) if kind().can_export()]
