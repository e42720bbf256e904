"""Reading the rows of a host's model: tenant, pages, numbers.

Rows are read as dicts of the declared columns, never as instances: a list of a million stays two queries a page,
and no override can make it a million.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, Generic, TypeVar

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, router, transaction
from django.db.models import FilteredRelation, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import phone
from ..exceptions import InvalidInput
from ..models import PhoneIndex
from ..records import ContactRecord, OrganizationRecord, UserRecord
from .base import Backend, Directory
from .mapping import Paths, PhoneTable, join, parse, split, steps

PAGE = 1000  # rows that a list holds in memory at a time
MAX_SHARED = 1000  # a number that more rows have tells nobody apart: of these, the ones indexed first are considered
NUMBERS = "ringotel_numbers"

Row = Mapping[str, Any]
Numbers = Mapping[
    str, Sequence[str]
]  # E.164 by role: "phone", "mobile", and "" for what is found and not shown
Record = TypeVar("Record", ContactRecord, OrganizationRecord, UserRecord)


def read_numbers(value: Any) -> list[str]:
    """The E.164 numbers that a field holds, whatever its type."""
    return [number.e164 for number in phone.numbers(str(value))] if value else []


def content_type_id(model: Any) -> int:
    """The content type under which the index has a model's rows; a proxy has its own, since its rows may be fewer."""
    kind: int = ContentType.objects.get_for_model(model, for_concrete_model=False).pk
    return kind


def aware_or_none(moment: Any) -> dt.datetime | None:
    """A time as records have it."""
    return moment if isinstance(moment, dt.datetime) and timezone.is_aware(moment) else None


@contextmanager
def as_invalid() -> Iterator[None]:
    """``Invalid`` in the place of what models and databases raise for a value that they do not take."""
    message = _("The CRM does not take this.")
    try:
        yield
    except ValidationError as exc:
        raise InvalidInput(
            message, fields=ValidationError(exc.update_error_dict({})).message_dict
        ) from exc
    except (IntegrityError, DataError) as exc:
        raise InvalidInput(message) from exc


