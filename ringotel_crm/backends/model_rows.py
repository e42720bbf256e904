"""Reading the rows of a host's models: tenants, pages, phone numbers.

Rows are read as dicts of the mapped columns, never as instances: a list of any length takes two
queries per page, whatever a host overrides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError
from django.db.models import FilteredRelation, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import databases, phone
from ..exceptions import InvalidInput
from ..models import PhoneIndex
from ..records import ContactRecord, OrganizationRecord, UserRecord
from .base import Backend, Directory
from .mapping import Paths, PhoneTable, equals, join, parse, resolve_path, split

# Rows that a list holds in memory at a time.
PAGE = 1000
# Rows considered for a shared number, in the order in which they were indexed. A number of more
# rows does not identify a contact.
MAX_SHARED = 1000
# Alias of the joined phone table.
NUMBERS = "ringotel_numbers"

# The mapped columns of a row, by path.
Row = Mapping[str, Any]
# E.164 numbers by role: "phone", "mobile", and "" for those used for lookups only.
Numbers = Mapping[str, Sequence[str]]
Record = TypeVar("Record", ContactRecord, OrganizationRecord, UserRecord)


def read_numbers(value: Any) -> list[str]:
    """Return the E.164 numbers in the value of a field of any type."""
    return [number.e164 for number in phone.numbers(str(value))] if value else []


def content_type_id(model: Any) -> int:
    """Return the content type of a model's index entries.

    A proxy model has its own, because its manager may return fewer rows.
    """
    content_type: int = ContentType.objects.get_for_model(model, for_concrete_model=False).pk
    return content_type


def aware_or_none(moment: Any) -> dt.datetime | None:
    """Return ``moment`` if it is an aware datetime, as records require, else None."""
    return moment if isinstance(moment, dt.datetime) and timezone.is_aware(moment) else None


@contextmanager
def as_invalid() -> Iterator[None]:
    """Raise ``InvalidInput`` for errors of model validation and of the database."""
    message = _("Validation failed.")
    try:
        yield
    except ValidationError as exc:
        fields = ValidationError(exc.update_error_dict({})).message_dict
        raise InvalidInput(message, fields=fields) from exc
    except (IntegrityError, DataError) as exc:
        raise InvalidInput(message) from exc


class ModelDirectory(Directory, Generic[Record]):
    """Base class of the directories over models."""

    model: ClassVar[Any]
    # As the other attributes name the path of a record's value, this one names the path of
    # Backend.tenant: "tenant", "company__tenant__slug". "" without tenants.
    tenant: ClassVar[str] = ""
    # Columns with numbers, by role: {"phone": ("office", "home"), "mobile": "cell", "": "fax"}.
    # Those with the role "" are used for lookups only.
    phones: ClassVar[Mapping[str, Paths]] = {}
    phone_table: ClassVar[PhoneTable | None] = None
    # Fields that the model requires but Ringotel may leave empty: ("email",).
    optional: ClassVar[Sequence[str]] = ()
    created_at: ClassVar[str] = ""
    updated_at: ClassVar[str] = ""
    # The attributes that hold paths of text.
    _text_attributes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def all_rows(cls) -> QuerySet[Any, Any]:
        """Return the rows of all tenants: those of the model's default manager."""
        rows: QuerySet[Any, Any] = cls.model._default_manager.all()
        return rows

    def get_queryset(self) -> QuerySet[Any, Any]:
        """Return the rows of the actor's tenant; no rows if ``tenant`` is set and it has none."""
        rows = self.all_rows()
        if not self.tenant:
            return rows
        key = None
        if self.backend.tenant:
            key = parse(resolve_path(self.model, self.tenant)[-1], self.backend.tenant)
        return rows.none() if key is None else rows.filter(equals(self.model, self.tenant, key))

    def to_record(self, row: Row, numbers: Numbers) -> Record:
        """Return the record of a row, given its columns by path and its numbers by role."""
        raise NotImplementedError

    @classmethod
    def columns(cls) -> set[str]:
        """Return the paths that :meth:`to_record` reads, except those of phone numbers."""
        attributes = (*cls._text_attributes, "created_at", "updated_at")
        return {path for name in attributes for path in split(getattr(cls, name))}

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[Record]:
        """Yield records by primary key, in two queries per page.

        Without ``updated_at``, ``updated_since`` selects all rows. Raises ``InvalidInput`` if
        ``after`` is not an id.
        """
        rows = self.get_queryset()
        if updated_since and self.updated_at:
            rows = rows.filter(**{f"{self.updated_at}__gte": updated_since})
        last = parse_id(self, after) if after else None
        if after and last is None:
            message = _("Enter the id of a record in this list.")
            raise InvalidInput(message, fields={"cursor": [message]})
        while limit is None or limit > 0:
            following = rows if last is None else rows.filter(pk__gt=last)
            size = PAGE if limit is None else min(limit, PAGE)
            # A path through a relation to many rows may return a key twice.
            keys = list(dict.fromkeys(following.order_by("pk").values_list("pk", flat=True)[:size]))
            if not keys:
                return
            last = keys[-1]
            for _numbers, record in self._load(rows.filter(pk__in=keys)):
                yield record
                limit = None if limit is None else limit - 1

    def get(self, id: str) -> Record | None:
        """Return the record with this id, or None."""
        loaded = self._load(self._rows_with_id(id))
        return next((record for _numbers, record in loaded), None)

    def set_tenant(self, instance: Any) -> None:
        """Set the actor's tenant on a new instance.

        ``tenant`` may be a column of the model or a unique key of a related model. Does nothing for
        longer paths.
        """
        if not self.tenant:
            return
        fields = resolve_path(self.model, self.tenant)
        head, key = fields[0], parse(fields[-1], self.backend.tenant)
        if len(fields) == 1:
            setattr(instance, head.attname, key)
        elif len(fields) == 2 and fields[1].unique and getattr(instance, head.attname) is None:
            related = head.related_model._default_manager.filter(
                equals(head.related_model, fields[1].name, key)
            ).first()
            setattr(instance, head.name, related)

    def validate(self, instance: Any, changed: Sequence[str] | None = None) -> None:
        """Validate a new instance, or an existing one in its ``changed`` columns.

        Raises ``InvalidInput``. Empty fields listed in ``optional`` are accepted.
        """
        excluded = {name for name in self.optional if not getattr(instance, name, True)}
        with as_invalid():
            if changed is None:
                instance.full_clean(exclude=excluded)
            elif changed:
                columns = instance._meta.concrete_fields
                unchanged = {field.name for field in columns if field.attname not in changed}
                instance.clean_fields(exclude=excluded | unchanged)
                instance.validate_unique(exclude=excluded)
                instance.validate_constraints(exclude=excluded)

    def save(self, instance: Any) -> None:
        """Save the instance. Raises ``InvalidInput`` if ``save()`` or the database refuses it."""
        with as_invalid():
            instance.save()

    def _rows_with_id(self, id: str) -> QuerySet[Any, Any]:
        """Return the row with this id, or no row if the actor has no access to it."""
        key, rows = parse_id(self, id), self.get_queryset()
        return rows.none() if key is None else rows.filter(equals(self.model, "pk", key))

    def _load(self, rows: QuerySet[Any, Any]) -> Iterator[tuple[set[str], Record]]:
        """Yield the records of ``rows`` by primary key, each with the set of all its numbers."""
        for row, numbers in group_rows(self, rows, self.columns()):
            all_numbers = {number for of_role in numbers.values() for number in of_role}
            yield all_numbers, self.to_record(row, numbers)

    def _atomic(self) -> Any:
        """Open a transaction on the model's database."""
        return databases.atomic(self.model)


