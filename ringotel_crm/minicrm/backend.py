"""The backend of the mini-CRM."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from django.db import router
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from .. import phone
from ..backends.base import Backend, ContactDirectory, OrganizationDirectory
from ..backends.users import AuthUserDirectory
from ..exceptions import NotFound
from ..internal.admin_urls import admin_change_url
from ..internal.compiled_queries import CompiledQuery, fetch
from ..internal.parsing import parse_key
from ..models.search import normalize_for_search
from ..records import ContactInput, ContactRecord, OrganizationRecord
from .models import Contact, ContactPhone, Organization, PhoneKind

# Rows that a list holds in memory at a time.
PAGE = 2000
# Numbers, or addresses, in which duplicates are found at once.
MAX_COMPARED = 200_000
# Names of companies that a list caches, about 20 MB.
COMPANIES = 100_000

# The kinds of a contact's phone and mobile: the first number of the first kind that it has.
PHONE_KINDS = (PhoneKind.WORK, PhoneKind.HOME, PhoneKind.OTHER)
MOBILE_KINDS = (PhoneKind.MOBILE,)

OWN_COLUMNS = ("id", "first_name", "last_name", "email", "job_title")
CONTACT_COLUMNS = (*OWN_COLUMNS, "organization__name")
TIMES = ("created_at", "updated_at")
LISTED = ("id", "first_name", "last_name", "email", "phone", "mobile", "company_name", "job_title")


def record(row: Sequence[Any], phones: Iterable[tuple[str, str]]) -> ContactRecord:
    """Return a record of a row of :data:`CONTACT_COLUMNS`, optionally with :data:`TIMES`.

    ``phones`` are pairs of kind and E.164.
    """
    id, first_name, last_name, email, job_title, company_name, *times = row
    by_kind: dict[str, str] = {}
    for kind, e164 in phones:
        if kind not in by_kind:
            by_kind[kind] = e164
    return ContactRecord(
        id=str(id),
        first_name=first_name,
        last_name=last_name,
        email=email,
        job_title=job_title,
        company_name=company_name or "",
        phone=_first(by_kind, PHONE_KINDS),
        mobile=_first(by_kind, MOBILE_KINDS),
        **(dict(zip(TIMES, times, strict=True)) if times else {}),
    )


def _first(by_kind: dict[str, str], kinds: Sequence[str]) -> str:
    for kind in kinds:
        if kind in by_kind:
            return by_kind[kind]
    return ""


def with_phones(ids: QuerySet[Any, Any], *columns: str) -> QuerySet[Contact, Any]:
    """Return the contacts with these ids: one row for each number, or one without a number.

    The numbers of the answer are joined separately from those of the condition; otherwise only the
    numbers looked up would be returned.
    """
    people = Contact.objects.filter(id__in=ids.order_by()).order_by("id", "phones__id")
    return people.values_list("phones__kind", "phones__e164", *CONTACT_COLUMNS, *columns)


def gather(rows: Iterable[Sequence[Any]]) -> list[tuple[set[str], ContactRecord]]:
    """Group rows of :func:`with_phones` by contact: its E.164 numbers, and its record."""
    contacts: dict[int, Sequence[Any]] = {}
    phones: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for kind, e164, *row in rows:
        contacts[row[0]] = row
        if e164:
            phones[row[0]].append((kind, e164))
    return [
        ({e164 for _, e164 in phones[id]}, record(row, phones[id])) for id, row in contacts.items()
    ]


def people(**lookup: Any) -> list[tuple[set[str], ContactRecord]]:
    """Return the numbers and the record of each contact that matches ``lookup``, in one query."""
    return gather(with_phones(Contact.objects.filter(**lookup).values("id"), *TIMES))


FIND = CompiledQuery(
    lambda *numbers: with_phones(ContactPhone.objects.filter(e164__in=numbers).values("contact_id"))
)

FIND_ORGANIZATION = CompiledQuery(
    lambda *numbers: (
        Organization.objects.order_by()
        .filter(e164__in=numbers)
        .values_list("id", "e164", "main_contact_id")
    )
)


def pages(
    rows: QuerySet[Any, Any], after: str, limit: int | None, updated_since: dt.datetime | None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield ``rows`` by id in lists of at most :data:`PAGE`.

    Each page begins after the last id of the one before, so all cost the same.
    """
    rows = rows.order_by("id")
    if updated_since:
        rows = rows.filter(updated_at__gte=updated_since)
    last = parse_key(after)
    while limit is None or limit > 0:
        size = PAGE if limit is None else min(limit, PAGE)
        page = fetch(rows.filter(id__gt=last)[:size])
        if page:
            yield page
        if len(page) < size:
            return
        last = page[-1][0]
        limit = None if limit is None else limit - size


