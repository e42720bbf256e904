from __future__ import annotations

import csv
import io
import re

import openpyxl
import pytest
import tablib
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.minicrm.resources import own_id_column
from tests.admin.contact_files import (
    CSV,
    LIST,
    RINGOTEL,
    VCARD,
    XLSX,
    counts,
    do_import,
    export,
    numbers,
    preview,
    previewed,
    rows_of,
    state,
)
from tests.factories import make_contact, make_organization
from tests.fixtures.admin import login_as

FORMULAS = ["=1+1", "@SUM(1)", "-2+3 a", "+1+cmd|' /C calc'!A0", "＝1+1", "a;=HYPERLINK(1)", '";=1']


def make_people() -> None:
    """Create contacts whose texts and numbers are easily damaged."""
    ada = make_contact(
        "Siobhán 't Hart",
        "+353212028252",
        email="ada@example.com",
        job_title="Buyer; Sales",
        organization=make_organization("Müller & Söhne"),
    )
    ada.phones.create(kind="mobile", raw="tel:+353-21-202-8253;ext=12")
    ada.phones.create(kind="mobile", raw="0877654321")
    ada.phones.create(kind="home", raw="+353 21 202 8265 (a;b)")
    ada.phones.create(kind="other", raw="021 202 8260;12", extension="12")
    ada.phones.create(kind="fax", raw="ask Ada; or Bob")
    ada.phones.create(kind="work", raw="021 202 8261", extension="34")
    make_contact("", "00353850000002")
    make_contact("''x 's-Gravesande", "020 7946 0999", kind="home")
    make_contact("محمد Zoë 🌼", email="m@example.com")