# A directory, or its class.
AnyDirectory: TypeAlias = ModelDirectory[Any] | type[ModelDirectory[Any]]


def parse_id(directory: AnyDirectory, id: str) -> Any:
    """Convert an id to a primary key of the directory's model; None if it cannot be one."""
    return parse(directory.model._meta.pk, id)


def phone_paths(directory: AnyDirectory) -> set[str]:
    """Return the paths in ``phones`` of all roles."""
    return {path for paths in directory.phones.values() for path in split(paths)}


def group_rows(
    directory: AnyDirectory,
    rows: QuerySet[Any, Any],
    columns: Iterable[str],
    read: Callable[[Any], list[str]] = read_numbers,
) -> Iterator[tuple[Row, Numbers]]:
    """Yield each of ``rows`` by primary key with its numbers by role, in one query.

    The join with the phone table returns a contact once per number. With
    ``phones = {"phone": "office"}``, ``kinds = {"work": "phone", "cell": "mobile"}`` and these rows
    of the query::

        pk=7  office="020 915 0100"  ringotel_numbers__label="cell"  ..._digits="083 920 0100"
        pk=7  office="020 915 0100"  ringotel_numbers__label="work"  ..._digits="020 915 0101"

    one pair is returned: the columns of the first row, and ::

        {"phone": ["+353209150100", "+353209150101"], "mobile": ["+353839200100"], "": []}
    """
    wanted = {"pk", *columns, *phone_paths(directory)}
    order = ["pk"]
    if table := directory.phone_table:
        where = Q(**{join(table.relation, name): value for name, value in table.where.items()})
        rows = rows.annotate(**{NUMBERS: FilteredRelation(table.relation, condition=where)})
        wanted |= {join(NUMBERS, name) for name in (table.number, table.kind) if name}
        order.append(join(NUMBERS, "pk"))
    lines = rows.order_by(*order).values(*sorted(wanted))
    for _pk, group in groupby(lines, key=itemgetter("pk")):
        same_pk = list(group)
        yield same_pk[0], _numbers_by_role(directory, same_pk, read)


