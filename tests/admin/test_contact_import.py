from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import tablib
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from pytest_django import Settings

from ringotel_crm.minicrm import import_admin, jobs, storage
from ringotel_crm.minicrm.models import Contact, ContactImport, ImportedRow, Organization
from tests.admin.contact_files import (
    LIST,
    confirm,
    counts,
    do_import,
    numbers,
    preview,
    previewed,
    refused_rows,
)
from tests.factories import make_contact, make_organization
from tests.fixtures.admin import login_as

ANN = "First Name,Last Name,Mobile Phone\nAnn,Lee,087 765 4321\n"


# Columns


def test_file_without_known_columns_creates_nothing(boss: Client) -> None:
    page = preview(boss, "foo,bar\n1,2\n")

    assert "confirm_form" not in page.context
    assert page.context["ignored"] == ["foo", "bar"]
    assert "Choose at least a column for the name" in page.content.decode()
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "First Name,Last Name,Mobile Phone",
        "FIRST NAME,LAST NAME,MOBILE PHONE",
        "first_name , last_name ,mobile_phone",
        "firstname,lastname,mobile",
        "Vorname,Nachname,Handy",
        "Our customers,,\nFirst Name,Last Name,Mobile Phone",
    ],
)
def test_synonyms_are_read_as_fields(boss: Client, header: str) -> None:
    do_import(boss, f"{header}\nAnn,Lee,087 765 4321\n")

    ann = Contact.objects.get()
    assert (ann.first_name, ann.last_name) == ("Ann", "Lee")
    assert [number.e164 for number in ann.phones.all()] == ["+353877654321"]


def test_preview_names_the_ignored_columns_that_have_values(boss: Client) -> None:
    page = preview(boss, "name,phone,Shoe size,Empty\nAnn,087 765 4321,39,\n")

    assert page.context["ignored"] == ["Shoe size"]


def test_person_maps_columns_and_the_mapping_is_remembered(boss: Client) -> None:
    text = "Rufname des Kunden,Durchwahl,Bemerkung\nAnn,087 765 4321,x\n"
    page = preview(boss, text)
    columns = {"column-0": "first_name", "column-1": "mobile_phone", "column-2": ""}
    confirm(boss, boss.post(page.context["job_url"], columns, follow=True))
    assert numbers(Contact.objects.get()) == [("mobile", "087 765 4321")]

    again = preview(boss, text.replace("Ann", "Bob"))

    assert counts(again.context["job"]) == (1, 0, 0, 0)
    assert again.context["ignored"] == ["Bemerkung"]


def test_mapping_that_was_recognized_is_not_remembered(boss: Client) -> None:
    do_import(boss, ANN)

    assert not ContactImport.objects.get().mapped_by_hand


def test_mapping_without_name_number_and_address_is_refused(boss: Client) -> None:
    page = preview(boss, ANN)
    columns = {"column-0": "company", "column-1": "", "column-2": "no such field"}

    mapped = boss.post(page.context["job_url"], columns, follow=True)

    assert "Choose a column for the name" in mapped.content.decode()
    assert "confirm_form" not in mapped.context


def test_label_column_gives_the_kind_of_a_number(boss: Client) -> None:
    do_import(boss, "Name,Phone 1 - Label,Phone 1 - Value\nAnn,Home Fax,021 202 8252\n")

    assert numbers(Contact.objects.get()) == [("fax", "021 202 8252")]


def test_encoding_can_be_chosen(boss: Client) -> None:
    page = preview(boss, "name,phone\nŠárka,087 765 4321\n".encode("cp1250"), encoding="cp1250")
    confirm(boss, page)

    assert Contact.objects.get().first_name == "Šárka"


# Rows


