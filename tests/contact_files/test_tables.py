from __future__ import annotations

import io

import pytest
from openpyxl import Workbook

from ringotel_crm.contact_files.tables import Table, UnreadableFile, open_table


def table(content: bytes | str, encoding: str = "") -> tuple[list[str], list[list[str]]]:
    raw = content if isinstance(content, bytes) else content.encode()
    opened: Table = open_table(io.BytesIO(raw), encoding=encoding)
    return opened.headers, [cells for _number, cells in opened.rows]


def book(*sheets: list[list[object]]) -> bytes:
    workbook = Workbook()
    workbook.remove(workbook.active)
    for rows in sheets:
        sheet = workbook.create_sheet()
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


EXPECTED = (["first_name", "last_name", "mobile_phone"], [["Ann", "Lee", "087 765 4321"]])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separator_and_line_end_are_recognized(separator: str, end: str, encoding: str) -> None:
    lines = ["first_name,last_name,mobile_phone", "Ann,Lee,087 765 4321", ""]

    assert table(end.join(lines).replace(",", separator).encode(encoding)) == EXPECTED


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_separator_line_is_obeyed(line: str) -> None:
    assert table(f"{line}\nfirst_name;last_name;mobile_phone\nAnn;Lee;087 765 4321\n") == EXPECTED


def test_commas_in_cells_do_not_make_columns() -> None:
    headers, rows = table("Name;Telefon\nLee, Ann;087 765 4321\nKay, Bob, Jr.;087 765 4322\n")

    assert (headers, rows[1]) == (["Name", "Telefon"], ["Kay, Bob, Jr.", "087 765 4322"])


def test_title_rows_blank_rows_and_repeated_headers_are_skipped() -> None:
    text = (
        "Customer list,,\n,,\nfirst_name,last_name,mobile_phone\n,,\nAnn,Lee,087 765 4321\n"
        "first_name,last_name,mobile_phone\n , ,\n"
    )

    assert table(text) == EXPECTED


def test_row_numbers_are_those_of_a_spreadsheet() -> None:
    rows = open_table(io.BytesIO(b'Title\nname,phone\nAnn,"1\n2"\n\nBob,3\n')).rows

    assert [number for number, _cells in rows] == [3, 5]


def test_short_and_long_rows_are_read() -> None:
    headers, rows = table("name,phone,email\nAnn\nBob,1,b@example.com,more\n")

    assert headers == ["name", "phone", "email", "Column 4"]
    assert rows == [["Ann", "", "", ""], ["Bob", "1", "b@example.com", "more"]]


def test_file_without_a_header_loses_no_row() -> None:
    headers, rows = table("Ann,Lee,087 765 4321\nBob,Lee,087 765 4322\n")

    assert headers == ["Column 1", "Column 2", "Column 3"]
    assert len(rows) == 2


def test_encoding_can_be_chosen() -> None:
    assert table("name,phone\nŠárka,1\n".encode("cp1250"), encoding="cp1250")[1] == [["Šárka", "1"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (353877654321, "353877654321"),
        (353877654321.0, "353877654321"),
        ("087", "087"),
        (None, ""),
        (1.5, "1.5"),
        ("#N/A", "#N/A"),
    ],
)
def test_cells_of_a_workbook_become_text(value: object, text: str) -> None:
    assert table(book([["phone", "name"], [value, "Ann"]]))[1] == [[text, "Ann"]]


@pytest.mark.parametrize(
    "sheets",
    [
        (
            [["first_name", "last_name", "mobile_phone"], ["Ann", "Lee", "087 765 4321"]],
            [["notes"], ["x"]],
        ),
        (
            [["notes"], ["x"]],
            [["first_name", "last_name", "mobile_phone"], ["Ann", "Lee", "087 765 4321"]],
        ),
        ([], [["first_name", "last_name", "mobile_phone"], ["Ann", "Lee", "087 765 4321"]]),
    ],
)
def test_sheet_with_the_contacts_is_chosen(sheets: tuple[list[list[object]], ...]) -> None:
    assert table(book(*sheets)) == EXPECTED


def test_short_rows_of_a_workbook_are_read() -> None:
    content = book([["Customers"], [], ["name", "phone", "email"], ["Ann"], ["Bob", "1"]])

    assert table(content)[1] == [["Ann", "", ""], ["Bob", "1", ""]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n ,,\n", "empty"),
        (book([]), "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old Excel", "Save it as XLSX"),
        (b"PK\x03\x04 no workbook", "Save it as XLSX"),
        (b"<html><table><tr><td>Ann</td></tr></table>", "Choose a CSV, XLSX or vCard file"),
        (b'{"contacts": []}', "Choose a CSV, XLSX or vCard file"),
        (b"%PDF-1.7", "Choose a CSV, XLSX or vCard file"),
        (b"\x89PNG\r\n\x1a\n" + b"\x01\x00\x02" * 30, "Choose a CSV, XLSX or vCard file"),
    ],
)
def test_other_files_are_refused_with_advice(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        table(content)