def _numbers_by_role(
    directory: AnyDirectory, same_pk: Sequence[Row], read: Callable[[Any], list[str]]
) -> Numbers:
    """Collect the numbers of a contact: first its columns, then its phone table by preference."""
    numbers: dict[str, list[str]] = {"phone": [], "mobile": [], "": []}
    for role, paths in directory.phones.items():
        for path in split(paths):
            numbers[role] += read(same_pk[0][path])
    if table := directory.phone_table:
        number = join(NUMBERS, table.number)
        kind = join(NUMBERS, table.kind) if table.kind else ""
        for row in sorted(same_pk, key=lambda row: table.rank(row.get(kind))):
            numbers[table.role(row.get(kind))] += read(row[number])
    return numbers


def indexed_keys(directory: ModelDirectory[Any], numbers: Sequence[str]) -> list[Any]:
    """Return the primary keys of the directory's rows that the index has for these numbers."""
    content_type = content_type_id(directory.model)
    tenant = directory.backend.tenant if directory.tenant else ""
    keys = [
        parse_id(directory, id)
        for entries in _index_entries(directory.backend, numbers)
        for id in entries.get((tenant, content_type), ())
    ]
    return [key for key in keys if key is not None]


def _index_entries(
    backend: Backend, numbers: Sequence[str]
) -> list[Mapping[tuple[str, int], Sequence[str]]]:
    """Return, for each number, the object ids in the index by tenant and content type.

    Each number is queried once per backend, because all directories share the result.
    """
    memo: dict[str, dict[tuple[str, int], list[str]]] = backend.__dict__.setdefault(
        "_index_entries", {}
    )
    if new := [number for number in numbers if number not in memo]:
        memo |= {number: {} for number in new}
        for e164, tenant, content_type, id in query_index(new, backend.tenant):
            memo[e164].setdefault((tenant, content_type), []).append(id)
    return [memo[number] for number in numbers]


def query_index(
    numbers: Sequence[str], tenant: str
) -> QuerySet[PhoneIndex, tuple[str, str, int, str]]:
    """Select (number, tenant, content type, object id) of the entries for these numbers.

    Includes entries without a tenant. At most :data:`MAX_SHARED` entries.
    """
    rows = PhoneIndex.objects.filter(e164__in=numbers, tenant__in=sorted({"", tenant}))
    columns = rows.values_list("e164", "tenant", "content_type_id", "object_id")
    return columns.order_by("pk")[:MAX_SHARED]


def related_rows(instance: Any, name: str) -> tuple[Any, dict[str, Any]]:
    """Return the manager of a related phone table, and the values that link a new row."""
    relation = instance._meta.get_field(name)
    if isinstance(relation, GenericRelation):
        content_type = ContentType.objects.get_for_model(
            instance, for_concrete_model=relation.for_concrete_model
        )
        owner = {
            relation.content_type_field_name: content_type,
            relation.object_id_field_name: instance.pk,
        }
        return getattr(instance, name), owner
    return getattr(instance, relation.get_accessor_name()), {relation.field.name: instance}
