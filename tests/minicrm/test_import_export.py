from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
import tablib
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.minicrm.resources import ContactResource
from tests.factories import make_contact, make_organization
from tests.fixtures.admin import login_as

LIST = "/admin/ringotel_minicrm/contact/"
CSV, XLSX = "0", "1"


def preview(client: Client, name: str, content: bytes, kind: str) -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(f"{LIST}import/", {"import_file": file, "format": kind, "resource": "0"})


def do_import(client: Client, name: str, content: bytes, kind: str) -> str:
    """Preview and confirm; the page of the preview."""
    page = preview(client, name, content, kind)
    assert "confirm_form" in page.context, page.content.decode()
    response = client.post(f"{LIST}process_import/", page.context["confirm_form"].initial)
    assert response.status_code == 302
    return str(page.content.decode())


def export(client: Client, kind: str) -> bytes:
    response = client.post(
        f"{LIST}export/",
        {
            "format": kind,
            "resource": "0",
            **{f"contactresource_{name}": "on" for name in ContactResource._meta.export_order},
        },
    )
    assert response.status_code == 200
    return bytes(response.content)


def numbers(contact: Contact) -> list[tuple[str, str]]:
    return list(contact.phones.values_list("kind", "raw"))


@pytest.mark.parametrize(("kind", "name"), [(CSV, "contacts.csv"), (XLSX, "contacts.xlsx")])
def test_what_was_exported_is_imported_the_same(boss: Client, kind: str, name: str) -> None:
    ada = make_contact(
        "Ada Example",
        "085 000 0001",
        email="ada@example.com",
        organization=make_organization("Sample Ltd"),
    )
    ada.phones.create(kind="mobile", raw="+44 20 7946 0100")
    make_contact("", "00353850000002")  # a number and nothing else
    content = export(boss, kind)
    before = sorted(map(numbers, Contact.objects.all()))

    unchanged = preview(boss, name, content, kind)
    assert {row.import_type for row in unchanged.context["result"].rows} == {"skip"}

    Contact.objects.all().delete()
    text = tablib.Dataset().load(
        content if kind == XLSX else content.decode(), format=name[-4:].strip(".")
    )
    del text["id"]
    do_import(
        boss, name, text.export("xlsx") if kind == XLSX else text.export("csv").encode(), kind
    )

    assert sorted(map(numbers, Contact.objects.all())) == before
    assert Contact.objects.get(first_name="Ada").organization.name == "Sample Ltd"  # type: ignore[union-attr]
    assert Contact.objects.get(first_name="").phones.get().e164 == "+353850000002"


def test_a_row_without_id_is_the_same_person_again(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100")

    page = do_import(
        boss,
        "x.csv",
        b"first_name,last_name,work_phone,job_title\n"
        b"Ada,Example,0044 20 7946 0100; +44 20 7946 0101,Buyer\n"
        b",,085 000 0001,\n",
        CSV,
    )

    assert "<ins" in page  # shows what would change
    ada.refresh_from_db()
    assert ada.job_title == "Buyer"
    assert numbers(ada) == [("work", "0044 20 7946 0100"), ("work", "+44 20 7946 0101")]
    assert Contact.objects.count() == 2


def test_the_preview_changes_nothing(boss: Client) -> None:
    preview(boss, "x.csv", b"first_name,work_phone,company\nAda,085 000 0001,Sample Ltd\n", CSV)

    assert not Contact.objects.exists()


def test_an_empty_cell_leaves_things_as_they_are(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100", email="ada@example.com")

    do_import(boss, "x.csv", f"id,first_name,email,work_phone\n{ada.pk},Adele,,\n".encode(), CSV)

    ada.refresh_from_db()
    assert (ada.first_name, ada.email, numbers(ada)) == (
        "Adele",
        "ada@example.com",
        [("work", "+44 20 7946 0100")],
    )


def test_numbers_that_a_spreadsheet_made_numbers_of(boss: Client) -> None:
    book = tablib.Dataset([353850000001, "Ada"], headers=["work_phone", "first_name"])
    file = io.BytesIO(book.export("xlsx"))

    do_import(boss, "x.xlsx", file.getvalue(), XLSX)

    assert numbers(Contact.objects.get()) == [("work", "353850000001")]


def test_no_formula_leaves_the_house(boss: Client) -> None:
    make_contact("=HYPERLINK(1) Example", "+442079460100")

    text = export(boss, CSV).decode()

    assert "'=HYPERLINK(1)" in text
    assert ",+442079460100," in text


FORMULAS = [
    "=1+1",
    "@SUM(1)",
    "-2+3 a",
    "+1+cmd|' /C calc'!A0",
    "＝1+1",
    "a;=HYPERLINK(1)",
    "a\n=1",
    '";=1',
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_formula_is_in_any_cell(boss: Client, formula: str) -> None:
    """Not in the numbers either, which callers can write; nor where spreadsheets part cells by semicolons."""
    make_contact("Ada", f"{formula} +442079460101", job_title=formula)
    Contact.objects.update(last_name=formula)
    file = export(boss, CSV)

    for cell in [
        cell for row in csv.reader(io.StringIO(file.decode(), newline="")) for cell in row
    ]:
        assert not re.search(r"(^|[;\n])[=@＝]|^[+-].*[A-Za-z]", cell)
    do_import(boss, "x.csv", file.replace(b"Ada", b"Adele"), CSV)
    ada = Contact.objects.get()
    assert (ada.first_name, ada.last_name, ada.job_title) == ("Adele", formula, formula)


def test_export_and_import_need_permission(groups: None) -> None:
    make_contact("Ada Example")
    agent, supervisor = login_as("agent", "una"), login_as("supervisor", "sue")

    assert agent.get(f"{LIST}export/").status_code == 403
    assert supervisor.get(f"{LIST}export/").status_code == 200
    assert supervisor.get(f"{LIST}import/").status_code == 200