@pytest.mark.parametrize("cell", ["#N/A", "nan", "NULL", "-", "########", " "])
def test_placeholders_create_no_contact(boss: Client, cell: str) -> None:
    page = preview(boss, f"first_name,email,mobile_phone,note\n{cell},{cell},{cell},x\n")

    assert counts(page.context["job"]) == (0, 0, 0, 1)
    assert "No name, phone number or e-mail address." in page.content.decode()
    assert "There is nothing to import." in page.content.decode()


@pytest.mark.parametrize(
    "cell", ["353877654321.0", '="0877654321"', "3.53877654321E+11", "'+353877654321", "0877654321"]
)
def test_number_damaged_by_a_spreadsheet_is_restored(boss: Client, cell: str) -> None:
    quoted = cell.replace('"', '""')
    do_import(boss, f'name,phone\nAnn,"{quoted}"\n')

    assert [number.e164 for number in Contact.objects.get().phones.all()] == ["+353877654321"]


@pytest.mark.parametrize("value", ["3.53212E+11", "353212028252.5", 353212028252.5])
def test_rounded_number_is_refused(boss: Client, value: Any) -> None:
    book = tablib.Dataset(["Ann", value], ["Bob", "087 765 4321"], headers=["name", "phone"])

    job = do_import(boss, book.export("xlsx"), "x.xlsx")

    assert counts(job) == (1, 0, 0, 1)
    [row] = refused_rows(boss, job)
    assert row["name"] == "Ann"
    assert "rounded" in row["Reason"]


def test_number_of_an_xlsx_file_is_text(boss: Client) -> None:
    book = tablib.Dataset([353850000001, "Ada"], headers=["work_phone", "first_name"])

    do_import(boss, book.export("xlsx"), "x.xlsx")

    assert numbers(Contact.objects.get()) == [("work", "353850000001")]


@pytest.mark.parametrize(
    ("cell", "e164", "extension"),
    [
        ("tel:+353-21-202-8252;ext=12", "+353212028252", "12"),
        ("021 202 8260;12", "+353212028260", "12"),
        ("+353 21 202 8265 (a;b)", "+353212028265", ""),
        ("sip:+353212028252@pbx.example;user=phone", "+353212028252", ""),
    ],
)
def test_semicolon_inside_a_number_does_not_split_it(
    boss: Client, cell: str, e164: str, extension: str
) -> None:
    do_import(boss, f"name,phone\nAnn,{cell}\n")

    number = Contact.objects.get().phones.get()
    assert (number.raw, number.e164, number.extension) == (cell, e164, extension)


@pytest.mark.parametrize("name", ["'t Hart", "'s-Gravesande", "''x"])
def test_leading_apostrophe_is_kept(boss: Client, name: str) -> None:
    do_import(boss, f"first_name,last_name,phone\nJan,{name},087 765 4321\n")

    assert Contact.objects.get().last_name == name


def test_invalid_rows_do_not_keep_the_others_out(boss: Client) -> None:
    lines = [f"Ann {n},ann{n}@example.com" for n in range(50)]
    lines[20:20] = ["Bad,bad(at)example", f"{'x' * 151},long@example.com"]

    job = do_import(boss, "first_name,email\n" + "\n".join(lines))

    assert counts(job) == (50, 0, 0, 2)
    reasons = {row["first_name"][:3]: row["Reason"] for row in refused_rows(boss, job)}
    assert "Enter a valid e-mail address" in reasons["Bad"]
    assert reasons["xxx"].startswith("First name: ")
    assert {row["Row in the file"] for row in refused_rows(boss, job)} == {"22", "23"}


def test_refused_rows_can_be_corrected_and_imported(boss: Client) -> None:
    job = do_import(
        boss, "first_name,email,phone\nAnn,bad(at)example,087 765 4321\nBob,b@example.com,\n"
    )
    file = boss.get(f"{LIST}import/{job.pk}/refused/").content

    again = do_import(boss, file.replace(b"(at)example", b"@example.com"), "refused.csv")

    assert counts(again) == (1, 0, 0, 0)
    assert Contact.objects.get(first_name="Ann").email == "bad@example.com"


