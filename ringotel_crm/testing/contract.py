"""The tests that prove a backend right. A host inherits them::

    class CRMTests(BackendContract, TestCase):
        tenants = ("north", "south")  # where there are tenants

        def setUp(self):
            Branch.objects.create(code="north")
            Branch.objects.create(code="south")

They run against ``RINGOTEL_CRM["BACKEND"]``, and read numbers by ``DEFAULT_REGION = "IE"`` while they do.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
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

# Ways to write a number of the Irish range 020 915 xxxx, which is kept for fiction. In {} stand the last four digits.
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
    " 353209150{0}",  # a plus that a URL turned into a space
    "00353209150{0}",
    "0209150{0}",
    "020 915 0{0}",
    "sip:+353209150{0}@pbx.example.com",
    "+353 (0)20 915-0{0}",
)
NOBODY = (
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
INVALID_IDS = (
    *(
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
    ),
    *("00000000-0000-0000-0000-000000000000", "$contact_id$"),
)


class BackendContract(TestCase):
    """What every backend has to do, whatever its tables. Mix it into ``django.test.TestCase``."""

    # The tenants to test with, as the backend calls them: the first sees nothing of the second.
    tenants: Sequence[str] = ("",)
    # How many queries a look-up may take.
    lookup_queries = 2

    def run(self, result: Any = None) -> Any:
        """With the region of the numbers above."""
        with override_settings(RINGOTEL_CRM={**getattr(settings, "RINGOTEL_CRM", {}), **REGION}):
            return super().run(result)

    def make_user(self, tenant: str) -> Any:
        """The Django user to act as. Override where the backend takes the tenant from the user."""
        return get_user_model()()

    def make_contact(self, draft: ContactInput, tenant: str) -> str:
        """Make a contact; its id. Override where the backend makes none, or to make it as the CRM's pages do."""
        return create_contact(self.backend(tenant), draft).id

    def backend(self, tenant: str | None = None) -> Backend:
        """A fresh backend, as each request has; for the first tenant unless another is named."""
        tenant = self.tenants[0] if tenant is None else tenant
        return get_backend(Actor(user=self.make_user(tenant), tenant=tenant))

    def make(
        self, name: str = "Ada Example", tenant: str | None = None, **fields: str
    ) -> ContactRecord:
        """The record of a new contact."""
        first_name, _space, last_name = name.partition(" ")
        draft = ContactInput(first_name=first_name, last_name=last_name, **fields)
        id = self.make_contact(draft, self.tenants[0] if tenant is None else tenant)
        found = self.backend(tenant).contacts.get(id)
        assert found is not None, "A contact that was made just now is not found by its id."
        return found

    def make_if_taken(self, name: str = "Ada Example", **fields: str) -> ContactRecord | None:
        """The same; None where the CRM refuses such values, so that they cannot stand in its tables either."""
        try:
            return self.make(name, **fields)
        except InvalidInput:
            return None

    def identify(self, number: str, tenant: str | None = None) -> str | None:
        """The id of the contact who has this number."""
        found = identify(self.backend(tenant), number)
        return found.id if found else None

    # Look-up

    def test_a_number_is_found_in_every_notation(self) -> None:
        """However it was stored, and however it is asked for."""
        taken = 0
        for n, stored in enumerate(STORED_FORMATS):
            if not (contact := self.make_if_taken(f"Ada Example{n}", phone=stored.format(100 + n))):
                continue
            taken += 1
            for asked in QUERY_FORMATS:
                with self.subTest(stored=stored, asked=asked):
                    self.assertEqual(self.identify(asked.format(100 + n)), contact.id)
        self.assertTrue(taken, "The CRM takes numbers in none of these notations.")

    def test_a_mobile_is_found_too(self) -> None:
        """Both numbers of one contact."""
        ada = self.make(phone="020 915 0100", mobile="083 920 0100")
        self.assertEqual(self.identify("+353209150100"), ada.id)
        found = self.identify("+353839200100")
        if not (ada.mobile or found):
            self.skipTest("This CRM keeps one number of each contact.")
        self.assertEqual(found, ada.id)

    def test_nobody_is_invented(self) -> None:
        """For no number at all, short ones, and numbers that begin or end alike."""
        self.make(phone="020 915 0100")
        self.make("Bea Example", email="bea@example.com")
        self.make_if_taken("Cy Example", phone="anonymous", mobile="500")
        for asked in (
            *NOBODY,
            "+3532091501000",
            "+35320915010",
            "+353209150101",
            "+44209150100",
            "+1353209150100",
        ):
            with self.subTest(asked=asked):
                self.assertIsNone(self.identify(asked))

    def test_the_number_that_was_asked_for_is_told(self) -> None:
        """``find`` gives pairs of it and the contact, for each who has it."""
        ada = self.make(phone="020 915 0100")
        bea = self.make("Bea Example", phone="020 915 0100", mobile="020 915 0101")
        directory = self.backend().contacts
        found = {
            (number, contact.id)
            for number, contact in directory.find(["+353209150100", "+353209150199"])
        }
        ranks = {directory.sort_key(contact) for contact in (ada, bea)}
        expected = {
            ("+353209150100", contact.id)
            for contact in (ada, bea)
            if directory.sort_key(contact) == min(ranks)
        }
        self.assertLessEqual(expected, found)
        self.assertEqual({number for number, _id in found}, {"+353209150100"})
        self.assertEqual(len({self.identify("020 915 0100") for _ in range(3)}), 1)

    def test_a_look_up_takes_few_queries(self) -> None:
        """And writes nothing."""
        for n in range(3):
            self.make(f"Ada Example{n}", phone="020 915 0100", mobile=f"083 920 010{n}")
        self.identify("020 915 0100")  # fills the caches of a process
        directory = self.backend().contacts
        contexts = [CaptureQueriesContext(connections[alias]) for alias in self._databases()]
        for context in contexts:
            context.__enter__()
        found = directory.find(["+353209150100"])
        for context in contexts:
            context.__exit__(None, None, None)
        self.assertTrue(found)
        statements = [query["sql"] for context in contexts for query in context.captured_queries]
        self.assertLessEqual(len(statements), self.lookup_queries, statements)
        self.assertEqual(
            [sql for sql in statements if not sql.lstrip("( ").upper().startswith("SELECT")], []
        )

    def _databases(self) -> Iterator[str]:
        allowed = getattr(self, "databases", "__all__")
        return (alias for alias in connections if allowed == "__all__" or alias in allowed)

    # One contact

    def test_text_that_is_no_id_names_nobody(self) -> None:
        """And raises nothing."""
        self.make(phone="020 915 0100")
        directory = self.backend().contacts
        for id in INVALID_IDS:
            with self.subTest(id=id):
                self.assertIsNone(directory.get(id))

    def test_a_contact_is_given_back_as_it_was_made(self) -> None:
        """Names, numbers, address and company, as far as the CRM has them."""
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
        self.check_contact(ada)

    def test_a_call_can_point_to_a_contact(self) -> None:
        """By model and key, if there is a table; and the link to the page is text."""
        ada = self.make(phone="020 915 0100")
        model, key = self.backend().contacts.to_reference(ada.id)
        self.assertIsInstance(key, str)
        if model is not None:
            self.assertTrue(model._base_manager.filter(pk=key).exists())
        self.assertIsInstance(self.backend().contacts.url(ada.id), str)

    # Lists

    def test_pages_make_up_the_whole_list(self) -> None:
        """Each contact once, in the same order, however long the pages are."""
        made = {self.make(f"Ada Example{n}", phone=f"020 915 010{n}").id for n in range(5)}
        whole = [contact.id for contact in self.backend().contacts.records()]
        self.assertLessEqual(made, set(whole))
        self.check_pages(self.backend().contacts, whole)

    def test_companies_in_pages(self) -> None:
        """The same of organizations, if there are any."""
        if self.backend().organizations is None:
            self.skipTest("This CRM has no organizations.")
        for n in range(3):
            self.make(f"Ada Example{n}", company_name=f"Sample{n} Ltd", phone=f"020 915 010{n}")
        directory = self.backend().organizations
        assert directory is not None
        records = list(directory.records())
        for record in records:
            self.check_texts(record)
            self.check_number(record.phone)
        self.check_pages(directory, [record.id for record in records])

    def test_records_are_well_formed(self) -> None:
        """Text everywhere, numbers in E.164, times with a zone."""
        self.make(phone="020 915 0102", email="ada@example.com")
        self.make_if_taken("Bea Example", phone="(020) 915-0100", mobile="not a number")
        self.make_if_taken("Cy Example", phone="00353 20 9150101 ext. 7")
        for contact in self.backend().contacts.records():
            self.check_contact(contact)

    def test_what_changed_since(self) -> None:
        """Nothing will have changed tomorrow, if the CRM keeps the time of changes at all."""
        ada = self.make(phone="020 915 0100")
        yesterday, tomorrow = (timezone.now() + dt.timedelta(days=days) for days in (-1, 1))
        directory = self.backend().contacts
        self.assertIn(
            ada.id, [contact.id for contact in directory.records(updated_since=yesterday)]
        )
        if ada.updated_at:
            self.assertEqual(
                [c for c in directory.records(updated_since=tomorrow) if c.updated_at], []
            )

    # Writing

    def test_the_same_person_again_is_the_same_contact(self) -> None:
        """By name and number, in another notation; and by name and address."""
        if not self.backend().contacts.can_create:
            self.skipTest("This CRM takes no new contacts.")
        draft = ContactInput(
            first_name="Ada", last_name="Example", phone="020 915 0100", email="ada@example.com"
        )
        ada = create_contact(self.backend(), draft)
        for again in (
            draft,
            ContactInput(first_name="ADA", last_name="example", phone="+353 20 915 0100"),
            ContactInput(first_name="Ada", last_name="Example", email="ADA@example.com"),
        ):
            with self.subTest(again=again):
                if again.email and not ada.email:
                    continue
                self.assertEqual(create_contact(self.backend(), again).id, ada.id)

    def test_somebody_else_is_another_contact(self) -> None:
        """With the same number, or with the same name."""
        if not self.backend().contacts.can_create:
            self.skipTest("This CRM takes no new contacts.")
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

    def test_absent_is_absent(self) -> None:
        """A change of one thing leaves all others."""
        said = {"phone": "020 915 0100", "mobile": "083 920 0100", "email": "ada@example.com"}
        before = self.make(company_name="Sample Ltd", **said)
        if not self.backend().contacts.can_update:
            with self.assertRaises(Unsupported):
                update_contact(self.backend(), before.id, ContactInput(last_name="Changed"))
            return
        for change in ({"last_name": "Changed"}, {"phone": "020 915 0177"}):
            expected = {
                **self.said(before),
                **change,
                **({"phone": "+353209150177"} if "phone" in change else {}),
            }
            update_contact(self.backend(), before.id, ContactInput(**change))
            after = self.backend().contacts.get(before.id)
            assert after is not None
            self.assertEqual(self.said(after), expected)
            before = after
        self.assertEqual(self.identify("020 915 0177"), before.id)
        if "+353209150100" not in self.backend().contacts.numbers(
            before.id
        ):  # a CRM may have had it twice
            self.assertIsNone(self.identify("020 915 0100"))

    def test_nobody_cannot_be_changed(self) -> None:
        """``NotFound``, whatever the text."""
        if not self.backend().contacts.can_update:
            self.skipTest("This CRM does not let the phone change contacts.")
        for id in INVALID_IDS:
            with self.subTest(id=id), self.assertRaises(NotFound):
                update_contact(self.backend(), id, ContactInput(last_name="Changed"))

    # Tenants

    def test_a_tenant_sees_nothing_of_another(self) -> None:
        """Neither by id, nor by number, nor in a list; and changes nothing."""
        if len(self.tenants) < 2:
            self.skipTest("There are no tenants.")
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
                update_contact(self.backend(ours), ada.id, ContactInput(last_name="Taken"))
        self.assertEqual(self.identify("020 915 0100", theirs), ada.id)
        for name in ("users", "organizations"):
            mine, foreign = (getattr(self.backend(tenant), name) for tenant in (ours, theirs))
            if mine is not None:
                self.assertEqual(
                    {r.id for r in mine.records()} & {r.id for r in foreign.records()}, set()
                )

    # Users

    def test_users(self) -> None:
        """Well-formed, found by their ids, and nobody by nothing."""
        directory = self.backend().users
        for user in directory.records():
            self.check_texts(user)
            self.check_number(user.phone)
            self.assertEqual(directory.resolve(id=user.id), user)
        self.assertIsNone(directory.resolve())
        for text in INVALID_IDS:
            with self.subTest(text=text):
                self.assertIsNone(directory.resolve(id=text))
                self.assertIsNone(directory.resolve(extension=f"{text}x", email=f"{text}x"))

    # What records have to be

    def check_contact(self, contact: ContactRecord) -> None:
        """Texts, numbers and times."""
        self.check_texts(contact)
        self.check_number(contact.phone)
        self.check_number(contact.mobile)
        for moment in (contact.created_at, contact.updated_at):
            self.assertTrue(moment is None or timezone.is_aware(moment), f"{moment!r} has no zone.")

    def check_texts(self, record: Any) -> None:
        """Text, "" where nothing is known, and an id."""
        self.assertTrue(record.id)
        for name, value in asdict(record).items():
            if not name.endswith("_at"):
                self.assertIsInstance(value, str, f"{name} is {value!r}.")

    def check_number(self, number: str) -> None:
        """E.164 or nothing."""
        self.assertTrue(not number or E164.fullmatch(number), f"{number!r} is not E.164.")

    def check_pages(
        self, directory: ContactDirectory | OrganizationDirectory, whole: list[str]
    ) -> None:
        """Pages of one, of two, and of more than there are."""
        self.assertEqual(len(whole), len(set(whole)))
        for limit in (1, 2, len(whole) + 1):
            ids: list[str] = []
            for _page in range(len(whole) + 1):
                page = [
                    record.id
                    for record in directory.records(after=ids[-1] if ids else "", limit=limit)
                ]
                self.assertLessEqual(len(page), limit)
                ids += page
                if len(page) < limit:
                    break
            self.assertEqual(ids, whole)

    def said(self, contact: ContactRecord) -> dict[str, str]:
        """What a draft can say of a contact."""
        return {
            name: value
            for name, value in asdict(contact).items()
            if name not in ("id", "created_at", "updated_at")
        }


REGION = {"DEFAULT_REGION": "IE", "COMPANY_NUMBERS": (), "IGNORED_NUMBERS": ()}