class Contacts(ContactDirectory):
    """The contacts of :class:`~ringotel_crm.minicrm.models.Contact`."""

    model = Contact
    importer = "ringotel_crm.minicrm.importer.MiniCRMImporter"
    can_delete = True
    can_merge = True
    can_remove_numbers = True

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        """Yield a record for each row of :meth:`rows`."""
        for row in self._rows(after, limit, updated_since):
            facts: dict[str, Any] = dict(zip(LISTED, row, strict=True))
            yield ContactRecord(**facts)

    def rows(
        self, columns: Sequence[str], *, updated_since: dt.datetime | None = None
    ) -> Iterator[tuple[str, ...]]:
        """Yield tuples of ``columns`` without building records."""
        return map(itemgetter(*map(LISTED.index, columns)), self._rows("", None, updated_since))

    def _rows(
        self, after: str, limit: int | None, updated_since: dt.datetime | None
    ) -> Iterator[tuple[str, ...]]:
        """Yield tuples of :data:`LISTED`, with two queries for each page: contacts, and numbers.

        A third query loads companies that are not cached yet. That is far cheaper than a join,
        because many contacts share a company.
        """
        people = Contact.objects.values_list(*OWN_COLUMNS, "organization_id")
        companies: dict[int | None, str] = {None: ""}
        for page in pages(people, after, limit, updated_since):
            phones: dict[int, dict[str, str]] = defaultdict(dict)
            of_page = ContactPhone.objects.exclude(e164="").order_by("id")
            if updated_since:
                of_page = of_page.filter(contact_id__in=[row[0] for row in page])
            else:
                of_page = of_page.filter(contact_id__gte=page[0][0], contact_id__lte=page[-1][0])
            for contact_id, kind, e164 in fetch(of_page.values_list("contact_id", "kind", "e164")):
                phones[contact_id].setdefault(kind, e164)
            if len(companies) > COMPANIES:
                companies = {None: ""}
            if new := {row[-1] for row in page} - companies.keys():
                # A range unless it includes many others: sending a thousand keys takes longer.
                first, last = min(new), max(new)
                among = {"id__range": (first, last)} if last - first < 2 * PAGE else {"id__in": new}
                companies |= fetch(
                    Organization.objects.filter(**among).order_by().values_list("id", "name")
                )
            for id, first_name, last_name, email, job_title, company in page:
                of_one = phones[id]
                phone, mobile = _first(of_one, PHONE_KINDS), _first(of_one, MOBILE_KINDS)
                yield (
                    str(id),
                    first_name,
                    last_name,
                    email,
                    phone,
                    mobile,
                    companies.get(company, ""),
                    job_title,
                )

    def get(self, id: str) -> ContactRecord | None:
        """Return the contact with this id, in one query."""
        return next((found for _, found in people(id=parse_key(id))), None)

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Look up the index on ``e164`` in one query; in two if contacts share a number."""
        found = gather(FIND.rows(router.db_for_read(Contact), *numbers))
        if len(found) > 1:
            found = people(phones__e164__in=numbers)
        return [
            (number, contact) for held, contact in found for number in numbers if number in held
        ]

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return the main contact of each organization, else the oldest contact."""
        found = []
        for id, e164, main_contact in FIND_ORGANIZATION.rows(
            router.db_for_read(Organization), *numbers
        ):
            contacts = Contact.objects.filter(organization=id).order_by("id")
            first = main_contact or contacts.values_list("id", flat=True).first() or 0
            found += [(e164, contact) for _, contact in people(id=first)]
        return found

    def same_organization(self, id: str, limit: int) -> Sequence[ContactRecord]:
        """Return the contacts by id, in two queries."""
        organization = Contact.objects.filter(id=parse_key(id)).values("organization")
        contacts = Contact.objects.filter(organization__in=organization).order_by("id")
        ids = list(contacts.values_list("id", flat=True)[:limit])
        return [contact for _, contact in people(id__in=ids)]

    def url(self, id: str) -> str:
        """Return the URL of the page in the admin, ``""`` without an admin."""
        return admin_change_url(Contact, id)

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """Match by number, then by e-mail address; the lowest id of those with the same name.

        A text without a number is compared as typed. A draft with a name only matches the contact
        of that name and company that has neither number nor address.
        """
        lookups: list[dict[str, Any]] = []
        if numbers:
            lookups.append({"phones__e164__in": numbers})
        if unread := [
            typed for typed in (draft.phone, draft.mobile) if typed and not phone.numbers(typed)
        ]:
            lookups.append({"phones__e164": "", "phones__raw__in": unread})
        if draft.email:
            lookups.append({"email": draft.email})
        if not lookups:
            company = normalize_for_search(draft.company_name) or None
            lookups.append(
                {
                    "last_name": draft.last_name,
                    "first_name": draft.first_name,
                    "email": "",
                    "phones": None,
                }
            )
            lookups[0]["organization__name_normalized" if company else "organization"] = company
        name = normalize_for_search(f"{draft.first_name} {draft.last_name}")
        for lookup in lookups:
            found = [contact for _, contact in people(**lookup)]
            for contact in sorted(found, key=lambda contact: int(contact.id)):
                if normalize_for_search(f"{contact.first_name} {contact.last_name}") == name:
                    return contact
        return None

    def create(self, draft: ContactInput) -> ContactRecord:
        """Create the contact with its company and numbers."""
        contact = Contact.objects.create(
            first_name=draft.first_name,
            last_name=draft.last_name,
            email=draft.email,
            job_title=draft.job_title,
            organization=self._organization(draft.company_name),
        )
        return self._save(contact, draft, is_new=True)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Change the values that ``draft`` has; the first number of a kind is replaced."""
        contact = Contact.objects.select_for_update().filter(id=parse_key(id)).first()
        if contact is None:
            raise NotFound(
                _("Contact %(id)s does not exist.") % {"id": id},
                fields={"id": [_("No contact has this id.")]},
            )
        for name in ("first_name", "last_name", "email", "job_title"):
            if value := getattr(draft, name):
                setattr(contact, name, value)
        if draft.company_name:
            contact.organization = self._organization(draft.company_name)
        contact.save()
        return self._save(contact, draft)

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """Look up the index on ``email``, which is stored in lower case."""
        return [contact for _, contact in people(email=email)]

    def duplicates(
        self, limit: int, after: str = ""
    ) -> tuple[Sequence[tuple[str, Sequence[str]]], str]:
        """Compare up to :data:`MAX_COMPARED` numbers, then as many addresses, by their index.

        ``after`` is the last value compared, with its column: "e164 +353209150100".
        """
        column, _space, value = after.partition(" ")
        found: list[tuple[str, Sequence[str]]] = []
        if column != "email":
            found, last = _shared(ContactPhone.objects.all(), "e164", "contact", value, limit)
            if last is not None:
                return found, f"e164 {last}"
            value = ""
        addresses, last = _shared(Contact.objects.all(), "email", "pk", value, limit - len(found))
        return found + addresses, "" if last is None else f"email {last}"

    def merge(self, target: str, source: str) -> None:
        """Fill in empty fields, move the numbers that ``target`` lacks, and delete ``source``."""
        kept = Contact.objects.select_for_update().get(id=parse_key(target))
        other = Contact.objects.get(id=parse_key(source))
        for name in ("first_name", "last_name", "job_title", "email", "organization"):
            setattr(kept, name, getattr(kept, name) or getattr(other, name))
        held = {
            value for number in kept.phones.all() for value in (number.raw, number.e164) if value
        }
        for number in other.phones.all():
            if number.raw not in held and number.e164 not in held:
                number.contact = kept
                number.save()
        Organization.objects.filter(main_contact=other).update(main_contact=kept)
        other.delete()
        kept.save()

    def numbers(self, id: str) -> Sequence[str]:
        """Return the E.164 numbers of every kind."""
        numbers = ContactPhone.objects.filter(contact_id=parse_key(id)).exclude(e164="")
        return list(numbers.order_by("id").values_list("e164", flat=True))

    def add_number(self, id: str, typed: str) -> None:
        """Add a number of the kind "other"."""
        ContactPhone.objects.create(contact_id=parse_key(id), kind=PhoneKind.OTHER, raw=typed)

    def remove_number(self, id: str, number: str) -> None:
        """Delete the number of every kind."""
        for row in ContactPhone.objects.filter(contact_id=parse_key(id), e164=number):
            row.delete()

    def delete(self, id: str) -> None:
        """Delete the contact with its numbers."""
        Contact.objects.filter(id=parse_key(id)).delete()

    def _save(
        self, contact: Contact, draft: ContactInput, *, is_new: bool = False
    ) -> ContactRecord:
        for kinds, typed in ((PHONE_KINDS, draft.phone), (MOBILE_KINDS, draft.mobile)):
            if typed:
                existing = None if is_new else contact.phones.filter(kind=kinds[0]).first()
                number = existing or ContactPhone(contact=contact, kind=kinds[0])
                if number.raw != typed:
                    number.raw, number.extension = typed, ""
                    number.save()
        saved = self.get(str(contact.pk))
        assert saved is not None  # written in this transaction
        return saved

    def _organization(self, name: str) -> Organization | None:
        if not name:
            return None
        found = (
            Organization.objects.filter(name_normalized=normalize_for_search(name))
            .order_by("id")
            .first()
        )
        return found or Organization.objects.create(name=name)


class Organizations(OrganizationDirectory):
    """The organizations of :class:`~ringotel_crm.minicrm.models.Organization`."""

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[OrganizationRecord]:
        """Yield the organizations, with one query for each page."""
        rows = Organization.objects.values_list("id", "name", "e164", "email", "website")
        for page in pages(rows, after, limit, updated_since):
            for id, name, e164, email, website in page:
                yield OrganizationRecord(
                    id=str(id), name=name, phone=e164, email=email, website=website
                )


class MiniCRMBackend(Backend):
    """The mini-CRM: the default of ``RINGOTEL_CRM["BACKEND"]``."""

    user_directory = AuthUserDirectory
    contact_directory = Contacts
    organization_directory = Organizations


def _shared(
    rows: QuerySet[Any], column: str, key: str, after: str, limit: int
) -> tuple[list[tuple[str, Sequence[str]]], str | None]:
    """Return up to ``limit`` values of ``column`` that several contacts have, with their ids, and
    the last value compared, None if no others follow.
    """
    rows = rows.filter(**{f"{column}__gt": after}).order_by(column)
    values = rows.values_list(column, flat=True)
    last = values[MAX_COMPARED : MAX_COMPARED + 1].first()
    compared = values if last is None else values.filter(**{f"{column}__lte": last})
    counted = compared.annotate(rows=Count("pk")).filter(rows__gt=1)
    shared = list(counted.values_list(column, flat=True)[: limit + 1])
    if len(shared) > limit:
        del shared[limit:]
        last = shared[-1] if shared else after
    holders: dict[str, list[str]] = defaultdict(list)
    holding = rows.filter(**{f"{column}__in": shared}).order_by(key).values_list(column, key)
    for value, id in holding:
        if str(id) not in holders[value]:
            holders[value].append(str(id))
    # One contact may have the same number twice.
    return [(value, holders[value]) for value in shared if len(holders[value]) > 1], last
