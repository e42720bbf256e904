"""Backends for the unusual models."""

from __future__ import annotations

from typing import Any

from demo_project.hostcrm.phones import Colleagues, HostBackend
from ringotel_crm.backends.mapping import PhoneTable
from ringotel_crm.backends.model import (
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
)
from ringotel_crm.records import ContactInput
from tests.hostcrm.shapes.models import (
    Account,
    Customer,
    Elsewhere,
    Keyed,
    Member,
    Patron,
    Subscriber,
)


class Customers(ModelContactDirectory):
    model = Customer
    name = "title"
    phones = {"phone": "telephone"}


class Inherited(ModelBackend):
    contact_directory = Customers


class KeyedPeople(ModelContactDirectory):
    model = Keyed
    name = "name"
    phones = {"phone": "digits"}
    optional = ("digits",)

    def build_instance(self, draft: ContactInput) -> Any:
        return self.model(code=f"IE/{Keyed.objects.count()}:a,b c")

    def format_number(self, typed: str) -> Any:
        return "".join(char for char in typed if char.isdigit()) or None


class TextKeys(ModelBackend):
    contact_directory = KeyedPeople


class Members(ModelContactDirectory):
    model = Member
    name = "name"
    company_name = "account__name"
    phones = {"phone": "account__phone"}

    def build_instance(self, draft: ContactInput) -> Any:
        account, _created = Account.objects.get_or_create(
            name=draft.company_name or "Unknown", phone=draft.phone
        )
        return self.model(account=account)


class Accounts(ModelOrganizationDirectory):
    model = Account
    name = "name"


class Shared(ModelBackend):
    contact_directory = Members
    organization_directory = Accounts


class Subscribers(ModelContactDirectory):
    model = Subscriber
    name = "name"
    email = "email"
    phones = {"phone": "phone"}
    optional = ("email",)


class Particular(ModelBackend):
    contact_directory = Subscribers


class Trusting(Subscribers):
    def validate(self, instance: Any, changed: Any = None) -> None:
        """Leaves validation to the database."""


class Unvalidated(ModelBackend):
    contact_directory = Trusting


class Patrons(ModelContactDirectory):
    model = Patron
    name = "name"
    phone_table = PhoneTable(
        relation="lines", number="digits", kind="label", kinds={"work": "phone", "cell": "mobile"}
    )


class GenericNumbers(ModelBackend):
    contact_directory = Patrons


class Desks(Colleagues):
    extension = "user__ringotel_agent__extension"


class OurExtensions(HostBackend):
    user_directory = Desks


class People(ModelContactDirectory):
    model = Elsewhere
    name = "name"
    phones = {"phone": "phone"}


class OtherDatabase(ModelBackend):
    contact_directory = People


class Fixed(People):
    """Is read-only for Ringotel."""

    can_create = False
    can_update = False


class ReadOnly(ModelBackend):
    contact_directory = Fixed
