from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from ringotel_crm.phone import Refusal, candidates, display, explain, is_region, mask, numbers

# Region, country code, trunk prefix, a landline and a mobile number: the examples of phonenumbers.
COUNTRIES = [
    ("IE", "353", "0", "2212345", "850123456"),
    ("GB", "44", "0", "1212345678", "7400123456"),
    ("US", "1", "1", "2015550123", "2125550123"),
    ("DE", "49", "0", "30123456", "15123456789"),
    ("FR", "33", "0", "123456789", "612345678"),
    ("ES", "34", "", "810123456", "612345678"),
    ("IT", "39", "", "0212345678", "3123456789"),
    ("AT", "43", "0", "1234567890", "664123456"),
    ("CH", "41", "0", "212345678", "781234567"),
    ("AU", "61", "0", "212345678", "412345678"),
    ("BR", "55", "0", "1123456789", "11961234567"),
    ("IN", "91", "0", "7410410123", "8123456789"),
    ("JP", "81", "0", "312345678", "9012345678"),
    ("DK", "45", "", "32123456", "34412345"),
    ("SG", "65", "", "61234567", "81234567"),
    ("MX", "52", "", "2001234567", "2221234567"),
    ("HU", "36", "06", "12345678", "201234567"),
    ("RU", "7", "8", "3011234567", "9123456789"),
]
FULL_WIDTH = str.maketrans("+0123456789", "＋０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def notations(code: str, trunk: str, national: str) -> dict[str, str]:
    """Return a number as it is written, by name; "national ..." needs the region of the country."""
    spaced = f"{national[:2]} {national[2:5]} {national[5:]}"
    dialled = f"{trunk}{spaced}"
    texts = {
        "E.164": f"+{code}{national}",
        "without plus": f"{code}{national}",
        "plus became a space": f" {code}{national}",
        "percent-encoded": f"%2B{code}{national}",
        "two pluses": f"++{code}{national}",
        "00": f"00{code}{national}",
        "00 with plus": f"+00{code} {spaced}",
        "spaces": f"+{code} {spaced}",
        "dots": f"+{code} {spaced}".replace(" ", "."),
        "dashes": f"+{code} {spaced}".replace(" ", "-"),
        "other dashes": f"+{code} {spaced}".replace(" ", "\u2011"),
        "slash": f"+{code} {national[:2]}/{national[2:]}",
        "no-break spaces": f"+{code} {spaced}".replace(" ", "\xa0"),
        "parentheses": f"(+{code}) ({national[:2]}) {national[2:]}",
        "full width": f"+{code}{national}".translate(FULL_WIDTH),
        "Arabic digits": f"+{code}{national}".translate(ARABIC),
        "direction marks": f"\u202a+{code} {spaced}\u202c\u200f",
        "tel": f"tel:+{code}-{national}",
        "tel with extension": f"tel:+{code}{national};ext=12",
        "tel with context": f"tel:{national};phone-context=+{code}",
        "sip": f"sip:+{code}{national}@pbx.example.com:5060;user=phone",
        "sip without plus": f"sip:{code}{national}@192.0.2.1",
        "sip with a name": f'"Room 12" <sips:+{code}{national}@pbx.example.com>;tag=5',
        "extension": f"+{code} {spaced} ext. 12",
        "x": f"00{code} {spaced} x123",
        "surrounded by words": f"Mobile: +{code} {spaced} (private)",
        "national": dialled,
        "national digits": dialled.replace(" ", ""),
        "national dots": dialled.replace(" ", "."),
        "national dashes": dialled.replace(" ", "-"),
        "national slash": f"{trunk}{national[:2]}/{national[2:]}",
        "national parentheses": f"({trunk}{national[:2]}) {national[2:]}",
        "national full width": dialled.translate(FULL_WIDTH),
        "national extension": f"{dialled} #12",
        "national sip": f"sip:{trunk}{national}@pbx.example.com",
        "national without trunk prefix": national,
    }
    if trunk == "0":
        texts |= {"(0)": f"+{code} (0) {spaced}", "(0) after 00": f"00{code}(0){national}"}
    return texts


CASES = [
    pytest.param(region, name, text, f"+{code}{national}", id=f"{region}-{kind}-{name}")
    for region, code, trunk, fixed, mobile in COUNTRIES
    for kind, national in (("fixed", fixed), ("mobile", mobile))
    for name, text in notations(code, trunk, national).items()
]


@pytest.mark.parametrize(("region", "name", "text", "e164"), CASES)
def test_every_notation_is_the_number(
    region: str, name: str, text: str, e164: str, settings: Settings
) -> None:
    elsewhere = () if name.startswith("national") else ("DE" if region != "DE" else "GB", None)
    for default in (region, *elsewhere):
        settings.RINGOTEL_CRM = {"DEFAULT_REGION": default}
        assert [number.e164 for number in numbers(text)] == [e164]
        assert candidates(text)[0] == e164


@pytest.mark.parametrize(
    ("region", "text", "expected"),
    [
        # a valid number before a possible one
        ("DE", "353850123456", ["+353850123456", "+49353850123456"]),
        ("IT", "3931234567", ["+393931234567", "+3931234567"]),
        # international first where a trunk prefix is written, national first elsewhere
        ("IN", "6561234567", ["+6561234567", "+916561234567"]),
        ("US", "3612345678", ["+13612345678", "+3612345678"]),
        ("BR", "4936026629", ["+554936026629", "+4936026629"]),
        # but a trunk prefix and a mobile number are national, and the own code is international
        ("RU", "84951234567", ["+74951234567", "+84951234567"]),
        ("DE", "15123456789", ["+4915123456789", "+15123456789"]),
        ("SG", "6544996241", ["+6544996241", "+656544996241"]),
        # what begins with a zero is national only
        ("IE", "0212028252", ["+353212028252"]),
        # an area code in parentheses is national, and a country code is not an area code
        ("RU", "(495) 123-45-67", ["+74951234567"]),
        ("BR", "(49) 3602-6629", ["+554936026629"]),
        ("IN", "(20) 2345 6789", ["+912023456789"]),
        ("DE", "(353) 21 202 8252", ["+353212028252"]),
        # digits are grouped as one of the countries groups them
        ("RU", "495 123-45-67", ["+74951234567"]),
        ("RU", "49 5123 4567", ["+4951234567"]),
        ("US", "36 1 234 5678", ["+3612345678"]),
        ("US", "361 234 5678", ["+13612345678", "+3612345678"]),
        # a plus that became a space comes before all of this
        ("US", " 3612345678", ["+3612345678", "+13612345678"]),
        (None, "353212028252", ["+353212028252"]),
        # new ranges are possible, if not yet valid
        ("IE", "+353 99 912 3456", ["+353999123456"]),
    ],
)
def test_bare_digits_are_read_in_the_stated_order(
    region: str | None, text: str, expected: list[str]
) -> None:
    assert candidates(text, region=region) == expected
    assert [number.e164 for number in numbers(text, region=region)] == expected[:1]


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ("US", "011 353 21 202 8252"),
        ("US", "00353 21 202 8252"),
        ("AU", "0011 353 21 202 8252"),
        ("AU", "00353 21 202 8252"),
        ("JP", "010 353 21 202 8252"),
        ("RU", "810 353 21 202 8252"),
        ("SG", "001 353 21 202 8252"),
    ],
)
def test_international_prefix_of_the_region(region: str, text: str) -> None:
    assert candidates(text, region=region)[0] == "+353212028252"


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("+39 (0)2 1234 5678", "+390212345678"),
        ("+39 (0)312 345 6789", "+393123456789"),
        ("+34 (0)810 123 456", "+34810123456"),
        ("+36 (06) 1 234 5678", "+3612345678"),
        ("+48 (0)12 345 67 89", "+48123456789"),
    ],
)
def test_zero_in_parentheses_is_left_out_only_where_it_is_not_part_of_the_number(
    text: str, e164: str
) -> None:
    assert candidates(text)[0] == e164


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("021 202 8252 / 085 012 3456", [("+353212028252", ""), ("+353850123456", "")]),
        ("021 202 8252, 085 012 3456", [("+353212028252", ""), ("+353850123456", "")]),
        (
            "021 202 8252; 085 012 3456 or +44 7400 123456",
            [("+353212028252", ""), ("+353850123456", ""), ("+447400123456", "")],
        ),
        ("021 202 8252\r\n085 012 3456", [("+353212028252", ""), ("+353850123456", "")]),
        ("+353212028252 +353850123456", [("+353212028252", ""), ("+353850123456", "")]),
        ("021 202 8252 x12 / 085 012 3456", [("+353212028252", "12"), ("+353850123456", "")]),
        (
            "021 202 8252 (home), 085 012 3456 (mobile)",
            [("+353212028252", ""), ("+353850123456", "")],
        ),
        ("Ada 021 202 8252", [("+353212028252", "")]),
        ("021 202 8252, ext 12", [("+353212028252", "12")]),
        ("021 202 8252,,12#", [("+353212028252", "12")]),
        ("021/2028252", [("+353212028252", "")]),
        ("021 202 8252¹", [("+353212028252", "")]),
        ("tel:021-202-8252;ext=12", [("+353212028252", "12")]),
        ("tel:021-202-8252;ext=12345678901234567", [("+353212028252", "")]),
        ("021 202 8252 or 2000", [("+353212028252", "")]),
        # a number that is possible and not valid
        ("Office: +44 7700 900123", [("+447700900123", "")]),
    ],
)
def test_numbers_of_one_field(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(number.e164, number.extension) for number in numbers(text, region="IE")] == expected