def test_row_that_the_database_refuses_does_not_keep_the_others_out(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Contact.objects.bulk_create

    def refuse_ann(contacts: list[Contact], *args: Any, **kwargs: Any) -> Any:
        if any(contact.first_name == "Ann" for contact in contacts):
            raise ValueError("no Ann")
        return original(contacts, *args, **kwargs)

    monkeypatch.setattr(Contact._default_manager, "bulk_create", refuse_ann)
    job = do_import(boss, "name,phone\nAnn,087 765 4321\nBob,087 765 4322\n")

    assert counts(job) == (1, 0, 0, 1)
    assert "no Ann" in refused_rows(boss, job)[0]["Reason"]
    assert Contact.objects.get().first_name == "Bob"


@pytest.mark.parametrize(
    "id", ["5", "-5", "999999999", "9223372036854775807", "0035g00000ABCdEAAX", "x"]
)
def test_foreign_id_selects_no_contact_and_sets_no_key(boss: Client, id: str) -> None:
    ada = Contact.objects.create(pk=5, first_name="Ada", last_name="Example")
    ada.phones.create(kind="mobile", raw="021 202 8252")

    do_import(boss, f"id,first_name,last_name,mobile_phone\n{id},Zed,Other,087 765 4321\n")

    ada.refresh_from_db()
    assert (ada.first_name, numbers(ada)) == ("Ada", [("mobile", "021 202 8252")])
    zed = Contact.objects.get(first_name="Zed")
    assert 0 < zed.pk < 999999999
    assert Contact.objects.create(first_name="Next").pk < 999999999


def test_exchange_address_is_left_out(boss: Client) -> None:
    page = preview(boss, "name,phone,email\nAnn,087 765 4321,/o=ExchangeLabs/cn=abc\n")

    assert counts(page.context["job"]) == (1, 0, 0, 0)
    assert "is no e-mail address; it is left out" in page.content.decode()


# Existing contacts


def test_same_person_is_changed_and_keeps_other_numbers(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100")

    job = do_import(
        boss,
        "first_name,last_name,work_phone,job_title\n"
        "Ada,Example,0044 20 7946 0100; +44 20 7946 0101,Buyer\n"
        ",,085 000 0001,\n",
    )

    assert counts(job) == (1, 1, 0, 0)
    ada.refresh_from_db()
    assert ada.job_title == "Buyer"
    assert numbers(ada) == [("work", "+44 20 7946 0100"), ("work", "+44 20 7946 0101")]
    assert Contact.objects.count() == 2


def test_preview_shows_what_would_change(boss: Client) -> None:
    make_contact("Ada Example", "+44 20 7946 0100", job_title="Clerk")

    page = preview(
        boss, "name,phone,job title\nAda Example,+44 20 7946 0100,Buyer\n"
    ).content.decode()

    assert re.search(r"<del><bdi>Clerk</bdi></del> <ins><bdi>Buyer</bdi></ins>", page)


def test_preview_changes_nothing(boss: Client) -> None:
    preview(boss, "first_name,work_phone,company\nAda,085 000 0001,Sample Ltd\n")

    assert not Contact.objects.exists()
    assert not Organization.objects.exists()


def test_imported_file_is_left_alone_the_second_time(boss: Client) -> None:
    text = (
        "name,phone,mobile,email,company\n"
        "Ada Example,021 202 8252,087 765 4321,ada@example.com,Sample Ltd\n"
    )
    do_import(boss, text)

    assert previewed(boss, text) == (0, 0, 1, 0)


def test_second_row_of_the_same_person_creates_no_second_contact(boss: Client) -> None:
    text = (
        "name,phone,email\n"
        "Ann Lee,087 765 4321,\n"
        "ANN LEE,087 765 4321,ann@example.com\n"
        ",087 765 4321,\n"
    )
    assert previewed(boss, text) == (1, 1, 1, 0)

    assert counts(do_import(boss, text)) == (1, 1, 1, 0)

    ann = Contact.objects.get()
    assert (ann.first_name, ann.email, len(numbers(ann))) == ("Ann", "ann@example.com", 1)


def test_row_without_a_name_does_not_change_a_named_contact(boss: Client) -> None:
    ada = make_contact("Ada Example", "021 202 8252", organization=make_organization("Sample Ltd"))

    job = do_import(boss, "company,phone\nTaxi rank,+353 21 202 8252\n,087 765 4321\n")

    assert counts(job) == (1, 0, 1, 0)
    ada.refresh_from_db()
    assert str(ada.organization) == "Sample Ltd"


def test_company_is_found_by_name_and_created_once(boss: Client) -> None:
    sample = make_organization("Sample Ltd")

    do_import(
        boss,
        "name,phone,company\nA,0877654321,SAMPLE  LTD\nB,0877654322,New Co\nC,0877654323,new co\n",
    )

    assert Contact.objects.get(first_name="A").organization == sample
    assert list(Organization.objects.values_list("name", flat=True)) == ["New Co", "Sample Ltd"]


def test_import_is_written_into_the_history_of_the_contacts(boss: Client) -> None:
    do_import(boss, ANN, "people.csv")

    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.get_change_message()) == (
        str(Contact.objects.get().pk),
        "Imported from people.csv.",
    )


# Steps


@pytest.fixture
def one_batch_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_admin, "STEP_SECONDS", -1.0)
    monkeypatch.setattr(jobs, "CHECK_BATCH", 2)
    monkeypatch.setattr(jobs, "WRITE_BATCH", 2)
    monkeypatch.setattr("ringotel_crm.minicrm.undo.WRITE_BATCH", 2)


