from __future__ import annotations

import pytest

from ringotel_crm.contact_files.headers import (
    find_header,
    kind_from_label,
    label_columns,
    recognize,
)

KNOWN = {
    "first_name": "first_name|First Name| FIRST NAME |FirstName|Vorname|Prénom",
    "last_name": "last_name|LASTNAME|Surname|Nachname|Apellidos",
    "company": "company_name|Organization 1 - Name|Firma|Account Name|Société",
    "job_title": "job_title|Job Title|Organization 1 - Title|Position",
    "email": "E-mail Address|eMail|E-Mail-Adresse|E-mail 2 - Value|Correo electrónico",
    "work_phone": "phone|Phone Number|Business Phone 2|Telefon geschäftlich|Tel.",
    "mobile_phone": "mobile|Mobile Phone|MobilePhone|Handy|Mobil-Tel.-Nr.|CELL",
    "home_phone": "HomePhone|Telefon (privat)|Teléfono casa",
    "fax_phone": "Fax|Business Fax|Fax geschäftlich|Home Fax",
    "other_phone": "OtherPhone|Weiteres Telefon|Car Phone",
    "name": "Name|Full Name|Person - Name|Display Name",
}


@pytest.mark.parametrize(
    ("header", "field"),
    [(header, field) for field, headers in KNOWN.items() for header in headers.split("|")],
)
def test_known_headers_are_recognized(header: str, field: str) -> None:
    assert recognize([header]) == [field]


@pytest.mark.parametrize(
    "header",
    [
        *(
            "id",
            "Record ID",
            "Phonetic First Name",
            "Contact owner",
            "Company ID",
            "Assistant's Phone",
            "AssistantPhone",
        ),
        *(
            "E-mail Type",
            "E-mail Display Name",
            "Email Opt Out",
            "Phone Verified",
            "Last Phone Call",
            "Mailing Street",
        ),
        *(
            "Phone Extension",
            "Number",
            "Company Number",
            "Birthday",
            "foo",
            "",
            "E-mail 1 - Label",
            "Mailing Address",
        ),
    ],
)
def test_other_headers_are_not_recognized(header: str) -> None:
    assert recognize([header]) == [""]


def test_title_is_a_salutation_where_a_job_title_exists() -> None:
    assert recognize(["Title", "Job Title"]) == ["", "job_title"]
    assert recognize(["Title", "Department"]) == ["job_title", ""]


def test_name_is_the_last_name_where_only_the_first_name_exists() -> None:
    assert recognize(["Name", "Vorname"]) == ["last_name", "first_name"]
    assert recognize(["Name", "FirstName", "LastName"]) == ["name", "first_name", "last_name"]


def test_kind_alone_is_a_phone_next_to_another_one() -> None:
    headers = [
        "FirstName",
        "Company",
        "Mobile",
        "Mobile2",
        "Home",
        "Business2",
        "BusinessFax",
        "Other",
    ]
    kinds = ["mobile", "mobile", "home", "work", "fax", "other"]

    assert recognize(headers)[2:] == [f"{kind}_phone" for kind in kinds]
    assert recognize(headers)[:2] == ["first_name", "company"]
    assert recognize(["First Name", "Home", "Work"]) == ["first_name", "", ""]


def test_label_belongs_to_the_column_with_the_same_words() -> None:
    headers = ["Phone 2 - Value", "Phone 1 - Type", "Phone 1 - Value", "Phone 2 - Type"]

    assert label_columns(headers, recognize(headers)) == {2: 1, 0: 3}


def test_label_without_a_phone_column_is_ignored() -> None:
    assert recognize(["Phone Type", "Name"]) == ["", "name"]


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        *[
            ("* Work", "work"),
            ("Mobile", "mobile"),
            ("Home Fax", "fax"),
            ("Handy", "mobile"),
            ("Privat", "home"),
        ],
        *[
            ("Geschäftlich", "work"),
            ("iPhone", "mobile"),
            ("Boat", "other"),
            ("", "other"),
            ("WORK FAX", "fax"),
        ],
    ],
)
def test_kind_follows_from_the_label(label: str, kind: str) -> None:
    assert kind_from_label(label) == kind


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        ([["First Name", "Mobile"], ["Ann", "087 765 4321"]], 0),
        (
            [
                ["Contacts of Sample Ltd", ""],
                ["as of March", ""],
                ["First Name", "Mobile"],
                ["Ann", "1"],
            ],
            2,
        ),
        ([["Label", "Phone"], ["Mobile", "087 765 4321"]], 0),
        ([["foo", "bar"], ["1", "2"]], 0),
        ([["My list", ""], ["foo", "bar"], ["1", "2"]], 1),
        ([["Ann", "Lee", "087 765 4321"], ["Bob", "Lee", "087 765 4322"]], -1),
        ([["ann@example.com"]], -1),
    ],
)
def test_header_is_found_below_title_rows(rows: list[list[str]], index: int) -> None:
    assert find_header(rows) == index