@pytest.mark.parametrize(
    ("region", "text", "e164"),
    [
        ("ES", "+34 612 34 56 78 / 612 34 56 78", "+34612345678"),
        ("SG", "+65 6123 4567, 6123 4567", "+6561234567"),
    ],
)
def test_space_between_two_numbers_is_no_lost_plus(region: str, text: str, e164: str) -> None:
    assert {number.e164 for number in numbers(text, region=region)} == {e164}


def test_number_keeps_its_piece_of_the_text() -> None:
    assert [
        number.text for number in numbers(" 021 202 8252 x12 ;\u200e 085-012 ", region="IE")
    ] == ["021 202 8252 x12"]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.EMPTY),
        (" \t\u200e", Refusal.EMPTY),
        *(
            (word, Refusal.WITHHELD)
            for word in ("anonymous", "Restricted", "UNKNOWN", "private", "No Caller ID")
        ),
        ("Withheld number", Refusal.WITHHELD),
        ("anonymous 123", Refusal.WITHHELD),
        ("sip:anonymous@anonymous.invalid", Refusal.WITHHELD),
        ("+266696687", Refusal.WITHHELD),
        ("0000000000", Refusal.WITHHELD),
        ("9999999999", Refusal.WITHHELD),
        *(
            (text, Refusal.SHORT)
            for text in ("0", "2000", "*97", "+1", "101", "+353", "sip:2000@pbx.example.com")
        ),
        ("Agent 2000", Refusal.SHORT),
        ("112", Refusal.EMERGENCY),
        ("+112", Refusal.EMERGENCY),
        *(
            (text, Refusal.IMPOSSIBLE)
            for text in ("Ada", "-", "+0212028252", "+999 21 202 8252", "*67 0212028252")
        ),
        ("ada0212028252@example.com", Refusal.IMPOSSIBLE),
        ("12345678901234567890", Refusal.IMPOSSIBLE),
        ("+1 012 555 0123", Refusal.IMPOSSIBLE),
        ("+353 00000000", Refusal.IMPOSSIBLE),
        ("room 5, floor 20, 2026-01-31", Refusal.IMPOSSIBLE),
    ],
)
@pytest.mark.parametrize("region", ["IE", "US", "DE"])
def test_text_without_a_number_identifies_no_contact(
    region: str, text: str, refusal: Refusal
) -> None:
    assert explain(text, region=region).refusal is refusal
    assert candidates(text, region=region) == []
    assert numbers(text, region=region) == []


