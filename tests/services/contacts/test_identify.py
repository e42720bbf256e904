"""The explanation of a caller, through the page *Who is this number?* and the service."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from ringotel_crm.backends import get_backend
from ringotel_crm.phone import Refusal
from ringotel_crm.records import Actor
from ringotel_crm.services.contacts.identify import (
    CallerExplanation,
    CallerMatch,
    explain_caller,
    identify,
)
from tests.factories import make_contact, make_organization, number

pytestmark = pytest.mark.django_db


def explain(text: str) -> CallerExplanation:
    backend = get_backend(Actor(user=None))
    explanation = explain_caller(backend, text)
    assert identify(backend, text) == explanation.winner
    return explanation


def test_text_without_number_has_reason() -> None:
    assert explain("anonymous") == CallerExplanation(refusal=Refusal.WITHHELD)


def test_unknown_number_has_candidates_only() -> None:
    assert explain(number(1)) == CallerExplanation(candidates=(number(1),))


def test_single_match_needs_no_rule() -> None:
    ada = make_contact("Ada Example", number(1))
    explanation = explain(number(1))
    assert explanation.winner
    assert (explanation.winner.id, explanation.rule) == (str(ada.pk), "")


@pytest.mark.parametrize(
    ("rule", "winner"), [("oldest", "Ada"), ("recently_updated", "Bea"), ("recent_call", "Ada")]
)
def test_rule_decides_between_contacts_with_same_number(
    settings: Settings, rule: str, winner: str
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "SHARED_NUMBER_RULE": rule}
    for name in ("Ada Example", "Bea Example"):
        make_contact(name, number(1))
    explanation = explain(number(1))
    assert explanation.winner
    assert (explanation.winner.first_name, explanation.rule) == (winner, rule)
    assert [match.contact.first_name for match in explanation.matches] == ["Ada", "Bea"]


def test_number_of_organization_is_marked() -> None:
    organization = make_organization("Sample Ltd", phone=number(5))
    make_contact("Ada Example", organization=organization)
    explanation = explain(number(5))
    assert explanation.winner
    assert explanation.matches == (
        CallerMatch(number=number(5), contact=explanation.winner, by_company=True),
    )
