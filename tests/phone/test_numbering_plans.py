"""Numbers in the form that they had before their numbering plan changed."""

from __future__ import annotations

import pytest

from ringotel_crm.phone import candidates, numbers
from ringotel_crm.phone.numbering_plans import PLAN_CHANGES


@pytest.mark.parametrize(
    ("region", "new", "old"),
    [
        ("MX", "+525512345678", "+52 1 55 1234 5678"),
        ("MX", "+525512345678", "+5215512345678"),
        ("MX", "+525512345678", "044 55 1234 5678"),
        ("MX", "+525512345678", "045 55 1234 5678"),
        ("MX", "+525512345678", "01 (55) 1234-5678"),
        ("MX", "+525512345678", "+52 044 55 1234 5678"),
        ("MX", "+525512345678", "5215512345678"),
        ("US", "+525512345678", "011 52 1 55 1234 5678"),
        ("BR", "+5511987654321", "+55 11 8765-4321"),
        ("BR", "+5511987654321", "(11) 8765-4321"),
        ("BR", "+5511987654321", "0 15 11 8765-4321"),
        ("BJ", "+2290197123456", "+229 97 12 34 56"),
        ("BJ", "+2290197123456", "97 12 34 56"),
        ("BJ", "+2290121301234", "21 30 12 34"),
        ("CI", "+2250707123456", "+225 07 12 34 56"),
        ("CI", "+2250544123456", "44 12 34 56"),
        ("CI", "+2250101123456", "01 12 34 56"),
        ("CI", "+2252720213456", "20 21 34 56"),
        ("CI", "+2252522001234", "22 00 12 34"),
        ("IT", "+393471234567", "0347/1234567"),
        ("IT", "+393471234567", "+39 0347 1234567"),
        ("IT", "+390212345678", "+39 2 12345678"),
        ("CO", "+576012345678", "+57 1 234 5678"),
        ("CO", "+576012345678", "(1) 234 5678"),
        ("VN", "+84704567890", "0120 456 7890"),
        ("VN", "+84384567890", "+84 168 456 7890"),
        ("CM", "+237677123456", "77 12 34 56"),
        ("MU", "+23057771234", "777 1234"),
        # both forms are still valid
        ("AR", "+5491155551234", "+54 11 5555-1234"),
        ("AR", "+5491155551234", "011 5555-1234"),
        ("AR", "+5491155551234", "011 15-5555-1234"),
        ("BR", "+5511971234567", "+55 11 7123-4567"),
        ("GA", "+24177204672", "07 20 46 72"),
        ("GA", "+24177204672", "+241 7 20 46 72"),
        ("GA", "+24111441234", "01 44 12 34"),
    ],
)
def test_old_and_new_form_find_each_other(region: str, new: str, old: str) -> None:
    for stored, asked in ((old, new), (new, old), (old, old)):
        index = {number.e164 for number in numbers(stored, region=region)}
        assert index & set(candidates(asked, region=region))


@pytest.mark.parametrize(
    ("region", "text", "e164"),
    [
        ("US", "15512345678", "+15512345678"),
        ("MX", "15512345678", "+15512345678"),
        ("MX", "55 1234 5678", "+525512345678"),
        ("IT", "391 234 5678", "+393912345678"),
        ("IT", "396 320 8057", "+393963208057"),
        ("IT", "0331 622123", "+390331622123"),
        ("IT", "+39 331 622123", "+39331622123"),
        ("BR", "(11) 2345-6789", "+551123456789"),
        ("CI", "07 07 12 34 56", "+2250707123456"),
        ("VN", "0912 345 678", "+84912345678"),
    ],
)
def test_current_number_stays_as_it_is(region: str, text: str, e164: str) -> None:
    assert [number.e164 for number in numbers(text, region=region)] == [e164]


def test_each_change_of_a_plan_has_a_source_and_forms() -> None:
    changes = [change for changes in PLAN_CHANGES.values() for change in changes]
    assert all(change.source and change.forms for change in changes)
    for change in changes:
        for form in change.forms:
            assert change.pattern.groups == form.count("\\")