class ModelDirectory(Directory, Generic[Record]):
    """What the directories over models share."""

    model: ClassVar[Any]
    # The path of the tenant's key, whose text is the tenant: "tenant", "company__tenant__slug". "" where there are none.
    tenant: ClassVar[str] = ""
    # Where numbers stand, by what they are shown as: {"phone": ("office", "home"), "mobile": "cell", "": "fax"}. Those
    # under "" are looked up and not shown.
    phones: ClassVar[Mapping[str, Paths]] = {}
    phone_table: ClassVar[PhoneTable | None] = None
    # The fields that the model requires, and that Ringotel may leave empty all the same: ("email",).
    optional: ClassVar[Sequence[str]] = ()
    # When the row was made and last changed.
    created_at: ClassVar[str] = ""
    updated_at: ClassVar[str] = ""
    # The attributes that hold paths of text.
    text_attributes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def all_rows(cls) -> QuerySet[Any, Any]:
        """The rows of all tenants: what the model's default manager gives. Soft-deleted rows are left out here."""
        rows: QuerySet[Any, Any] = cls.model._default_manager.all()
        return rows

    def get_queryset(self) -> QuerySet[Any, Any]:
        """The rows that this actor may reach: those of its tenant. Without a tenant, a tenant's rows are nobody's."""
        rows = self.all_rows()
        if not self.tenant:
            return rows
        key = (
            parse(steps(self.model, self.tenant)[-1], self.backend.tenant)
            if self.backend.tenant
            else None
        )
        return rows.none() if key is None else rows.filter(**{self.tenant: key})

    def to_record(self, row: Row, numbers: Numbers) -> Record:
        """The record of one row: its values by path, and its numbers by role. Override for more."""
        raise NotImplementedError

    @classmethod
    def columns(cls) -> set[str]:
        """The paths that :meth:`to_record` needs, but for the numbers. Override for more."""
        attributes = (*cls.text_attributes, "created_at", "updated_at")
        return {path for name in attributes for path in split(getattr(cls, name))}

    @classmethod
    def phone_columns(cls) -> set[str]:
        """The paths of the numbers, but for the table of numbers."""
        return {path for paths in cls.phones.values() for path in split(paths)}

    @classmethod
    def grouped(
        cls,
        rows: QuerySet[Any, Any],
        columns: Iterable[str],
        read: Callable[[Any], list[str]] = read_numbers,
    ) -> Iterator[tuple[Row, Numbers]]:
        """Each of ``rows`` by primary key, with its numbers; in one query."""
        table, wanted = cls.phone_table, {"pk", *columns, *cls.phone_columns()}
        order = ["pk"]
        if table:
            where = Q(**{join(table.relation, name): value for name, value in table.where.items()})
            rows = rows.annotate(**{NUMBERS: FilteredRelation(table.relation, condition=where)})
            wanted |= {join(NUMBERS, name) for name in (table.number, table.kind) if name}
            order.append(join(NUMBERS, "pk"))
        for _key, lines in groupby(
            rows.order_by(*order).values(*sorted(wanted)), key=itemgetter("pk")
        ):
            row, *others = lines
            held: list[tuple[str, list[str]]] = [
                (role, read(row[path]))
                for role, paths in cls.phones.items()
                for path in split(paths)
            ]
            if table:
                kind, number = (
                    join(NUMBERS, table.kind) if table.kind else "",
                    join(NUMBERS, table.number),
                )
                preferred = sorted((row, *others), key=lambda line: table.place(line.get(kind)))
                held += [(table.role(line.get(kind)), read(line[number])) for line in preferred]
            numbers: dict[str, list[str]] = {"phone": [], "mobile": [], "": []}
            for role, e164s in held:
                numbers[role] += e164s
            yield row, numbers

    @classmethod
    def parse_id(cls, id: str) -> Any:
        """The primary key behind an id, or None."""
        return parse(cls.model._meta.pk, id)

    def load(self, rows: QuerySet[Any, Any]) -> Iterator[tuple[set[str], Record]]:
        """The records of ``rows`` by primary key, each with all of its numbers."""
        for row, numbers in self.grouped(rows, self.columns()):
            yield (
                {number for held in numbers.values() for number in held},
                self.to_record(row, numbers),
            )

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[Record]:
        """Two queries a page, which begins behind the last one's key. Where there is no ``updated_at``, all is new."""
        rows = self.get_queryset()
        if updated_since and self.updated_at:
            rows = rows.filter(**{f"{self.updated_at}__gte": updated_since})
        last = self.parse_id(after) if after else None
        if after and last is None:
            raise InvalidInput(
                _("The id of a record of this list is expected."),
                fields={"cursor": [_("Unknown id.")]},
            )
        while limit is None or limit > 0:
            behind = rows if last is None else rows.filter(pk__gt=last)
            size = PAGE if limit is None else min(limit, PAGE)
            keys: dict[Any, None] = dict.fromkeys(
                behind.order_by("pk").values_list("pk", flat=True)[:size]
            )
            if not keys:
                return
            last = [*keys][-1]
            for _held, record in self.load(rows.filter(pk__in=keys)):
                yield record
                limit = None if limit is None else limit - 1

    def get(self, id: str) -> Record | None:
        """One query."""
        key = self.parse_id(id)
        found = () if key is None else self.load(self.get_queryset().filter(pk=key))
        return next((record for _held, record in found), None)

    def atomic(self) -> Any:
        """A transaction of the model's database."""
        return transaction.atomic(using=router.db_for_write(self.model))

    def set_tenant(self, instance: Any) -> None:
        """Give a new row to the actor's tenant, where ``tenant`` is its own column or a key of a related row."""
        if not self.tenant:
            return
        head, *_rest = fields = steps(self.model, self.tenant)
        key = parse(fields[-1], self.backend.tenant)
        if len(fields) == 1:
            setattr(instance, head.attname, key)
        elif len(fields) == 2 and fields[1].unique and getattr(instance, head.attname) is None:
            related = head.related_model._default_manager.filter(**{fields[1].name: key}).first()
            setattr(instance, head.name, related)

    def validate(self, instance: Any, changed: Sequence[str] | None = None) -> None:
        """Raises ``Invalid`` for what the model's own rules refuse; of an old row, in the ``changed`` columns."""
        excused = {name for name in self.optional if not getattr(instance, name, True)}
        with as_invalid():
            if changed is None:
                instance.full_clean(exclude=excused)
            elif changed:
                others = {
                    field.name
                    for field in instance._meta.concrete_fields
                    if field.attname not in changed
                }
                instance.clean_fields(exclude=excused | others)
                instance.validate_unique(exclude=excused)
                instance.validate_constraints(exclude=excused)

    def save(self, instance: Any) -> None:
        """Raises ``Invalid`` for what the model refuses only now, or the database does."""
        with as_invalid():
            instance.save()

    def indexed(self, numbers: Sequence[str]) -> list[Any]:
        """The primary keys of this model's rows that the index has for one of these numbers."""
        kind = content_type_id(self.model)
        tenant = self.backend.tenant if self.tenant else ""
        keys = [
            self.parse_id(id)
            for of in index_entries(self.backend, numbers)
            for id in of.get((tenant, kind), ())
        ]
        return [key for key in keys if key is not None]


def index_entries(
    backend: Backend, numbers: Sequence[str]
) -> list[Mapping[tuple[str, int], Sequence[str]]]:
    """Of each number, the object ids by tenant and content type.

    A number is read once for each request, because people, leads and organizations share the answer.
    """
    memo: dict[str, dict[tuple[str, int], list[str]]] = backend.__dict__.setdefault(
        "_index_entries", {}
    )
    if new := [number for number in numbers if number not in memo]:
        memo |= {number: {} for number in new}
        for e164, tenant, kind, id in entries_of(new, backend.tenant):
            memo[e164].setdefault((tenant, kind), []).append(id)
    return [memo[number] for number in numbers]


def entries_of(
    numbers: Sequence[str], tenant: str
) -> QuerySet[PhoneIndex, tuple[str, str, int, str]]:
    """Number, tenant, content type and object id of what the index has; one query, by its index on the number."""
    rows = PhoneIndex.objects.filter(e164__in=numbers, tenant__in=sorted({"", tenant})).order_by(
        "pk"
    )
    return rows.values_list("e164", "tenant", "content_type_id", "object_id")[:MAX_SHARED]
