from __future__ import annotations

import pytest

from ringotel_crm.contact_files.cells import (
    DamagedNumber,
    clean,
    escape_formula,
    read_extension,
    split_emails,
    split_numbers,
    strip_text_marks,
    unescape_formula,
)


@pytest.mark.parametrize(
    "cell",
    [
        "#N/A",
        "#NV",
        "########",
        "#REF!",
        "NULL",
        "nan",
        "None",
        "-",
        "–",
        " ",
        "\u200b",
        '=""',
        "N/A",
        "#DIV/0!",
    ],
)
def test_placeholder_is_empty(cell: str) -> None:
    assert clean(cell) == ""


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" Ann\t", "Ann"),
        ('="0877654321"', "0877654321"),
        ('="the ""new"" one"', 'the "new" one'),
        ("'t Hart", "'t Hart"),
        ("''x", "''x"),
        ("Null", "Null"),
        ("Zoë 🌼", "Zoë 🌼"),
        ("a\0b\x1f", "ab"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_text_of_a_cell(cell: str, text: str) -> None:
    assert clean(cell) == text


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("353877654321.0", ["353877654321"]),
        ("353877654321,00", ["353877654321"]),
        ("3.53877654321E+11", ["353877654321"]),
        ("3,53877654321E+11", ["353877654321"]),
        ("+46 70 123 45 67 ::: +46 8 123 456 78", ["+46 70 123 45 67", "+46 8 123 456 78"]),
        ("021 202 8252; 087 765 4321", ["021 202 8252", "087 765 4321"]),
        ("021 202 8252\n087 765 4321", ["021 202 8252", "087 765 4321"]),
        ("tel:+353-21-202-8252;ext=12", ["tel:+353-21-202-8252;ext=12"]),
        (
            "tel:+353-21-202-8252;ext=12 ::: 087 765 4321",
            ["tel:+353-21-202-8252;ext=12", "087 765 4321"],
        ),
        ("sip:+353212028252@pbx.example;user=phone", ["sip:+353212028252@pbx.example;user=phone"]),
        ("+353 21 202 8265 (a;b)", ["+353 21 202 8265 (a;b)"]),
        ("021 202 8260;12", ["021 202 8260;12"]),
        ("021 202 8260;12; 087 765 4321", ["021 202 8260;12", "087 765 4321"]),
        ("ask Ada", ["ask Ada"]),
        ("- ::: ########", []),
        ("0", []),
        ("n/a", []),
        ("unbekannt", []),
    ],
)
def test_numbers_of_a_cell(cell: str, numbers: list[str]) -> None:
    assert split_numbers(cell) == numbers


@pytest.mark.parametrize(
    "cell", ["3.53212E+11", "3,53212E+11", "3.5E11", "353212028252.5", "087 765 4321; 3.53212E+11"]
)
def test_rounded_number_is_refused(cell: str) -> None:
    with pytest.raises(DamagedNumber, match="rounded"):
        split_numbers(cell)


@pytest.mark.parametrize(
    ("text", "extension"), [("021 202 8260;12", "12"), ("021 202 8260", ""), ("a;b", "")]
)
def test_short_part_after_a_semicolon_is_the_extension(text: str, extension: str) -> None:
    assert read_extension(text) == extension


@pytest.mark.parametrize(
    ("cell", "text"),
    [("'+420777123456", "+420777123456"), ("'0877; '0878", "0877; 0878"), ("o'clock", "o'clock")],
)
def test_apostrophe_that_marks_text_is_no_part_of_a_number(cell: str, text: str) -> None:
    assert strip_text_marks(cell) == text


@pytest.mark.parametrize(
    ("cell", "valid", "invalid"),
    [
        ("ada@example.com", ["ada@example.com"], []),
        ("ada@example.com ::: b@example.com", ["ada@example.com", "b@example.com"], []),
        ("a@example.com; b@example.com", ["a@example.com", "b@example.com"], []),
        ("Ada Example <ada@example.com>", ["ada@example.com"], []),
        ("mailto:ada@example.com", ["ada@example.com"], []),
        ("ada(at)example", [], ["ada(at)example"]),
        ("n/a", [], []),
    ],
)
def test_addresses_of_a_cell(cell: str, valid: list[str], invalid: list[str]) -> None:
    assert split_emails(cell) == (valid, invalid)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "@SUM(1)",
        "-2+3 a",
        "＝1+1",
        "a;=HYPERLINK(1)",
        "a\n=1",
        '";=1',
        "'=1",
        "''+a",
        "'t Hart",
        "plain",
        "-",
    ],
)
def test_escaped_formula_comes_back(text: str) -> None:
    escaped = escape_formula(text)

    assert not escaped.startswith(("=", "@", "＝"))
    assert unescape_formula(escaped) == text


@pytest.mark.parametrize("number", ["+442079460100", "+44 20 7946 0100 x12 ::: +44 20 7946 0101"])
def test_phone_numbers_are_not_escaped(number: str) -> None:
    assert escape_formula(number) == number