@pytest.mark.parametrize(
    ("region", "code"), [("IE", "999"), ("GB", "999"), ("US", "911"), ("AU", "000"), ("JP", "110")]
)
def test_emergency_numbers(region: str, code: str) -> None:
    assert explain(code, region=region).refusal is Refusal.EMERGENCY


def test_long_service_number_is_short() -> None:
    assert candidates("1551 1234", region="KR") == []


@pytest.mark.parametrize("region", [None, "", "XX"])
def test_national_number_without_a_region(region: str | None, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": region}
    assert explain("021 202 8252").refusal is Refusal.NO_REGION
    assert candidates("+353 21 202 8252") == ["+353212028252"]


@pytest.mark.parametrize(
    "text",
    [
        "+353 21 202 825",
        "+353 21 202 82529",
        "021 202 825",
        "21 202 82529",
        "202 8252",
        "353 021 202 825",
    ],
)
def test_beginning_or_end_of_a_number_is_not_the_number(text: str) -> None:
    assert "+353212028252" not in candidates(text, region="IE")


@pytest.mark.parametrize(
    ("key", "refusal"), [("COMPANY_NUMBERS", Refusal.OWN), ("IGNORED_NUMBERS", Refusal.IGNORED)]
)
@pytest.mark.parametrize("listed", ["+353 21 202 8200", "021-202 8200", "tel:00353212028200"])
def test_listed_numbers_are_refused_in_any_notation(
    key: str, refusal: Refusal, listed: str, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "IE", key: [listed]}
    for text in (
        "+353212028200",
        "353212028200",
        "0212028200",
        "sip:+353212028200@pbx.example.com",
    ):
        assert explain(text).refusal is refusal
        assert candidates(text) == []
    assert candidates("+353212028201") == ["+353212028201"]
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "IE"}
    assert candidates("0212028200") == ["+353212028200"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+353212028252", "+353•••52"),
        ("sip:353212028252@pbx.example.com", "353•••52"),
        ("０２１ ２０２ ８２５２", "021•••52"),
        ("2028252", "•••"),
        ("Ada", "•••"),
        (" ", ""),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+353212028252", "+353 21 202 8252"),
        ("2000", "2000"),
        ("", ""),
        ("+999123456789", "+999123456789"),
    ],
)
def test_display(text: str, shown: str) -> None:
    assert display(text) == shown


