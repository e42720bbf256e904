"""Tests that every backend must pass. Inherit them in the tests of your site::

    class CRMTests(BackendContract, TestCase):
        tenants = ("north", "south")  # if the site has tenants

        def setUp(self):
            Branch.objects.create(code="north")
            Branch.objects.create(code="south")

They test ``RINGOTEL_CRM["BACKEND"]``, with ``DEFAULT_REGION`` set to ``"IE"``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ..backends import Backend, get_backend
from ..backends.base import ContactDirectory, OrganizationDirectory
from ..exceptions import InvalidInput, NotFound, Unsupported
from ..records import Actor, ContactInput, ContactRecord
from ..services.contacts.identify import identify
from ..services.contacts.write import create_contact, update_contact

if TYPE_CHECKING:
    from unittest import TestCase
else:
    TestCase = object

E164 = re.compile(r"\+[1-9][0-9]{6,14}")

# Settings during the tests.
SETTINGS = {"DEFAULT_REGION": "IE", "COMPANY_NUMBERS": (), "IGNORED_NUMBERS": ()}

# Notations of a number in the Irish range 020 915 xxxx, which is reserved for fiction. {} is
# replaced with the last three digits.
STORED_FORMATS = (
    "+353209150{0}",
    "+353 (0)20 915 0{0}",
    "00353 20 9150{0}",
    "020 915 0{0}",
    "(020) 915-0{0}",
    "0209150{0}",
    "tel:+353-20-915-0{0}",
    "020/915.0{0} ext. 7",
)
QUERY_FORMATS = (
    "+353209150{0}",
    "353209150{0}",
    " 353209150{0}",  # a plus sign decoded as a space
    "00353209150{0}",
    "0209150{0}",
    "020 915 0{0}",
    "sip:+353209150{0}@pbx.example.com",
    "+353 (0)20 915-0{0}",
)
# Caller numbers that do not identify a contact.
NOT_NUMBERS = (
    "",
    "anonymous",
    "restricted",
    "unknown",
    "unavailable",
    "500",
    "112",
    "999",
    "0",
    "000000000",
)
# Texts that are not the id of a contact or user.
INVALID_IDS = (
    "",
    " ",
    "0",
    "-1",
    "1.5",
    "abc",
    "None",
    "null",
    "١",
    "9" * 30,
    "1 OR 1=1",
    "lead:",
    ":1",
    "é" * 300,
    "00000000-0000-0000-0000-000000000000",
    "$contact_id$",
)


class BackendContract(TestCase):
    """The behavior of every backend. Mix it into ``django.test.TestCase``."""

    # Two tenants, as values of Backend.tenant, if the site has tenants.
    tenants: Sequence[str] = ("",)
    # Maximum number of queries of a lookup.
    lookup_queries = 2

    def run(self, result: Any = None) -> Any:
        """Run a test with the settings above."""
        with override_settings(RINGOTEL_CRM={**getattr(settings, "RINGOTEL_CRM", {}), **SETTINGS}):
            return super().run(result)

    def make_user(self, tenant: str) -> Any:
        """Return the Django user to act as. Override if the user determines the tenant."""
        return get_user_model()()

    def make_contact(self, draft: ContactInput, tenant: str) -> str:
        """Create a contact and return its id.

        Override it if the backend does not create contacts, or to create them as your pages do.
        """
        return create_contact(self.backend(tenant), draft).id

    def backend(self, tenant: str | None = None) -> Backend:
        """Return a new backend for ``tenant``, by default the first."""
        tenant = self.tenants[0] if tenant is None else tenant
        return get_backend(Actor(user=self.make_user(tenant), tenant=tenant))

    def make(
        self, name: str = "Ada Example", tenant: str | None = None, **fields: str
    ) -> ContactRecord:
        """Create a contact and return its record."""
        tenant = self.tenants[0] if tenant is None else tenant
        first_name, _space, last_name = name.partition(" ")
        draft = ContactInput(first_name=first_name, last_name=last_name, **fields)
        id = self.make_contact(draft, tenant)
        contact = self.backend(tenant).contacts.get(id)
        assert contact is not None, f"get({id!r}) does not return the contact just created."
        return contact

    def make_if_accepted(self, name: str = "Ada Example", **fields: str) -> ContactRecord | None:
        """Create a contact as :meth:`make`, or return None if the CRM refuses its values."""
        try:
            return self.make(name, **fields)
        except InvalidInput:
            return None

    def identify(self, number: str, tenant: str | None = None) -> str | None:
        """Return the id of the contact identified by this number."""
        contact = identify(self.backend(tenant), number)
        return contact.id if contact else None

    # Lookup

    def test_number_is_found_in_every_notation(self) -> None:
        """Each notation of the query finds each stored notation."""
        accepted = 0
        for n, stored in enumerate(STORED_FORMATS):
            number = stored.format(100 + n)
            if not (contact := self.make_if_accepted(f"Ada Example{n}", phone=number)):
                continue
            accepted += 1
            for query in QUERY_FORMATS:
                with self.subTest(stored=stored, query=query):
                    self.assertEqual(self.identify(query.format(100 + n)), contact.id)
        self.assertTrue(accepted, "The CRM accepts none of these notations.")

    def test_mobile_number_is_found(self) -> None:
        """Both numbers of a contact identify it."""
        ada = self.make(phone="020 915 0100", mobile="083 920 0100")
        self.assertEqual(self.identify("+353209150100"), ada.id)
        by_mobile = self.identify("+353839200100")
        if not (ada.mobile or by_mobile):
            self.skipTest("This CRM stores one number per contact.")
        self.assertEqual(by_mobile, ada.id)

    def test_unknown_number_returns_no_contact(self) -> None:
        """Neither texts without a number, nor short numbers, nor similar ones match."""
        self.make(phone="020 915 0100")
        self.make("Bea Example", email="bea@example.com")
        self.make_if_accepted("Cy Example", phone="anonymous", mobile="500")
        for query in (
            *NOT_NUMBERS,
            "+3532091501000",
            "+35320915010",
            "+353209150101",
            "+44209150100",
            "+1353209150100",
        ):
            with self.subTest(query=query):
                self.assertIsNone(self.identify(query))

    def test_find_returns_pairs_of_number_and_contact(self) -> None:
        """``find()`` returns the number of the query with each preferred contact."""
        ada = self.make(phone="020 915 0100")
        bea = self.make("Bea Example", phone="020 915 0100", mobile="020 915 0101")
        directory = self.backend().contacts
        pairs = directory.find(["+353209150100", "+353209150199"])
        keys = {contact.id: directory.sort_key(contact) for contact in (ada, bea)}
        preferred = {id for id, key in keys.items() if key == min(keys.values())}
        self.assertLessEqual(preferred, {contact.id for _number, contact in pairs})
        self.assertEqual({number for number, _contact in pairs}, {"+353209150100"})
        self.assertEqual(len({self.identify("020 915 0100") for _ in range(3)}), 1)

    def test_lookup_takes_few_queries_and_writes_nothing(self) -> None:
        """``find()`` takes at most ``lookup_queries`` SELECT statements."""
        for n in range(3):
            self.make(f"Ada Example{n}", phone="020 915 0100", mobile=f"083 920 010{n}")
        self.identify("020 915 0100")  # fills the caches of the process
        directory = self.backend().contacts
        with ExitStack() as stack:
            contexts = [
                stack.enter_context(CaptureQueriesContext(connections[alias]))
                for alias in self._databases()
            ]
            pairs = directory.find(["+353209150100"])
        self.assertTrue(pairs)
        statements = [query["sql"] for context in contexts for query in context.captured_queries]
        self.assertLessEqual(len(statements), self.lookup_queries, statements)
        for sql in statements:
            self.assertRegex(sql, r"(?i)^[(\s]*SELECT\b")

    def _databases(self) -> Iterator[str]:
        allowed = getattr(self, "databases", "__all__")
        return (alias for alias in connections if allowed == "__all__" or alias in allowed)

    # One contact

    def test_invalid_id_returns_no_contact(self) -> None:
        """``get()`` returns None and does not raise."""
        self.make(phone="020 915 0100")
        directory = self.backend().contacts
        for id in INVALID_IDS:
            with self.subTest(id=id):
                self.assertIsNone(directory.get(id))

    def test_contact_is_returned_as_created(self) -> None:
        """Values that the CRM does not store are empty."""
        ada = self.make(
            phone="020 915 0100",
            mobile="083 920 0100",
            email="ada@example.com",
            company_name="Sample Ltd",
        )
        self.assertEqual((ada.first_name, ada.last_name), ("Ada", "Example"))
        self.assertEqual(ada.phone, "+353209150100")
        self.assertIn(ada.mobile, ("+353839200100", ""))
        self.assertIn(ada.email.lower(), ("ada@example.com", ""))
        self.assertIn(ada.company_name, ("Sample Ltd", ""))
        self.assert_well_formed(ada)

    def test_calls_can_refer_to_contact(self) -> None:
        """``to_reference()`` returns an existing row or no model; ``url()`` returns text."""
        ada = self.make(phone="020 915 0100")
        model, key = self.backend().contacts.to_reference(ada.id)
        self.assertIsInstance(key, str)
        if model is not None:
            self.assertTrue(model._base_manager.filter(pk=key).exists())
        self.assertIsInstance(self.backend().contacts.url(ada.id), str)

    # Lists

    def test_contact_pages_add_up_to_list(self) -> None:
        """Pages of any size return each contact once, in the order of the list."""
        made = {self.make(f"Ada Example{n}", phone=f"020 915 010{n}").id for n in range(5)}
        whole = [contact.id for contact in self.backend().contacts.records()]
        self.assertLessEqual(made, set(whole))
        self.assert_pages(self.backend().contacts, whole)

    def test_organization_pages_add_up_to_list(self) -> None:
        """Pages of any size return each organization once, in the order of the list."""
        if self.backend().organizations is None:
            self.skipTest("This CRM has no organizations.")
        for n in range(3):
            self.make(f"Ada Example{n}", company_name=f"Sample{n} Ltd", phone=f"020 915 010{n}")
        directory = self.backend().organizations
        assert directory is not None
        records = list(directory.records())
        for record in records:
            self.assert_all_text(record)
            self.assert_e164(record.phone)
        self.assert_pages(directory, [record.id for record in records])

    def test_contact_records_are_well_formed(self) -> None:
        """Values are text, E.164 numbers, and aware times."""
        self.make(phone="020 915 0102", email="ada@example.com")
        self.make_if_accepted("Bea Example", phone="(020) 915-0100", mobile="not a number")
        self.make_if_accepted("Cy Example", phone="00353 20 9150101 ext. 7")
        for contact in self.backend().contacts.records():
            self.assert_well_formed(contact)

    def test_updated_since_selects_changed_contacts(self) -> None:
        """A contact that has a time of change is selected by times before it only."""
        ada = self.make(phone="020 915 0100")
        yesterday, tomorrow = (timezone.now() + dt.timedelta(days=days) for days in (-1, 1))
        directory = self.backend().contacts
        recent = [contact.id for contact in directory.records(updated_since=yesterday)]
        self.assertIn(ada.id, recent)
        if ada.updated_at:
            future = directory.records(updated_since=tomorrow)
            self.assertEqual([contact for contact in future if contact.updated_at], [])

    # Writing

    def test_known_person_is_not_created_again(self) -> None:
        """The same name with the number, in any notation, or with the address is a known person."""
        if not self.backend().contacts.can_create:
            self.skipTest("This CRM does not create contacts.")
        draft = ContactInput(
            first_name="Ada", last_name="Example", phone="020 915 0100", email="ada@example.com"
        )
        ada = create_contact(self.backend(), draft)
        for repeated in (
            draft,
            ContactInput(first_name="ADA", last_name="example", phone="+353 20 915 0100"),
            ContactInput(first_name="Ada", last_name="Example", email="ADA@example.com"),
        ):
            with self.subTest(repeated=repeated):
                if repeated.email and not ada.email:
                    continue
                self.assertEqual(create_contact(self.backend(), repeated).id, ada.id)

    def test_different_person_is_created(self) -> None:
        """The number or the name alone does not identify a known person."""
        if not self.backend().contacts.can_create:
            self.skipTest("This CRM does not create contacts.")
        ada = create_contact(
            self.backend(),
            ContactInput(first_name="Ada", last_name="Example", phone="020 915 0100"),
        )
        bea = create_contact(
            self.backend(),
            ContactInput(first_name="Bea", last_name="Example", phone="020 915 0100"),
        )
        namesake = create_contact(
            self.backend(),
            ContactInput(first_name="Ada", last_name="Example", phone="020 915 0199"),
        )
        self.assertEqual(len({ada.id, bea.id, namesake.id}), 3)

    def test_update_keeps_missing_values(self) -> None:
        """An update of one value leaves all others unchanged."""
        values = {"phone": "020 915 0100", "mobile": "083 920 0100", "email": "ada@example.com"}
        before = self.make(company_name="Sample Ltd", **values)
        if not self.backend().contacts.can_update:
            with self.assertRaises(Unsupported):
                update_contact(self.backend(), before.id, ContactInput(last_name="Changed"))
            return
        for change, expected in (
            ({"last_name": "Changed"}, {"last_name": "Changed"}),
            ({"phone": "020 915 0177"}, {"phone": "+353209150177"}),
        ):
            update_contact(self.backend(), before.id, ContactInput(**change))
            after = self.backend().contacts.get(before.id)
            assert after is not None
            self.assertEqual(self.draft_fields(after), {**self.draft_fields(before), **expected})
            before = after
        self.assertEqual(self.identify("020 915 0177"), before.id)
        # The CRM may have stored the old number twice.
        if "+353209150100" not in self.backend().contacts.numbers(before.id):
            self.assertIsNone(self.identify("020 915 0100"))

    def test_unknown_contact_cannot_be_updated(self) -> None:
        """``update_contact()`` raises ``NotFound`` for any other text than an id."""
        if not self.backend().contacts.can_update:
            self.skipTest("This CRM does not update contacts.")
        for id in INVALID_IDS:
            with self.subTest(id=id), self.assertRaises(NotFound):
                update_contact(self.backend(), id, ContactInput(last_name="Changed"))

    # Tenants

    def test_tenant_cannot_access_another_tenant(self) -> None:
        """Neither by id, nor by number, nor in a list, nor by an update."""
        if len(self.tenants) < 2:
            self.skipTest("The test has no tenants.")
        ours, theirs = self.tenants[:2]
        ada = self.make(
            tenant=theirs, phone="020 915 0100", email="ada@example.com", company_name="Sample Ltd"
        )
        directory = self.backend(ours).contacts
        self.assertIsNone(directory.get(ada.id))
        self.assertEqual(list(directory.find(["+353209150100"])), [])
        self.assertIsNone(self.identify("020 915 0100", ours))
        self.assertNotIn(ada.id, [contact.id for contact in directory.records()])
        draft = ContactInput(
            first_name="Ada", last_name="Example", phone="020 915 0100", email="ada@example.com"
        )
        if directory.can_create:
            self.assertIsNone(directory.find_existing(draft, ["+353209150100"]))
        if directory.can_update:
            with self.assertRaises(NotFound):
                update_contact(self.backend(ours), ada.id, ContactInput(last_name="Changed"))
        self.assertEqual(self.identify("020 915 0100", theirs), ada.id)
        for name in ("users", "organizations"):
            mine, foreign = (getattr(self.backend(tenant), name) for tenant in (ours, theirs))
            if mine is not None:
                self.assertEqual(
                    {r.id for r in mine.records()} & {r.id for r in foreign.records()}, set()
                )

    # Users

    def test_users_are_well_formed_and_resolved(self) -> None:
        """Users are resolved by id; empty and invalid values match none."""
        directory = self.backend().users
        for user in directory.records():
            self.assert_all_text(user)
            self.assert_e164(user.phone)
            self.assertEqual(directory.resolve(id=user.id), user)
        self.assertIsNone(directory.resolve())
        for text in INVALID_IDS:
            with self.subTest(text=text):
                self.assertIsNone(directory.resolve(id=text))
                self.assertIsNone(directory.resolve(extension=f"{text}x", email=f"{text}x"))

    # Assertions

    def assert_well_formed(self, contact: ContactRecord) -> None:
        """Assert that the record has text, E.164 numbers and aware times."""
        self.assert_all_text(contact)
        self.assert_e164(contact.phone)
        self.assert_e164(contact.mobile)
        for moment in (contact.created_at, contact.updated_at):
            self.assertTrue(moment is None or timezone.is_aware(moment), f"{moment!r} is naive.")

    def assert_all_text(self, record: Any) -> None:
        """Assert that the record has an id and that its values, except times, are text."""
        self.assertTrue(record.id)
        for name, value in asdict(record).items():
            if not name.endswith("_at"):
                self.assertIsInstance(value, str, f"{name} is {value!r}.")

    def assert_e164(self, number: str) -> None:
        """Assert that ``number`` is empty or E.164."""
        self.assertTrue(not number or E164.fullmatch(number), f"{number!r} is not E.164.")

    def assert_pages(
        self, directory: ContactDirectory | OrganizationDirectory, whole: list[str]
    ) -> None:
        """Assert that pages of several sizes return the ids ``whole`` in this order."""
        self.assertEqual(len(whole), len(set(whole)))
        for limit in (1, 2, len(whole) + 1):
            ids: list[str] = []
            for _page in range(len(whole) + 1):
                after = ids[-1] if ids else ""
                page = [record.id for record in directory.records(after=after, limit=limit)]
                self.assertLessEqual(len(page), limit)
                ids += page
                if len(page) < limit:
                    break
            self.assertEqual(ids, whole)

    def draft_fields(self, contact: ContactRecord) -> dict[str, str]:
        """Return the values of the contact that a ``ContactInput`` has too."""
        return {
            name: value
            for name, value in asdict(contact).items()
            if name not in ("id", "created_at", "updated_at")
        }
