"""Directories over tables that are there already: a host says in class attributes where things stand.

Every rule is also a method that a host may override. ``docs/host.rst`` is the guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db.models import Case, F, Model, Subquery, When
from django.db.models.constants import LOOKUP_SEP
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from ..exceptions import InvalidInput, NotFound
from ..models.search import normalize_for_search
from ..records import ContactInput, ContactRecord, OrganizationRecord, UserRecord
from .base import Backend, ContactDirectory, OrganizationDirectory, UserDirectory
from .composite import CompositeContactDirectory
from .mapping import Paths, PhoneTable, first, join, split, steps
from .model_rows import ModelDirectory, Numbers, Row, aware_or_none, read_numbers
from .users import AuthUserDirectory

__all__ = [
    "CompositeContactDirectory",
    "ModelBackend",
    "ModelContactDirectory",
    "ModelOrganizationDirectory",
    "ModelUserDirectory",
    "PhoneTable",
]


def own_field(paths: Paths) -> str:
    """The first of these paths that is a field of the row itself, or ""."""
    return next((path for path in split(paths) if LOOKUP_SEP not in path), "")


class PersonMixin:
    """The names of a person: ``first_name`` and ``last_name``, or one ``name``."""

    first_name: ClassVar[Paths] = ""
    last_name: ClassVar[Paths] = ""
    name: ClassVar[Paths] = ""
    email: ClassVar[Paths] = ""

    def names(self, row: Row) -> dict[str, str]:
        """First and last name. Of a single name, the first word is the first name."""
        found = {"first_name": first(row, self.first_name), "last_name": first(row, self.last_name)}
        if not any(found.values()):
            found["first_name"], _space, found["last_name"] = first(row, self.name).partition(" ")
        return found


class ModelUserDirectory(PersonMixin, ModelDirectory[UserRecord], UserDirectory):
    """The people who take calls, where they are not ``AUTH_USER_MODEL``. ``get_queryset`` gives the active ones."""

    extension: ClassVar[Paths] = ""
    # The path of the Django user, by whom people find their own calls: "user"; "pk" if the model is the user's.
    user: ClassVar[str] = ""
    text_attributes = ("first_name", "last_name", "name", "email", "extension")

    def to_record(self, row: Row, numbers: Numbers) -> UserRecord:
        """The user in this row."""
        return UserRecord(
            id=str(row["pk"]),
            **self.names(row),
            email=first(row, self.email),
            phone=next(iter([*numbers["phone"], *numbers["mobile"]]), ""),
            extension=first(row, self.extension),
        )

    def user_ids_for(self, users: Iterable[Any]) -> set[str]:
        """By ``user``."""
        if not self.user:
            return set()
        rows = self.get_queryset().filter(**{f"{self.user}__in": [user.pk for user in users]})
        return {str(key) for key in rows.values_list("pk", flat=True)}

    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        """By id, else by extension, else by address."""
        if user := self.get(id):
            return user
        lookups = [(path, extension) for path in split(self.extension)]
        lookups += [(f"{path}__iexact", email) for path in split(self.email)]
        for lookup, value in lookups:
            if value:
                rows = self.get_queryset().filter(**{lookup: value})
                if len(keys := set(rows.values_list("pk", flat=True)[:2])) == 1:
                    return self.get(str(keys.pop()))
        return None


class ModelOrganizationDirectory(ModelDirectory[OrganizationRecord], OrganizationDirectory):
    """The companies. Their numbers, in ``phones``, identify the contact at ``main_contact``, else the oldest one."""

    name: ClassVar[Paths] = ""
    email: ClassVar[Paths] = ""
    website: ClassVar[Paths] = ""
    main_contact: ClassVar[str] = ""
    text_attributes = ("name", "email", "website")

    def to_record(self, row: Row, numbers: Numbers) -> OrganizationRecord:
        """The company in this row."""
        return OrganizationRecord(
            id=str(row["pk"]),
            name=first(row, self.name),
            phone=next(iter([*numbers["phone"], *numbers["mobile"]]), ""),
            email=first(row, self.email),
            website=first(row, self.website),
        )

    def create(self, name: str) -> Model | None:
        """A new company, saved; override for required fields, or to give None: then contacts get no new companies."""
        instance: Model = self.model(**{split(self.name)[0]: name})
        self.set_tenant(instance)
        self.validate(instance)
        self.save(instance)
        return instance


class ModelContactDirectory(PersonMixin, ModelDirectory[ContactRecord], ContactDirectory):
    """The people outside the company."""

    job_title: ClassVar[Paths] = ""
    # "company__name", or a field of text, or both.
    company_name: ClassVar[Paths] = ""
    # The name of the URL of a contact's page, which takes its id; "": the page in the admin, if there is one.
    url_name: ClassVar[str] = ""
    text_attributes = ("first_name", "last_name", "name", "email", "job_title", "company_name")

    def to_record(self, row: Row, numbers: Numbers) -> ContactRecord:
        """The contact in this row."""
        return ContactRecord(
            id=str(row["pk"]),
            **self.names(row),
            email=first(row, self.email),
            phone=next(iter(numbers["phone"]), ""),
            mobile=next(iter(numbers["mobile"]), ""),
            company_name=first(row, self.company_name),
            job_title=first(row, self.job_title),
            created_at=aware_or_none(row[self.created_at]) if self.created_at else None,
            updated_at=aware_or_none(row[self.updated_at]) if self.updated_at else None,
        )

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """By the index, then by what the rows say now: an index that has fallen behind names nobody wrongly."""
        if not (keys := self.indexed(numbers)):
            return []
        found = self.load(self.get_queryset().filter(pk__in=keys))
        return [
            (number, contact) for held, contact in found for number in numbers if number in held
        ]

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """By the index of companies, then one contact of the company, with what the company's row says now."""
        companies, (path, model, _field) = self.backend.organizations, self.company_relation()
        if not (isinstance(companies, ModelOrganizationDirectory) and companies.model is model):
            return []
        if not (keys := companies.indexed(numbers)):
            return []
        theirs = self.get_queryset().filter(
            **{f"{path}__in": companies.get_queryset().filter(pk__in=keys)}
        )
        order: list[Any] = ["pk"]
        if companies.main_contact:
            order.insert(0, Case(When(pk=F(join(path, companies.main_contact)), then=0), default=1))
        chosen = self.get_queryset().filter(pk=Subquery(theirs.order_by(*order).values("pk")[:1]))
        columns = {join(path, column) for column in companies.phone_columns()}
        return [
            (number, self.to_record(row, own))
            for row, own in self.grouped(chosen, self.columns() | columns)
            for number in {
                number for column in columns for number in read_numbers(row[column])
            }.intersection(numbers)
        ]

    def to_reference(self, id: str) -> tuple[type[Model] | None, str]:
        """Calls point to the table, also where ``model`` is a proxy of it."""
        return self.model._meta.concrete_model, id

    def url(self, id: str) -> str:
        """The page that ``url_name`` names, else the one in the admin."""
        meta = self.model._meta
        try:
            return reverse(
                self.url_name or f"admin:{meta.app_label}_{meta.model_name}_change", args=[id]
            )
        except NoReverseMatch:
            return ""

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """By each of the fields with an address."""
        rows = [
            self.get_queryset().filter(**{f"{path}__iexact": email}) for path in split(self.email)
        ]
        return [contact for found in rows for _held, contact in self.load(found)]

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """By number, then by address; the first of those with the same name.

        A draft of a name alone is the contact of whom no more is known.
        """
        name = normalize_for_search(f"{draft.first_name} {draft.last_name}")
        found = [contact for _number, contact in self.find(numbers)] if numbers else []
        for path in split(self.email) if draft.email else ():
            rows = self.get_queryset().filter(**{f"{path}__iexact": draft.email})
            found += [contact for _held, contact in self.load(rows)]
        if not (numbers or draft.email):
            full = f"{draft.first_name} {draft.last_name}".strip()
            names = {
                self.first_name: draft.first_name,
                self.last_name: draft.last_name,
                self.name: full,
            }
            said = {
                split(paths)[0]: value for paths, value in names.items() if split(paths) and value
            }
            found += [
                contact
                for held, contact in (self.load(self.get_queryset().filter(**said)) if said else ())
                if not (held or contact.email)
                and normalize_for_search(contact.company_name)
                == normalize_for_search(draft.company_name)
            ]
        return next(
            (
                contact
                for contact in found
                if normalize_for_search(f"{contact.first_name} {contact.last_name}") == name
            ),
            None,
        )

    def create(self, draft: ContactInput) -> ContactRecord:
        """A new row, in a transaction of the model's database."""
        with self.atomic():
            instance = self.build_instance(draft)
            self.set_tenant(instance)
            self.assign(instance, draft)
            self.validate(instance)
            self.save(instance)
            self.assign_numbers(instance, draft)
            return self.reload_record(instance)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Only what ``draft`` says; in a transaction of the model's database."""
        with self.atomic():
            key = self.parse_id(id)
            if key is None or not self.get_queryset().filter(pk=key).exists():
                raise NotFound(
                    _("There is no such contact."), fields={"id": [_("No contact has this id.")]}
                )
            instance = self.model._base_manager.select_for_update().get(pk=key)
            before = {
                field.attname: getattr(instance, field.attname)
                for field in self.model._meta.concrete_fields
            }
            self.assign(instance, draft)
            self.validate(
                instance,
                [name for name, value in before.items() if getattr(instance, name) != value],
            )
            self.save(instance)
            self.assign_numbers(instance, draft)
            return self.reload_record(instance)

    def delete(self, id: str) -> None:
        """As the model does it; set ``can_delete`` if that leaves nothing of the person."""
        with self.atomic():
            for instance in self.get_queryset().filter(pk=self.parse_id(id)):
                instance.delete()

    def numbers(self, id: str) -> Sequence[str]:
        """One query."""
        found = self.load(self.get_queryset().filter(pk=self.parse_id(id)))
        return sorted(number for held, _contact in found for number in held)

    def build_instance(self, draft: ContactInput) -> Any:
        """An unsaved instance for :meth:`assign` to fill. Override where a row has required fields of its own."""
        return self.model()

    def assign(self, instance: Any, draft: ContactInput) -> None:
        """Write what ``draft`` says to the fields of ``instance``; what stands in other tables is not written."""
        names = self.names({path: getattr(instance, path, "") for path in self.columns()})
        said = {name: value for name in names if (value := getattr(draft, name))}
        for name in ("first_name", "last_name", "email", "job_title"):
            if (path := own_field(getattr(self, name))) and (value := getattr(draft, name)):
                setattr(instance, path, value)
        if said and (path := own_field(self.name)):
            names |= said
            setattr(instance, path, f"{names['first_name']} {names['last_name']}".strip())
        for role in ("phone", "mobile"):
            if (path := own_field(self.phones.get(role, ""))) and (typed := getattr(draft, role)):
                setattr(instance, path, self.format_number(typed))
        if draft.company_name:
            relation, _model, _field = self.company_relation()
            if relation and (company := self.get_or_create_company(draft.company_name)):
                setattr(instance, relation, company)
            elif path := own_field(self.company_name):
                setattr(instance, path, draft.company_name)

    def assign_numbers(self, instance: Any, draft: ContactInput) -> None:
        """Write the numbers that have no column to the table of numbers: the first of a kind is replaced."""
        table = self.phone_table
        for role in ("phone", "mobile"):
            if (
                not table
                or own_field(self.phones.get(role, ""))
                or not (typed := getattr(draft, role))
            ):
                continue
            kind = table.kind_of(role)
            if kind is None and (table.kind or role == "mobile"):
                continue
            rows, owner = self.table_rows(instance, table.relation)
            given = {table.kind: kind} if table.kind else {}
            row = rows.filter(**table.where, **given).order_by("pk").first()
            self.write_number(row or rows.model(**owner, **given), typed)

    def add_number(self, id: str, typed: str) -> None:
        """A row more in the table of numbers, of the kind of a phone. Without a table, or where it refuses, nothing."""
        table, kind = self.phone_table, self.phone_table and self.phone_table.kind_of("phone")
        if not table or (table.kind and kind is None):
            return
        with suppress(InvalidInput), self.atomic():
            for instance in self.get_queryset().filter(pk=self.parse_id(id)):
                rows, owner = self.table_rows(instance, table.relation)
                self.write_number(
                    rows.model(**owner, **({table.kind: kind} if table.kind else {})), typed
                )

    def write_number(self, row: Any, typed: str) -> None:
        """Set and save the number in a row of the table of numbers."""
        setattr(row, self.phone_table.number, self.format_number(typed))  # type: ignore[union-attr]
        self.validate(row)
        self.save(row)

    @staticmethod
    def table_rows(instance: Any, name: str) -> tuple[Any, dict[str, Any]]:
        """The rows of the table of numbers that are this row's, and what makes a new one its own."""
        relation = instance._meta.get_field(name)
        if isinstance(relation, GenericRelation):
            kind = ContentType.objects.get_for_model(
                instance, for_concrete_model=relation.for_concrete_model
            )
            owner = {
                relation.content_type_field_name: kind,
                relation.object_id_field_name: instance.pk,
            }
            return getattr(instance, name), owner
        return getattr(instance, relation.get_accessor_name()), {relation.field.name: instance}

    def format_number(self, typed: str) -> str:
        """A number as the CRM stores it: as it was typed. Override where a column wants another form."""
        return typed

    def company_relation(self) -> tuple[str, Any, str]:
        """The foreign key to the company, the company's model, and the field of its name; empty where there is none."""
        for path in split(self.company_name):
            relation, _separator, name = path.rpartition(LOOKUP_SEP)
            if relation and LOOKUP_SEP not in relation:
                return relation, steps(self.model, relation)[0].related_model, name
        return "", None, ""

    def get_or_create_company(self, name: str) -> Any:
        """The company of this name, created if it is new; None where companies are not mapped."""
        directory, (_relation, model, field) = self.backend.organizations, self.company_relation()
        if not (isinstance(directory, ModelOrganizationDirectory) and directory.model is model):
            return None
        name = " ".join(name.split())
        found = directory.get_queryset().filter(**{f"{field}__iexact": name}).order_by("pk").first()
        return found or directory.create(name)

    def reload_record(self, instance: Any) -> ContactRecord:
        """The record of what was just written. Raises ``Invalid`` if the actor may not see it: then it is undone."""
        rows = self.get_queryset().using(instance._state.db).filter(pk=instance.pk)
        for _held, contact in self.load(rows):
            return contact
        raise InvalidInput(_("The contact would be out of your reach."))


class ModelBackend(Backend):
    """A host's backend begins here: the users are ``AUTH_USER_MODEL`` until it says otherwise."""

    user_directory: ClassVar[type[UserDirectory]] = AuthUserDirectory