def resaved(content: bytes, encoding: str, separator: str, first_line: str = "") -> bytes:
    """Return what a spreadsheet makes of our CSV file."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    output = io.StringIO(newline="")
    csv.writer(output, delimiter=separator).writerows(rows)
    return (first_line + output.getvalue()).encode(encoding, "replace")


@pytest.mark.parametrize(("kind", "name"), [(CSV, "contacts.csv"), (XLSX, "contacts.xlsx")])
def test_exported_file_changes_nothing(boss: Client, kind: str, name: str) -> None:
    make_people()

    assert previewed(boss, export(boss, kind), name) == (0, 0, 4, 0)


@pytest.mark.parametrize(("kind", "name"), [(CSV, "contacts.csv"), (XLSX, "contacts.xlsx")])
def test_exported_file_restores_deleted_contacts(boss: Client, kind: str, name: str) -> None:
    make_people()
    before, content = state(), export(boss, kind)
    Contact.objects.all().delete()

    do_import(boss, content, name)

    assert state() == [
        (
            *texts,
            [
                (kind, f"{raw} x34" if extension == "34" else raw, e164, extension)
                for kind, raw, e164, extension in phones
            ],
        )
        for *texts, phones in before
    ]


@pytest.mark.parametrize(
    ("encoding", "separator", "first_line"),
    [
        ("utf-8-sig", ",", ""),
        ("utf-8-sig", ";", "sep=;\r\n"),
        ("utf-16", "\t", ""),
        ("cp1252", ";", ""),
    ],
)
def test_export_that_a_spreadsheet_saved_again_changes_nothing(
    boss: Client, encoding: str, separator: str, first_line: str
) -> None:
    make_people()

    content = resaved(export(boss), encoding, separator, first_line)

    assert previewed(boss, content) == (0, 0, 4, 0)


@pytest.mark.parametrize(
    "damaged", ["353212028252", "353212028252.0", "3.53212E+11", '="+353212028252"']
)
def test_number_damaged_in_our_export_keeps_the_stored_one(boss: Client, damaged: str) -> None:
    make_contact("Ada Example", "+353212028252")
    rows = rows_of(export(boss))
    rows[0]["work_phone"] = damaged

    assert previewed(
        boss, tablib.Dataset(list(rows[0].values()), headers=list(rows[0])).export("csv")
    ) == (0, 0, 1, 0)


def edited(content: bytes, **cells: str) -> str:
    rows = rows_of(content)
    for row in rows:
        row.update(cells)
    return str(
        tablib.Dataset(*[list(row.values()) for row in rows], headers=list(rows[0])).export("csv")
    )


def test_edited_export_changes_the_contact_with_the_id(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100", email="ada@example.com")
    ada.phones.create(kind="work", raw="+44 20 7946 0101")
    ada.phones.create(kind="mobile", raw="+44 20 7946 0102")
    make_contact("Bob Example", "+44 20 7946 0103")

    job = do_import(
        boss,
        edited(
            export(boss).splitlines(keepends=True)[0] + export(boss).splitlines(keepends=True)[1],
            first_name="Adele",
            email="",
            work_phone="+44 20 7946 0101 ::: +44 20 7946 0104",
        ),
    )

    assert counts(job) == (0, 1, 0, 0)
    ada.refresh_from_db()
    assert (ada.first_name, ada.email) == ("Adele", "ada@example.com")
    assert sorted(numbers(ada)) == [
        ("mobile", "+44 20 7946 0102"),
        ("work", "+44 20 7946 0101"),
        ("work", "+44 20 7946 0104"),
    ]


def test_id_of_another_site_selects_no_contact(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100")
    content = edited(export(boss), first_name="Eve")

    job = do_import(boss, content.replace(own_id_column(), "contact_id_0123abcd"))

    assert counts(job) == (1, 0, 0, 0)
    ada.refresh_from_db()
    assert ada.first_name == "Ada"


@pytest.mark.parametrize("id", ["9223372036854775807", "-5", "99999999999999999999", "x", "0"])
def test_id_that_no_contact_has_creates_one_with_a_new_key(boss: Client, id: str) -> None:
    make_contact("Ada Example", "+44 20 7946 0100")

    do_import(boss, f"{own_id_column()},first_name,mobile_phone\n{id},Zed,087 765 4321\n")

    assert 0 < Contact.objects.get(first_name="Zed").pk < 2**31
    assert Contact.objects.create(first_name="Next").pk < 2**31


def test_csv_has_a_byte_order_mark(boss: Client) -> None:
    make_contact("Siobhán Example")

    content = export(boss)

    assert content.startswith(b"\xef\xbb\xbf")
    assert "Siobhán" in content.decode("utf-8-sig")


def test_cells_of_an_xlsx_file_are_text(boss: Client) -> None:
    make_contact("Ada Example", "0212028252")

    sheet = openpyxl.load_workbook(io.BytesIO(export(boss, XLSX))).active
    header, row = sheet.iter_rows(values_only=True)
    assert dict(zip(header, row, strict=True))["work_phone"] == "0212028252"


def test_formula_is_escaped(boss: Client) -> None:
    make_contact("=HYPERLINK(1) Example", "+442079460100")

    text = export(boss).decode()

    assert "'=HYPERLINK(1)" in text
    assert ",+442079460100," in text


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("kind", [CSV, RINGOTEL])
def test_no_cell_is_a_formula(boss: Client, formula: str, kind: str) -> None:
    """Callers write numbers, and some spreadsheets split cells at semicolons."""
    make_contact("Ada", f"{formula} +442079460101", job_title=formula)
    Contact.objects.update(last_name=formula)

    for row in csv.reader(io.StringIO(export(boss, kind).decode("utf-8-sig"), newline="")):
        for cell in row:
            assert not re.search(r"(^|[;\n])[=@＝]|^[+-].*[A-Za-z]", cell)


@pytest.mark.parametrize("formula", FORMULAS)
def test_escaped_formula_is_imported_as_it_was(boss: Client, formula: str) -> None:
    make_contact("Ada", "+442079460101", job_title=formula)
    Contact.objects.update(last_name=formula)
    file = export(boss)

    do_import(boss, file.replace(b"Ada", b"Adele"))

    ada = Contact.objects.get()
    assert (ada.first_name, ada.last_name, ada.job_title) == ("Adele", formula, formula)


def test_vcards_are_imported_again_without_change(boss: Client) -> None:
    make_people()
    content = export(boss, VCARD)
    assert content.count(b"BEGIN:VCARD") == 4
    assert previewed(boss, content, "contacts.vcf") == (0, 0, 4, 0)
    before = [row[:2] for row in state()]
    Contact.objects.all().delete()

    do_import(boss, content, "contacts.vcf")

    assert [row[:2] for row in state()] == before
    ada = Contact.objects.get(first_name="Siobhán")
    assert (ada.job_title, str(ada.organization)) == ("Buyer; Sales", "Müller & Söhne")
    assert ("fax", "ask Ada; or Bob") in numbers(ada)


def test_file_for_ringotel_has_its_headings_and_e164_numbers(boss: Client) -> None:
    ada = make_contact("Ada Example", "021 202 8252", email="ada@example.com", job_title="Buyer")
    ada.phones.create(kind="mobile", raw="087 765 4321")
    ada.phones.create(kind="mobile", raw="087 765 4322")
    ada.phones.create(kind="fax", raw="ask Bob")
    make_contact("", "021 202 8253", organization=make_organization("Taxi rank"))

    lines = export(boss, RINGOTEL).decode().splitlines()

    assert sorted(lines) == [
        "Ada,Example,+353877654321,+353877654322,+353212028252,,Buyer,ada@example.com",
        "Taxi rank,,,,+353212028253,Taxi rank,,",
        "firstname,lastname,mobile,mobile,phone,organization,position,email",
    ]


def test_file_for_ringotel_is_imported_again_without_change(boss: Client) -> None:
    make_contact("Ada Example", "021 202 8252", email="ada@example.com", job_title="Buyer")

    assert previewed(boss, export(boss, RINGOTEL)) == (0, 0, 1, 0)


def test_list_that_was_searched_is_exported_as_shown(boss: Client) -> None:
    make_contact("Ada Example")
    make_contact("Bob Other")

    response = boss.post(f"{LIST}export/?q=exam", {"format": CSV, "resource": "0"})

    assert [row["first_name"] for row in rows_of(response.content)] == ["Ada"]


def test_number_of_queries_does_not_grow_with_the_contacts(boss: Client) -> None:
    for n in range(5):
        make_contact(
            f"Ada {n}", f"+44 20 7946 {n:04}", organization=make_organization(f"Sample {n}")
        )
    with CaptureQueriesContext(connection) as few:
        export(boss)
    for n in range(5, 25):
        make_contact(
            f"Ada {n}", f"+44 20 7946 {n:04}", organization=make_organization(f"Sample {n}")
        )

    with CaptureQueriesContext(connection) as many:
        export(boss)

    assert len(many) == len(few)


def test_export_needs_permission(groups: None) -> None:
    make_contact("Ada Example")
    agent, supervisor = login_as("agent", "una"), login_as("supervisor", "sue")

    assert agent.get(f"{LIST}export/").status_code == 403
    assert agent.get(f"{LIST}import/").status_code == 200
    assert supervisor.get(f"{LIST}export/").status_code == 200
    assert supervisor.get(f"{LIST}import/").status_code == 200


def test_export_page_offers_all_formats(boss: Client) -> None:
    page = boss.get(f"{LIST}export/").content.decode()

    for name in ("CSV (UTF-8)", "Excel (XLSX)", "vCard", "CSV for Ringotel"):
        assert name in page


def test_preview_of_our_export_does_not_list_the_ids_as_ignored(boss: Client) -> None:
    make_contact("Ada Example", "021 202 8252")

    assert preview(boss, export(boss)).context["ignored"] == []