@pytest.mark.parametrize(
    ("code", "known"), [("IE", True), ("ie", False), ("UK", False), ("", False)]
)
def test_is_region(code: str, known: bool) -> None:
    assert is_region(code) is known


REGIONS = st.sampled_from([None, *(country[0] for country in COUNTRIES)])
LIKE_NUMBERS = st.text(
    st.sampled_from("0123456789 +-/().,;:x#%<>@&|\n\u200e٣８ehxortpsi="), max_size=60
)


@pytest.mark.slow
@given(
    st.one_of(st.text(), st.text(st.characters(categories=["Cs", "Cc", "Nd", "No"])), LIKE_NUMBERS),
    REGIONS,
)
@example("1000000", "IT")  # +39 1000000 is +39 01000000, and that is not dialled so
def test_any_text_is_answered(text: str, region: str | None) -> None:
    explanation = explain(text, region=region)
    found = numbers(text, region=region)
    assert bool(explanation.candidates) is bool(found) is (explanation.refusal is None)
    for e164 in (*explanation.candidates, *(number.e164 for number in found)):
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", e164)
        assert e164 in candidates(e164, region=region)
        assert [number.e164 for number in numbers(display(e164), region=region)] == [e164]
    assert len(re.findall("[0-9]", mask(text))) <= 5
    assert isinstance(display(text), str)


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert candidates("021 202 8252 " + "x" * 10_000_000, region="IE") == ["+353212028252"]
    assert candidates(" " * 10_000_000 + "021 202 8252", region="IE") == []
