"""Import and export contacts as a person does on the pages."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ringotel_crm.minicrm.models import Contact, ContactImport

SAMPLES = Path(__file__).parent.parent / "data/contacts"
LIST = "/admin/ringotel_minicrm/contact/"
CSV, XLSX, VCARD, RINGOTEL = "0", "1", "2", "3"

Counts = tuple[int, int, int, int]  # created, changed, left alone, refused


def preview(client: Client, content: bytes | str, name: str = "x.csv", **data: str) -> Any:
    raw = content if isinstance(content, bytes) else content.encode()
    return client.post(f"{LIST}import/", {"import_file": SimpleUploadedFile(name, raw), **data})


def confirm(client: Client, page: Any) -> Any:
    """Import what ``page`` previews, and return the page of the result."""
    assert "confirm_form" in page.context, page.content.decode()
    form = page.context["confirm_form"].initial
    return client.post(f"{LIST}process_import/", form, follow=True)


def do_import(client: Client, content: bytes | str, name: str = "x.csv") -> ContactImport:
    """Preview and confirm."""
    confirm(client, preview(client, content, name))
    return ContactImport.objects.all()[0]


def counts(job: ContactImport) -> Counts:
    return job.created, job.changed, job.unchanged, job.refused


def previewed(client: Client, content: bytes | str, name: str = "x.csv") -> Counts:
    return counts(preview(client, content, name).context["job"])


def undo(client: Client, job: ContactImport) -> Any:
    return client.post(f"{LIST}import/{job.pk}/undo/", follow=True)


def export(client: Client, kind: str = CSV) -> bytes:
    response = client.post(f"{LIST}export/", {"format": kind, "resource": "0"})
    assert response.status_code == 200
    return bytes(response.content)


def rows_of(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def refused_rows(client: Client, job: ContactImport) -> list[dict[str, str]]:
    return rows_of(client.get(f"{LIST}import/{job.pk}/refused/").content)


def numbers(contact: Contact) -> list[tuple[str, str]]:
    return list(contact.phones.values_list("kind", "raw"))


def state() -> list[tuple[Any, ...]]:
    """Return everything about the contacts but their keys and times."""
    return sorted(
        (
            contact.first_name,
            contact.last_name,
            contact.email,
            contact.job_title,
            contact.organization.name if contact.organization else "",
            sorted(contact.phones.values_list("kind", "raw", "e164", "extension")),
        )
        for contact in Contact.objects.select_related("organization")
    )