def interrupt(*args: Any) -> None:
    raise KeyboardInterrupt


def many(count: int) -> str:
    return "name,phone\n" + "".join(f"Ann {n},+44 20 7946 {n:04}\n" for n in range(count))


def follow_steps(client: Client, page: Any) -> tuple[Any, list[int]]:
    """Open the page that the browser is sent to until the work is done."""
    positions: list[int] = []
    for _step in range(20):
        if "Refresh" not in page:
            return page, positions
        positions.append(page.context["job"].position)
        page = client.get(page["Refresh"].partition("url=")[2])
    raise AssertionError("The work does not end.")


@pytest.mark.usefixtures("one_batch_each_request")
def test_large_file_is_imported_and_undone_in_steps(boss: Client) -> None:
    page, positions = follow_steps(boss, preview(boss, many(5)))
    assert positions == [2, 4]
    assert not Contact.objects.exists()
    page, positions = follow_steps(boss, confirm(boss, page))
    assert (len(positions), counts(page.context["job"])) == (1, (5, 0, 0, 0))
    job = page.context["job"]

    undone = boss.post(f"{LIST}import/{job.pk}/undo/", follow=True)
    page, positions = follow_steps(boss, undone)

    assert positions
    assert page.context["job"].status == "undone"
    assert not Contact.objects.exists()


