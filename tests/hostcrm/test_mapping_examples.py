"""The examples in the docstrings of the mapping: grouped rows, observers, organizations."""

from __future__ import annotations

import pytest

from demo_project.hostcrm.models import Branch, Company, Person, PersonNumber
from demo_project.hostcrm.phones import People
from ringotel_crm.backends.mapping import PhoneTable
from ringotel_crm.backends.model_rows import group_rows
from ringotel_crm.services.contacts.phone_index import observers
from tests.api import Api


class Grouped(People):
    phones = {"phone": "office_phone"}
    phone_table = PhoneTable(
        relation="numbers", number="digits", kind="label", kinds={"work": "phone", "cell": "mobile"}
    )


class Observed(People):
    tenant = "company__branch__code"
    phones = {"phone": ("office_phone", "company__switchboard")}


@pytest.fixture
def company(north: Branch) -> Company:
    return Company.objects.create(branch=north, name="Sample Ltd", switchboard="020 915 0000")


def test_rows_are_grouped_with_numbers_by_role(north: Branch) -> None:
    person = Person.objects.create(branch=north, office_phone="020 915 0100")
    person.numbers.create(label="cell", digits="083 920 0100")
    person.numbers.create(label="work", digits="020 915 0101")
    Person.objects.create(branch=north)
    groups = {
        row["pk"]: numbers for row, numbers in group_rows(Grouped, Person.objects.all(), ["email"])
    }
    assert len(groups) == 2
    assert groups[person.pk] == {
        "phone": ["+353209150100", "+353209150101"],
        "mobile": ["+353839200100"],
        "": [],
    }


def test_models_on_paths_of_numbers_are_observed() -> None:
    assert {(observer.prefix, observer.base) for observer in observers(Observed)} == {
        ("", Person),
        ("company", Company),
        ("numbers", PersonNumber),
    }


def test_number_of_organization_returns_contact_with_lowest_key(api: Api, company: Company) -> None:
    branch = company.branch
    people = [Person.objects.create(branch=branch, company=company) for _ in range(2)]
    [contact] = api.results("FindContact", {"phone": "+353209150000"})
    assert contact["id"] == f"person:{min(str(person.pk) for person in people)}"
