"""Find the contacts that the rows of a file describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Q
from import_export.instance_loaders import BaseInstanceLoader

from .. import phone
from ..contact_files.fields import PHONE_FIELDS
from ..internal.parsing import parse_key
from ..models.search import normalize_for_search
from .models import Contact, ContactPhone
from .snapshots import load_numbers

Key = tuple[str, str]  # the folded name, and one identifier: a number, an address, or the company


class ContactLoader(BaseInstanceLoader):  # type: ignore[misc]
    """Looks up the contacts of a batch of rows in a fixed number of queries.

    A row of our own export selects the contact with its id. Any other row selects the contact with
    the same name that has one of its numbers or its address; a row without a name, any contact that
    has; a row with a name only, the contact of that name and company without number and address.
    Among several, the one with the lowest id. Contacts of earlier rows, in ``resource.remembered``,
    come first.
    """

    def __init__(self, resource: Any, dataset: Any) -> None:
        super().__init__(resource, dataset)
        rows = dataset.dict
        self.id_column = resource.fields["id"].column_name
        ids = [key for row in rows if (key := parse_key(row[self.id_column].removesuffix(".0")))]
        queryset = resource.get_queryset()
        self.by_id = {contact.pk: contact for contact in queryset.filter(pk__in=ids)} if ids else {}
        self.by_key: dict[Key, Contact] = {}
        for contact in queryset.filter(_candidates(rows)).order_by("pk"):
            for name_and_identifier in keys_of_contact(contact):
                self.by_key.setdefault(name_and_identifier, self.by_id.get(contact.pk, contact))

    def get_instance(self, row: Mapping[str, Any]) -> Any:
        """Return the contact that the row selects, or None. Sets ``is_own``."""
        contact: Any = self.by_id.get(parse_key(row[self.id_column].removesuffix(".0")))
        if contact:
            contact.is_own = True
            return contact
        for key in keys_of_row(row):
            contact = self.resource.remembered.get(key) or self.by_key.get(key)
            if contact:
                contact.is_own = False
                return contact
        return None


def keys_of_row(row: Mapping[str, Any]) -> list[Key]:
    """Return the keys to look for, the most specific ones first."""
    texts = [text for field in PHONE_FIELDS for text in row[field]]
    return list(_keys(row["first_name"], row["last_name"], texts, row["email"], row["company"]))


def keys_of_contact(contact: Contact) -> Iterator[Key]:
    """Yield the keys under which a contact is found: with its name, then without."""
    texts = [number.raw for number in load_numbers(contact)]
    company = contact.organization.name if contact.organization else ""
    for name, identifier in _keys(
        contact.first_name, contact.last_name, texts, contact.email, company
    ):
        yield name, identifier
        if texts or contact.email:
            yield "", identifier


def _keys(
    first_name: str, last_name: str, texts: Iterable[str], email: str, company: str
) -> Iterator[Key]:
    name = normalize_for_search(f"{first_name} {last_name}")
    identifiers = [*_identifiers(texts), *([email] if email else [])]
    for identifier in identifiers or [f"company {normalize_for_search(company)}"]:
        yield name, identifier


def _identifiers(texts: Iterable[str]) -> Iterator[str]:
    """Yield the E.164 numbers in ``texts``; of a text without a number, the text."""
    for text in texts:
        yield from [number.e164 for number in phone.numbers(text)] or [text]


def _candidates(rows: Iterable[Mapping[str, Any]]) -> Q:
    """Return a filter for the contacts that share a name, and a number or address, with any row."""
    named: set[str] = set()
    identifiers: dict[bool, set[str]] = {
        True: set(),
        False: set(),
    }  # of rows with a name, and without
    for row in rows:
        for name, identifier in keys_of_row(row):
            identifiers[bool(name)].add(identifier)
            named.add(name[:255])
    bare = Q(email="", phones=None)
    return Q(name_normalized__in=named - {""}) & (_has(identifiers[True]) | bare) | _has(
        identifiers[False]
    )


def _has(identifiers: set[str]) -> Q:
    numbers = ContactPhone.objects.filter(Q(e164__in=identifiers) | Q(e164="", raw__in=identifiers))
    return Q(pk__in=numbers.order_by().values("contact_id")) | Q(email__in=identifiers)