@pytest.mark.usefixtures("one_batch_each_request")
def test_interrupted_import_continues_where_it_stopped(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _positions = follow_steps(boss, preview(boss, many(5)))
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_log", interrupt)
        with pytest.raises(KeyboardInterrupt):
            confirm(boss, page)
    assert not Contact.objects.exists()

    job = ContactImport.objects.get()
    page, _positions = follow_steps(boss, boss.get(f"{LIST}import/{job.pk}/"))

    assert (Contact.objects.count(), page.context["job"].created) == (5, 5)


def test_second_request_for_the_same_step_does_nothing(boss: Client) -> None:
    preview(boss, many(3))
    job = ContactImport.objects.get()
    jobs.confirm(job)
    stale = ContactImport.objects.get()
    list(jobs.steps(job))

    list(jobs.steps(stale))

    assert Contact.objects.count() == 3


def test_confirming_twice_imports_once(boss: Client) -> None:
    page = preview(boss, ANN)
    confirm(boss, page)

    again = confirm(boss, page)

    assert "Choose it again" in again.content.decode()
    assert Contact.objects.count() == 1


# Files and access


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0 old Excel", "Save it as XLSX"),
        (b"PK\x03\x04 no workbook", "Save it as XLSX"),
        (b"\n\n", "The file is empty."),
        (b"name,phone\n", "The file has no contacts."),
        (b"BEGIN:VCARD\n", "The file has no contacts."),
        (b"<html></html>", "Choose a CSV, XLSX or vCard file."),
    ],
)
def test_unreadable_file_is_refused_with_advice(boss: Client, content: bytes, message: str) -> None:
    page = preview(boss, content)

    assert page.status_code == 200
    assert message in page.content.decode()


def test_file_that_was_deleted_has_to_be_chosen_again(boss: Client) -> None:
    job = preview(boss, ANN).context["job"]
    storage.delete(job.stored_name)

    page = boss.get(f"{LIST}import/{job.pk}/", follow=True)

    assert "Choose it again" in page.content.decode()


def test_site_may_choose_the_storage(boss: Client, settings: Settings) -> None:
    settings.IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.MediaStorage"

    do_import(boss, ANN)

    assert Contact.objects.count() == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_upload_on_disk_is_read(boss: Client, settings: Settings, kind: str) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    content = tablib.Dataset(["Ann", "087 765 4321"], headers=["name", "phone"]).export(kind)

    do_import(boss, content, f"x.{kind}")

    assert Contact.objects.count() == 1


def test_stored_rows_are_deleted_after_the_import(boss: Client) -> None:
    do_import(boss, ANN)

    job = ContactImport.objects.get()
    assert job.stored_name == ""
    assert ImportedRow.objects.filter(cells__gt=[]).count() == 0


@pytest.mark.parametrize("page", ["", "refused/", "undo/"])
def test_page_of_an_import_that_does_not_exist(boss: Client, page: str) -> None:
    assert boss.get(f"{LIST}import/77/{page}").status_code == 404


def test_import_needs_permission(groups: None, boss: Client) -> None:
    job = do_import(boss, ANN)
    viewer = login_as("agent", "una")
    from django.contrib.auth.models import Permission, User

    una = User.objects.get(username="una")
    una.groups.clear()
    una.user_permissions.add(Permission.objects.get(codename="view_contact"))

    for path in (
        "import/",
        f"import/{job.pk}/",
        f"import/{job.pk}/refused/",
        f"import/{job.pk}/undo/",
    ):
        assert viewer.get(f"{LIST}{path}").status_code == 403
    assert viewer.post(f"{LIST}process_import/").status_code == 403


def test_queries_do_not_grow_with_the_rows_of_a_batch(
    boss: Client,
    django_assert_max_num_queries: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "WRITE_BATCH", 200)
    preview(boss, many(200))
    job = ContactImport.objects.get()
    jobs.confirm(job)

    with django_assert_max_num_queries(30, connection=connection):
        list(jobs.steps(job))

    assert Contact.objects.count() == 200


def test_calls_wait_for_a_few_rows_only(boss: Client) -> None:
    """Each step holds the lock that CreateContact acquires."""
    preview(boss, many(50))
    job = ContactImport.objects.get()
    jobs.confirm(job)

    assert [len(rows) for rows in jobs.steps(job)] == [20, 20, 10]


def test_upload_without_a_file_is_refused(boss: Client) -> None:
    page = boss.post(f"{LIST}import/", {"import_file": ""})

    assert "This field is required." in page.content.decode()


def test_empty_upload_is_refused(boss: Client) -> None:
    page = boss.post(f"{LIST}import/", {"import_file": SimpleUploadedFile("x.csv", b"")})

    assert "The submitted file is empty." in page.content.decode()
