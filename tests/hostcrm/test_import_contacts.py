"""``ringotel_import_contacts`` on the tables of a host."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from demo_project.hostcrm.models import Branch, Company, Person
from ringotel_crm.models import PhoneIndex

TEXT = (
    "First Name,Last Name,Company,Job Title,E-mail Address,Business Phone,Business Phone 2,"
    "Business Fax,Mobile Phone\n"
    "Ada,Example,Sample Ltd,Buyer,ada@example.com,021 202 8252,021 202 8253,021 202 8299,"
    "087 765 4321\n"
    "Bob,3.53212E+11,,,bob(at)example,3.53212E+11,,,\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "contacts.csv"
    file.write_text(TEXT)
    return file


def run(*arguments: Any) -> str:
    out, err = StringIO(), StringIO()
    call_command("ringotel_import_contacts", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue() + err.getvalue()


def test_contacts_are_created_with_company_and_numbers(
    north: Branch, file: Path, tmp_path: Path
) -> None:
    Company.objects.create(branch=north, name="Sample Ltd")
    refused = tmp_path / "refused.csv"

    output = run(file, "--tenant", "north", "--refused", refused)

    assert "created: 1, changed: 0, unchanged: 0, refused: 1\n" in output
    assert "undo" not in output
    ada = Person.objects.get()
    assert (ada.given_name, ada.surname, ada.position, ada.email) == (
        "Ada",
        "Example",
        "Buyer",
        "ada@example.com",
    )
    assert (ada.office_phone, ada.cell, str(ada.company)) == (
        "021 202 8252",
        "087 765 4321",
        "Sample Ltd",
    )
    assert list(ada.numbers.values_list("digits", flat=True)) == ["021 202 8253"]
    assert PhoneIndex.objects.filter(e164="+353212028253").exists()
    assert refused.read_text(encoding="utf-8-sig").count("Bob") == 1


def test_same_file_changes_nothing_the_second_time(north: Branch, file: Path) -> None:
    run(file, "--tenant", "north")

    assert "created: 0, changed: 0, unchanged: 1" in run(file, "--tenant", "north", "--dry-run")
    assert "created: 0, changed: 0, unchanged: 1" in run(file, "--tenant", "north")


def test_missing_values_are_filled_in(north: Branch, file: Path) -> None:
    Person.objects.create(
        branch=north, given_name="Ada", surname="Example", cell="+353 87 765 4321"
    )
    assert "created: 0, changed: 1" in run(file, "--tenant", "north", "--dry-run")

    assert "created: 0, changed: 1" in run(file, "--tenant", "north")

    ada = Person.objects.get()
    assert (ada.cell, ada.position) == ("+353 87 765 4321", "Buyer")


def test_dry_run_writes_nothing(north: Branch, file: Path) -> None:
    output = run(file, "--tenant", "north", "--dry-run")

    assert "created: 1," in output
    assert not Person.objects.exists()


def test_row_that_the_model_refuses_does_not_keep_the_others_out(
    north: Branch, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    file.write_text(f"first name,phone\n{'x' * 81},021 202 8252\nAda,087 765 4321\n")

    output = run(file, "--tenant", "north")

    assert "created: 1, changed: 0, unchanged: 0, refused: 1\n" in output
    assert "at most 80 characters" in output
    assert Person.objects.get().given_name == "Ada"


def test_crm_that_creates_no_contacts_reports_it(
    north: Branch, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_project.hostcrm.phones.Contacts.can_create", False)

    with pytest.raises(CommandError, match="does not accept new contacts"):
        run(file, "--tenant", "north")

    assert not Person.objects.exists()
