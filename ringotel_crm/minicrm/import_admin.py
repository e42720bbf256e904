"""Import and export of contacts in the admin, on the views of django-import-export."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from import_export.admin import ImportExportMixin
from import_export.forms import ConfirmImportForm, ExportForm

from .. import databases
from ..admin.base import admin_url, backend_for
from ..admin.changelist import INVALID_LOOKUP_ERRORS
from ..contact_files import headers
from ..contact_files.fields import FIELD_LABELS
from ..contact_files.results import Outcome, refused_header, refused_row
from ..contact_files.tables import UnreadableFile
from ..models import AuditEntry
from ..services.audit import log_action
from . import jobs
from .formats import BOM, ContactCSV, ContactXLSX, RingotelCSV, VCard
from .models import ContactImport
from .resources import ContactResource, own_id_column
from .undo import begin_undo, can_undo

STEP_SECONDS = 5.0  # of work in one request, well below the time-outs of servers
MAX_EARLIER = 20

Status = ContactImport.Status
PREVIEW_LABELS = {
    Outcome.REFUSED: gettext_lazy("refused"),
    Outcome.CREATED: gettext_lazy("will be created"),
    Outcome.CHANGED: gettext_lazy("will be changed"),
    Outcome.UNCHANGED: gettext_lazy("left alone"),
}
ENCODINGS = {
    "": gettext_lazy("Detect automatically"),
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": gettext_lazy("Western European (Windows)"),
    "mac_roman": gettext_lazy("Western European (Macintosh)"),
    "cp850": gettext_lazy("Western European (DOS)"),
    "cp1250": gettext_lazy("Central European (Windows)"),
    "cp1251": gettext_lazy("Cyrillic (Windows)"),
    "cp1253": gettext_lazy("Greek (Windows)"),
    "cp1254": gettext_lazy("Turkish (Windows)"),
    "cp1257": gettext_lazy("Baltic (Windows)"),
    "cp1255": gettext_lazy("Hebrew (Windows)"),
    "cp1256": gettext_lazy("Arabic (Windows)"),
    "shift_jis": gettext_lazy("Japanese (Shift JIS)"),
    "gb18030": gettext_lazy("Chinese (GB 18030)"),
    "big5": gettext_lazy("Chinese (Big5)"),
    "euc_kr": gettext_lazy("Korean (EUC-KR)"),
}
MEDIA = forms.Media(css={"all": ["ringotel_crm/import.css"]})


class ImportFileForm(forms.Form):
    """The file to import; its format is recognized."""

    import_file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "CSV, Excel (XLSX) or vCard, as exported by Google Contacts, Outlook, Apple Contacts, "
            "HubSpot, Salesforce, other programs, or this site. Nothing is written before you "
            "confirm."
        ),
        widget=forms.ClearableFileInput(
            attrs={"accept": ".csv,.txt,.tsv,.xlsx,.vcf,text/csv,text/vcard"}
        ),
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        required=False,
        choices=list(ENCODINGS.items()),
        help_text=gettext_lazy("Choose one if letters are wrong in the preview of a CSV file."),
    )


class ContactImportExportMixin(ImportExportMixin):  # type: ignore[misc]
    """Put before ``ModelAdmin``: *Import* and *Export* above the list of contacts."""

    resource_classes = [ContactResource]
    import_template_name = "admin/ringotel_minicrm/import.html"
    export_template_name = "admin/ringotel_minicrm/export.html"
    # Not the library's form to select fields: a Content-Security-Policy blocks its inline scripts.
    export_form_class = ExportForm
    confirm_form_class = ConfirmImportForm

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of one import."""
        views = {
            "import_job": ("import/<int:pk>/", self.import_job_view),
            "import_refused": ("import/<int:pk>/refused/", require_safe(self.refused_view)),
            "import_undo": ("import/<int:pk>/undo/", self.undo_view),
        }
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}")
            for name, (route, view) in views.items()
        ]
        return [*pages, *super().get_urls()]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add and change contacts."""
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_undo_permission(self, request: HttpRequest, job: ContactImport) -> bool:
        """Return whether the user started the import, or may delete contacts."""
        is_own = job.user_id is not None and job.user_id == request.user.pk
        return self.has_import_permission(request) and (
            is_own or self.has_delete_permission(request)
        )

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may export calls, and therefore contacts."""
        return request.user.has_perm("ringotel_crm.export_activity")

    # Import

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """GET: the form, and earlier imports. POST: check the file, and show what it would do."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = ImportFileForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["import_file"]
            try:
                encoding = form.cleaned_data["encoding"]
                job = jobs.start(
                    file.file, file_name=file.name, user=request.user, encoding=encoding
                )
            except UnreadableFile as exc:
                form.add_error("import_file", str(exc))
            else:
                return self._continue(request, job)
        earlier = ContactImport.objects.select_related("user")[:MAX_EARLIER]
        return self._page(
            request,
            self.import_template_name,
            _("Import contacts"),
            {"form": form, "earlier": earlier},
        )

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Import a file whose preview was confirmed."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_confirm_form(request)
        name = form.cleaned_data["import_file_name"] if form.is_valid() else ""
        job = (
            ContactImport.objects.filter(stored_name=name[:255], status=Status.READY)
            .exclude(stored_name="")
            .first()
        )
        if job is None:
            return self._choose_again(request)
        if jobs.confirm(job):
            self._continue(request, job)
        return HttpResponseRedirect(self._job_url(job))

    def import_job_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET: continue the work, and show where it is. POST: map the columns."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        job = get_object_or_404(ContactImport, pk=pk)
        if request.method == "POST" and job.status in (
            Status.MAPPING,
            Status.CHECKING,
            Status.READY,
        ):
            fields = [
                request.POST.get(f"column-{index}", field) for index, field in enumerate(job.fields)
            ]
            jobs.set_fields(job, fields)
            if not headers.is_mapped(job.fields):
                messages.error(
                    request,
                    _("Choose a column for the name, a phone number or the e-mail address."),
                )
            return HttpResponseRedirect(self._job_url(job))
        return self._continue(request, job)

    def refused_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Download the refused rows with their reasons, to be corrected and imported again."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        job = get_object_or_404(ContactImport, pk=pk)
        output = io.StringIO(newline="")
        writer = csv.writer(output)
        writer.writerow(refused_header(job.headers))
        for row in databases.by_primary_key(job.rows.filter(outcome=Outcome.REFUSED)):
            writer.writerow(refused_row(row.cells, row.number, row.messages))
        response = HttpResponse(BOM + output.getvalue(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="refused-{job.pk}.csv"'
        return response

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET: what undo does. POST: undo the import."""
        job = get_object_or_404(ContactImport, pk=pk)
        if not self.has_undo_permission(request, job):
            raise PermissionDenied
        if job.status != Status.DONE or not can_undo(job):
            messages.error(request, _("This import cannot be undone."))
            return HttpResponseRedirect(self._job_url(job))
        if request.method == "POST":
            begin_undo(job)
            self._continue(request, job)
            return HttpResponseRedirect(self._job_url(job))
        return self._page(
            request, "admin/ringotel_minicrm/import_undo.html", _("Undo the import"), {"job": job}
        )

    def _continue(self, request: HttpRequest, job: ContactImport) -> HttpResponse:
        """Work for some seconds, and show the page that follows."""
        end = time.monotonic() + STEP_SECONDS
        try:
            for _count in jobs.steps(job):
                if time.monotonic() > end:
                    break
            context = self._job_context(request, job)
        except jobs.FileDeleted:
            return self._choose_again(request)
        titles = {
            Status.MAPPING: _("Map the columns"),
            Status.READY: _("Preview of the import"),
            Status.DONE: _("Import finished"),
            Status.UNDONE: _("Import undone"),
        }
        title = titles.get(Status(job.status), _("Import contacts"))
        response = self._page(request, "admin/ringotel_minicrm/import_job.html", title, context)
        if job.status in (Status.CHECKING, Status.IMPORTING, Status.UNDOING):
            response["Refresh"] = f"0; url={self._job_url(job)}"  # continues without a script
        return response

    def _job_context(self, request: HttpRequest, job: ContactImport) -> dict[str, Any]:
        """Return what the page of an import shows."""
        context: dict[str, Any] = {
            "job": job,
            "job_url": self._job_url(job),
            "ignored": jobs.ignored_columns(job),
        }
        labels = PREVIEW_LABELS if job.status == Status.READY else dict(Outcome.choices)
        rows = job.rows.filter(is_kept=False).order_by("number")
        context["outcomes"] = [
            (
                outcome.value,
                labels[outcome],
                getattr(job, outcome.value),
                rows.filter(outcome=outcome)[: jobs.MAX_SHOWN],
            )
            for outcome in PREVIEW_LABELS
        ]
        context["kept"] = job.rows.filter(is_kept=True).select_related("contact")[: jobs.MAX_SHOWN]
        context["may_undo"] = self.has_undo_permission(request, job) and can_undo(job)
        if job.status in (Status.MAPPING, Status.READY):
            context["columns"] = self._columns(job)
            context["choices"] = FIELD_LABELS
        if job.status == Status.READY and (job.created or job.changed):
            initial = {
                "import_file_name": job.stored_name,
                "original_file_name": job.file_name,
                "format": "0",
            }
            context["confirm_form"] = self.get_confirm_form_class(request)(
                initial={**initial, "resource": "0"}
            )
        return context

    def _columns(self, job: ContactImport) -> list[tuple[int, str, str, str]]:
        """Return index, header, first values and field of each column that has values."""
        samples = jobs.sample_rows(job)
        return [
            (
                index,
                job.headers[index],
                " · ".join(filter(None, (row[index] for row in samples)))[:80],
                job.fields[index],
            )
            for index in job.filled
            if job.headers[index] != own_id_column()
        ]

    def _page(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any]
    ) -> HttpResponse:
        frame = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media + MEDIA,
        }
        request.current_app = self.admin_site.name
        return render(request, template, {**frame, "title": title, **context})

    def _import_url(self, page: str, *args: Any) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{page}"
        return admin_url(self.admin_site, name, *args)

    def _job_url(self, job: ContactImport) -> str:
        return self._import_url("import_job", job.pk)

    def _choose_again(self, request: HttpRequest) -> HttpResponse:
        return self._back(request, "import", _("The file is no longer available. Choose it again."))

    def _back(self, request: HttpRequest, page: str, problem: str) -> HttpResponse:
        messages.error(request, problem)
        return HttpResponseRedirect(self._import_url(page))

    # Export

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Refuse filters that no page offers."""
        try:
            response: HttpResponse = super().export_action(request)
        except (IncorrectLookupParameters, *INVALID_LOOKUP_ERRORS):
            return self._back(request, "changelist", _("The list cannot be filtered like this."))
        return response

    def get_export_data(
        self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any
    ) -> Any:
        """Record the export in the audit log."""
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        log_action(
            AuditEntry.Action.EXPORTED,
            AuditEntry.Kind.CONTACTS,
            "",
            user=request.user,
            tenant=backend_for(request).tenant,
            contacts=queryset.count(),
        )
        return data

    def init_request_context_data(self, request: HttpRequest, form: Any) -> dict[str, Any]:
        """Add our style."""
        context = super().init_request_context_data(request, form)
        return {**context, "title": _("Export contacts"), "media": self.media + MEDIA}

    def get_export_filename(self, request: HttpRequest, queryset: Any, file_format: Any) -> str:
        """Return a name such as ``contacts-2026-03-02.csv``."""
        name = (
            super()
            .get_export_filename(request, queryset, file_format)
            .replace("Contact", "contacts")
        )
        return f"ringotel-{name}" if isinstance(file_format, RingotelCSV) else name

    def get_export_formats(self) -> list[Any]:
        """Return the formats to choose from; XLSX needs openpyxl."""
        return [
            kind for kind in (ContactCSV, ContactXLSX, VCard, RingotelCSV) if kind.is_available()
        ]
