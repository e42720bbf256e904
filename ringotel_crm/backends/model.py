"""Directories over a host's models, configured by class attributes.

Each public method may be overridden. ``docs/host.rst`` is the guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import Case, F, Model, Q, Subquery, When
from django.db.models.constants import LOOKUP_SEP
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from ..exceptions import InvalidInput, NotFound
from ..internal.admin_urls import admin_change_url
from ..models.search import normalize_for_search
from ..records import ContactInput, ContactRecord, OrganizationRecord, UserRecord
from .base import Backend, ContactDirectory, OrganizationDirectory, UserDirectory
from .composite import CompositeContactDirectory
from .email_lookup import email_equals
from .mapping import Paths, PhoneTable, equals, first_value, join, resolve_path, split
from .model_rows import (
    ModelDirectory,
    Numbers,
    Row,
    aware_or_none,
    group_rows,
    indexed_keys,
    phone_paths,
    read_numbers,
    related_rows,
)
from .users import AuthUserDirectory

__all__ = [
    "CompositeContactDirectory",
    "ModelBackend",
    "ModelContactDirectory",
    "ModelOrganizationDirectory",
    "ModelUserDirectory",
    "PhoneTable",
]

# The roles in which a number is shown.
SHOWN_ROLES = ("phone", "mobile")


class _PersonMixin:
    """The names of a person: ``first_name`` and ``last_name``, or a single ``name``."""

    first_name: ClassVar[Paths] = ""
    last_name: ClassVar[Paths] = ""
    name: ClassVar[Paths] = ""
    email: ClassVar[Paths] = ""

    def _names(self, row: Row) -> dict[str, str]:
        """Return first and last name; the first word of a single name is the first name."""
        first_name, last_name = first_value(row, self.first_name), first_value(row, self.last_name)
        if not (first_name or last_name):
            first_name, _space, last_name = first_value(row, self.name).partition(" ")
        return {"first_name": first_name, "last_name": last_name}


class ModelUserDirectory(_PersonMixin, ModelDirectory[UserRecord], UserDirectory):
    """Users who take calls and are not rows of ``AUTH_USER_MODEL``.

    ``get_queryset()`` must return active users only.
    """

    extension: ClassVar[Paths] = ""
    # The path of the Django user, to find a user's own calls: "user", or "pk" if the model is
    # AUTH_USER_MODEL.
    user: ClassVar[str] = ""
    _text_attributes = ("first_name", "last_name", "name", "email", "extension")

    def to_record(self, row: Row, numbers: Numbers) -> UserRecord:
        """Return the user in this row, with the first number as direct line."""
        return UserRecord(
            id=str(row["pk"]),
            **self._names(row),
            email=first_value(row, self.email),
            phone=next(iter([*numbers["phone"], *numbers["mobile"]]), ""),
            extension=first_value(row, self.extension),
        )

    def user_ids_for(self, users: Iterable[Any]) -> set[str]:
        """Return the ids of the rows with these Django users at the path ``user``."""
        if not self.user:
            return set()
        rows = self.get_queryset().filter(**{f"{self.user}__in": [user.pk for user in users]})
        return {str(key) for key in rows.values_list("pk", flat=True)}

    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        """Return the user with this id, else this extension, else this e-mail address."""
        if user := self.get(id):
            return user
        lookups = [
            equals(self.model, path, extension) for path in split(self.extension) if extension
        ]
        lookups += [Q(**{f"{path}__iexact": email}) for path in split(self.email) if email]
        for lookup in lookups:
            rows = self.get_queryset().filter(lookup)
            if len(keys := set(rows.values_list("pk", flat=True)[:2])) == 1:
                return self.get(str(keys.pop()))
        return None


class ModelOrganizationDirectory(ModelDirectory[OrganizationRecord], OrganizationDirectory):
    """Organizations in a model.

    A call from one of their ``phones`` is a call from the contact at the path ``main_contact``,
    else from the organization's contact with the lowest primary key.
    """

    name: ClassVar[Paths] = ""
    email: ClassVar[Paths] = ""
    website: ClassVar[Paths] = ""
    main_contact: ClassVar[str] = ""
    _text_attributes = ("name", "email", "website")

    def to_record(self, row: Row, numbers: Numbers) -> OrganizationRecord:
        """Return the organization in this row."""
        return OrganizationRecord(
            id=str(row["pk"]),
            name=first_value(row, self.name),
            phone=next(iter([*numbers["phone"], *numbers["mobile"]]), ""),
            email=first_value(row, self.email),
            website=first_value(row, self.website),
        )

    def create(self, name: str) -> Model | None:
        """Save and return a new organization. Raises ``InvalidInput``.

        Override it to set required fields, or to return None: contacts then get no new
        organizations.
        """
        instance: Model = self.model(**{split(self.name)[0]: name})
        self.set_tenant(instance)
        self.validate(instance)
        self.save(instance)
        return instance


class ModelContactDirectory(_PersonMixin, ModelDirectory[ContactRecord], ContactDirectory):
    """Contacts in a model."""

    job_title: ClassVar[Paths] = ""
    # A path through a foreign key ("company__name"), a text field, or both.
    company_name: ClassVar[Paths] = ""
    can_remove_numbers: ClassVar[bool] = True
    # The name of the URL of a contact's page, with the id as its argument. "": the admin's page.
    url_name: ClassVar[str] = ""
    # The name of the URL of the form for a new contact. The query has ``name`` and ``number``.
    # "": the admin's form.
    add_url_name: ClassVar[str] = ""
    _text_attributes = ("first_name", "last_name", "name", "email", "job_title", "company_name")

    def to_record(self, row: Row, numbers: Numbers) -> ContactRecord:
        """Return the contact in this row, with its first phone and its first mobile."""
        created_at = row[self.created_at] if self.created_at else None
        updated_at = row[self.updated_at] if self.updated_at else None
        return ContactRecord(
            id=str(row["pk"]),
            **self._names(row),
            email=first_value(row, self.email),
            phone=next(iter(numbers["phone"]), ""),
            mobile=next(iter(numbers["mobile"]), ""),
            company_name=first_value(row, self.company_name),
            job_title=first_value(row, self.job_title),
            created_at=aware_or_none(created_at),
            updated_at=aware_or_none(updated_at),
        )

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return the pairs of number and contact from the index, compared with the rows.

        An outdated index therefore never returns a wrong contact.
        """
        if not (keys := indexed_keys(self, numbers)):
            return []
        contacts = self._load(self.get_queryset().filter(pk__in=keys))
        return [
            (number, contact)
            for own_numbers, contact in contacts
            for number in own_numbers.intersection(numbers)
        ]

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return one contact of the organization with one of these numbers.

        It is the organization's main contact, else its contact with the lowest primary key. With
        ``company_name = "company__name"`` and these rows::

            Company  pk=3  name="Sample Ltd"  switchboard="020 915 0000"  main_contact=None
            Person   pk=7  first_name="Ada"   company=3
            Person   pk=8  first_name="Bea"   company=3

        ``find_by_organization(["+353209150000"])`` returns ``[("+353209150000", Ada)]``, and with
        ``main_contact=8`` it returns Bea. The organization's row is read too, so that an outdated
        index never returns a wrong contact.
        """
        companies, (path, model, _field) = self.backend.organizations, self._company_relation()
        if not (isinstance(companies, ModelOrganizationDirectory) and companies.model is model):
            return []
        if not (keys := indexed_keys(companies, numbers)):
            return []
        order: list[Any] = ["pk"]
        if companies.main_contact:
            main_contact = F(join(path, companies.main_contact))
            order.insert(0, Case(When(pk=main_contact, then=0), default=1))
        of_company = {f"{path}__in": companies.get_queryset().filter(pk__in=keys)}
        contacts = self.get_queryset().filter(**of_company).order_by(*order)
        chosen = self.get_queryset().filter(pk=Subquery(contacts.values("pk")[:1]))
        columns = {join(path, column) for column in phone_paths(companies)}
        pairs = []
        for row, own_numbers in group_rows(self, chosen, self.columns() | columns):
            company_numbers = {number for column in columns for number in read_numbers(row[column])}
            contact = self.to_record(row, own_numbers)
            pairs += [(number, contact) for number in company_numbers.intersection(numbers)]
        return pairs

    def same_organization(self, id: str, limit: int) -> Sequence[ContactRecord]:
        """Return the contacts with the same foreign key to a company, by primary key."""
        relation, _model, _field = self._company_relation()
        if not relation:
            return []
        company = self._rows_with_id(id).order_by().values(relation)
        contacts = self.get_queryset().filter(**{f"{relation}__in": company}).order_by("pk")
        keys = list(contacts.values_list("pk", flat=True)[:limit])
        loaded = self._load(self.get_queryset().filter(pk__in=keys))
        return [contact for _numbers, contact in loaded]

    def to_reference(self, id: str) -> tuple[type[Model] | None, str]:
        """Return the concrete model, also if ``model`` is a proxy, and the id."""
        return self.model._meta.concrete_model, id

    def url(self, id: str) -> str:
        """Return the URL named by ``url_name``, else that of the admin's page, else ""."""
        if not self.url_name:
            return admin_change_url(self.model, id)
        try:
            return reverse(self.url_name, args=[id])
        except NoReverseMatch:
            return ""

    def add_url(self, *, name: str, number: str) -> str:
        """Return the URL named by ``add_url_name`` with the values as its query, else ""."""
        try:
            path = reverse(self.add_url_name) if self.add_url_name else ""
        except NoReverseMatch:
            path = ""
        return path and f"{path}?{urlencode({'name': name, 'number': number})}"

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """Return the contacts with this address in one of the ``email`` columns."""
        return [
            contact
            for path in split(self.email)
            for _numbers, contact in self._load(
                self.get_queryset().filter(email_equals(self.model, path, email))
            )
        ]

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """Return the first contact with one of these numbers or the address, and the same name.

        A draft with a name only matches a contact that has no number and no address either.
        """
        candidates: list[ContactRecord] = []
        if numbers:
            candidates += [contact for _number, contact in self.find(numbers)]
        if draft.email:
            candidates += self.find_by_email(draft.email)
        if not (numbers or draft.email):
            candidates += self._find_by_name(draft)
        name = normalize_for_search(f"{draft.first_name} {draft.last_name}")
        for contact in candidates:
            if normalize_for_search(f"{contact.first_name} {contact.last_name}") == name:
                return contact
        return None

    def _find_by_name(self, draft: ContactInput) -> list[ContactRecord]:
        """Return contacts with this name and company that have no number and no address."""
        full_name = f"{draft.first_name} {draft.last_name}".strip()
        values = (
            (self.first_name, draft.first_name),
            (self.last_name, draft.last_name),
            (self.name, full_name),
        )
        lookup = {split(paths)[0]: value for paths, value in values if split(paths) and value}
        if not lookup:
            return []
        company = normalize_for_search(draft.company_name)
        return [
            contact
            for numbers, contact in self._load(self.get_queryset().filter(**lookup))
            if not (numbers or contact.email)
            and normalize_for_search(contact.company_name) == company
        ]

    def create(self, draft: ContactInput) -> ContactRecord:
        """Create a contact, in a transaction of the model's database. Raises ``InvalidInput``."""
        with self._atomic():
            instance = self.build_instance(draft)
            self.set_tenant(instance)
            self.assign(instance, draft)
            self.validate(instance)
            self.save(instance)
            self._assign_numbers(instance, draft)
            return self.reload_record(instance)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Write the non-empty values of ``draft``, in a transaction of the model's database.

        Raises ``NotFound`` or ``InvalidInput``.
        """
        with self._atomic():
            key = self._rows_with_id(id).values_list("pk", flat=True).first()
            if key is None:
                message = _("No contact has this id.")
                raise NotFound(message, fields={"id": [message]})
            instance = self.model._base_manager.select_for_update().get(pk=key)
            columns = [field.attname for field in self.model._meta.concrete_fields]
            before = {name: getattr(instance, name) for name in columns}
            self.assign(instance, draft)
            changed = [name for name in columns if getattr(instance, name) != before[name]]
            self.validate(instance, changed)
            self.save(instance)
            self._assign_numbers(instance, draft)
            return self.reload_record(instance)

    def delete(self, id: str) -> None:
        """Call ``delete()`` of the instance.

        Set ``can_delete`` if that removes all personal data of the contact.
        """
        with self._atomic():
            for instance in self._rows_with_id(id):
                instance.delete()

    def numbers(self, id: str) -> Sequence[str]:
        """Return all numbers of this contact, sorted."""
        loaded = self._load(self._rows_with_id(id))
        return sorted(number for numbers, _contact in loaded for number in numbers)

    def build_instance(self, draft: ContactInput) -> Any:
        """Return an unsaved instance for :meth:`assign`. Override it to set required fields."""
        return self.model()

    def assign(self, instance: Any, draft: ContactInput) -> None:
        """Write the non-empty values of ``draft`` to the fields of ``instance``.

        Fields of related models are not written, except that the company is assigned.
        """
        names = self._names({path: getattr(instance, path, "") for path in self.columns()})
        new_names = {name: value for name in names if (value := getattr(draft, name))}
        for name in ("first_name", "last_name", "email", "job_title"):
            if value := getattr(draft, name):
                _set_own_field(instance, getattr(self, name), value)
        if new_names:
            names |= new_names
            full_name = f"{names['first_name']} {names['last_name']}".strip()
            _set_own_field(instance, self.name, full_name)
        for role in SHOWN_ROLES:
            if typed := getattr(draft, role):
                _set_own_field(instance, self.phones.get(role, ""), self.format_number(typed))
        if draft.company_name:
            relation, _model, _field = self._company_relation()
            if relation and (company := self.get_or_create_company(draft.company_name)):
                setattr(instance, relation, company)
            else:
                _set_own_field(instance, self.company_name, draft.company_name)

    def _assign_numbers(self, instance: Any, draft: ContactInput) -> None:
        """Write the numbers without a column to the phone table.

        The first number of the first kind of the role is replaced.
        """
        table = self.phone_table
        for role in SHOWN_ROLES:
            typed = getattr(draft, role)
            if not (table and typed) or _own_field(self.phones.get(role, "")):
                continue
            if (values := table.values_for(role)) is None:
                continue
            rows, owner = related_rows(instance, table.relation)
            row = rows.filter(**table.where, **values).order_by("pk").first()
            self._write_number(row or rows.model(**owner, **values), table, typed)

    def add_number(self, id: str, typed: str) -> None:
        """Add a row with this phone to the phone table.

        Does nothing without a phone table, or if the number is not valid for it.
        """
        table = self.phone_table
        if not table or (values := table.values_for("phone")) is None:
            return
        with suppress(InvalidInput), self._atomic():
            for instance in self._rows_with_id(id):
                rows, owner = related_rows(instance, table.relation)
                self._write_number(rows.model(**owner, **values), table, typed)

    def remove_number(self, id: str, number: str) -> None:
        """Empty the columns, and delete the rows of the phone table, that hold only this number.

        Leaves columns of related models unchanged. Raises ``InvalidInput``.
        """
        table = self.phone_table
        with self._atomic():
            for instance in self._rows_with_id(id):
                own = [path for path in phone_paths(self) if LOOKUP_SEP not in path]
                held = [name for name in own if read_numbers(getattr(instance, name)) == [number]]
                for name in held:
                    setattr(instance, name, None if self.model._meta.get_field(name).null else "")
                if held:
                    self.validate(instance, held)
                    self.save(instance)
                if table:
                    rows, _owner = related_rows(instance, table.relation)
                    for row in rows.filter(**table.where):
                        if read_numbers(getattr(row, table.number)) == [number]:
                            row.delete()

    def _write_number(self, row: Any, table: PhoneTable, typed: str) -> None:
        setattr(row, table.number, self.format_number(typed))
        self.validate(row)
        self.save(row)

    def format_number(self, typed: str) -> str:
        """Return a number in the format of the column: by default as received."""
        return typed

    def _company_relation(self) -> tuple[str, Any, str]:
        """Return the foreign key to the company, its model and the field with its name.

        ``("company", Company, "name")`` for ``company_name = "company__name"``; ``("", None, "")``
        without a foreign key.
        """
        for path in split(self.company_name):
            relation, _separator, field = path.rpartition(LOOKUP_SEP)
            if relation and LOOKUP_SEP not in relation:
                return relation, resolve_path(self.model, relation)[0].related_model, field
        return "", None, ""

    def get_or_create_company(self, name: str) -> Any:
        """Return the company with this name, created if it is new.

        Returns None if companies are not mapped. Raises ``InvalidInput``.
        """
        directory, (relation, model, field) = self.backend.organizations, self._company_relation()
        if not (isinstance(directory, ModelOrganizationDirectory) and directory.model is model):
            return None
        name = " ".join(name.split())
        companies = directory.get_queryset().filter(**{f"{field}__iexact": name})
        if company := companies.order_by("pk").first():
            return company
        try:
            return directory.create(name)
        except InvalidInput as exc:
            fields = {f"{relation}.{field}": texts for field, texts in exc.fields.items()}
            raise InvalidInput(exc.message, fields=fields) from exc

    def reload_record(self, instance: Any) -> ContactRecord:
        """Return the record of an instance that was just saved.

        Raises ``InvalidInput`` if the actor has no access to it; the transaction is then rolled
        back.
        """
        rows = self.get_queryset().using(instance._state.db).filter(pk=instance.pk)
        for _numbers, contact in self._load(rows):
            return contact
        raise InvalidInput(_("You would not have access to this contact."))


def _own_field(paths: Paths) -> str:
    """Return the first of these paths that is a field of the model itself, or ""."""
    return next((path for path in split(paths) if LOOKUP_SEP not in path), "")


def _set_own_field(instance: Any, paths: Paths, value: Any) -> None:
    """Set the first of these paths that is a field of the model itself, if any."""
    if name := _own_field(paths):
        setattr(instance, name, value)


class ModelBackend(Backend):
    """Base class of backends over a host's models. Users are those of ``AUTH_USER_MODEL``."""

    user_directory: ClassVar[type[UserDirectory]] = AuthUserDirectory
