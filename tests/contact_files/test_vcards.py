from __future__ import annotations

import io
import logging

import pytest

from ringotel_crm.contact_files.rows import ContactRow, RowReader
from ringotel_crm.contact_files.tables import open_table


def rows(*cards: str, end: str = "\n") -> list[ContactRow]:
    text = "".join(
        end.join(["BEGIN:VCARD", *card.strip().split("\n"), "END:VCARD", ""]) for card in cards
    )
    table = open_table(io.BytesIO(text.encode()))
    reader = RowReader(table.headers, table.fields)
    return [reader.read(number, cells) for number, cells in table.rows]


@pytest.mark.parametrize(
    ("line", "phones"),
    [
        ("TEL;TYPE=CELL:1234567", {"mobile": ["1234567"]}),
        ("TEL;type=HOME;type=FAX;type=pref:1234567", {"fax": ["1234567"]}),
        ('TEL;VALUE=uri;TYPE="work,voice":tel:+353;ext=1', {"work": ["tel:+353;ext=1"]}),
        ("TEL:1234567", {"work": ["1234567"]}),
        ("TEL;TYPE=pref:1234567", {"work": ["1234567"]}),
        ("TEL;TYPE=PAGER:1234567", {"other": ["1234567"]}),
        ("item1.TEL:1234567\nitem1.X-ABLabel:_$!<HomeFAX>!$_", {"fax": ["1234567"]}),
        ("item1.TEL:1234567\nitem1.X-ABLabel:Boat", {"other": ["1234567"]}),
        ("TEL;CELL:1234567", {"mobile": ["1234567"]}),
        ("TEL;TYPE=HOME:123\n 4567", {"home": ["1234567"]}),
    ],
)
def test_kind_of_a_number_follows_from_type_or_label(
    line: str, phones: dict[str, list[str]]
) -> None:
    [row] = rows(f"VERSION:3.0\nFN:Ann Lee\n{line}")

    assert row.phones == phones


@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_escapes_are_undone(version: str, end: str) -> None:
    [row] = rows(f"VERSION:{version}\nN:O\\, Neill;Zoë;;;\nORG:Sails\\; Ropes;Office", end=end)

    assert (row.first_name, row.last_name, row.company) == ("Zoë", "O, Neill", "Sails; Ropes")


def test_full_name_is_split_where_the_name_is_missing() -> None:
    [row] = rows("VERSION:4.0\nFN:Ann van Lee\nTEL:1234567")

    assert (row.first_name, row.last_name) == ("Ann", "van Lee")


@pytest.mark.parametrize("card", ["N:;;;;\nFN:Sails Ltd\nORG:Sails Ltd", "KIND:org\nFN:Sails Ltd"])
def test_card_of_a_company_has_no_person(card: str) -> None:
    [row] = rows(f"VERSION:4.0\n{card}\nTEL:1234567")

    assert (row.name, row.company) == ("", "Sails Ltd")


@pytest.mark.parametrize("line", ["KIND:group", "X-ADDRESSBOOKSERVER-KIND:group"])
def test_groups_are_left_out(line: str) -> None:
    assert (
        rows(f"VERSION:3.0\nN:Friends;;;;\nFN:Friends\n{line}", "VERSION:3.0\nFN:Ann")[0].name
        == "Ann"
    )


def test_preferred_address_is_kept() -> None:
    [row] = rows("VERSION:3.0\nFN:Ann\nEMAIL:a@example.com\nEMAIL;TYPE=pref:b@example.com")

    assert row.email == "b@example.com"


def test_broken_card_does_not_keep_the_others_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        found = rows(
            "VERSION:3.0\nFN:Ann\nPHOTO;ENCODING=b:/9j/4AAQ!!\nthis line is +353212028252",
            "VERSION:2.1\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=klingon:=C3;x",
            "VERSION:3.0\nFN:Bob",
        )

    assert [row.name for row in found] == ["Ann", "", "Bob"]
    assert [bool(row.errors) for row in found] == [False, True, False]
    assert "353212028252" not in caplog.text
