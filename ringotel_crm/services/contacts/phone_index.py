"""Keeping the phone index up to date with the mapped tables.

Rows are compared with their entries without a lock, and only those that differ are written: the row
is locked and read again while its entries are written. Two writers, or a writer and the command,
therefore never leave entries that neither of them intended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.core.signals import setting_changed
from django.db import connections, reset_queries, router, transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from ... import databases
from ...backends import Backend, get_backend_class
from ...backends.mapping import join, resolve_path, split
from ...backends.model_rows import (
    ModelDirectory,
    content_type_id,
    group_rows,
    parse_id,
    phone_paths,
    read_numbers,
)
from ...exceptions import InvalidBackend
from ...models import Activity, Conversation, FollowUp, Note, PhoneIndex
from ...models.search import MAX_KEYS, prefix_q, trailing_digits
from ...records import ContactReference

# A directory with phone numbers in the index.
Mapped: TypeAlias = type[ModelDirectory[Any]]
# Object id -> (tenant, number) pairs.
Entries: TypeAlias = dict[str, set[tuple[str, str]]]
# Reads the E.164 numbers in the value of a field.
ReadNumbers: TypeAlias = Callable[[Any], list[str]]

# Rows per query.
BATCH = 1000


def mapped_directories(backend: type[Backend]) -> list[Mapped]:
    """Return the directories of ``backend`` whose numbers are in the index."""
    components = list(backend.contact_directory.component_classes())
    if backend.organization_directory:
        components += backend.organization_directory.component_classes()
    return [
        component
        for component in components
        if issubclass(component, ModelDirectory) and (component.phones or component.phone_table)
    ]


@databases.fresh_reads()
def sync(
    directory: Mapped, keys: Sequence[Any], *, using: str | None = None, dry: bool = False
) -> tuple[int, int]:
    """Update the entries of the rows with these primary keys, unless ``dry``.

    ``using`` is the database to read the rows from. Returns the numbers of missing and of surplus
    entries.
    """
    read = _memoize(read_numbers)
    expected, stored = _expected_entries(directory, keys, using, read), _stored(directory, keys)
    differing = [key for key in keys if expected[str(key)] != stored[str(key)]]
    if differing and not dry:
        _write(directory, differing, using, read)
    missing = sum(len(expected[str(key)] - stored[str(key)]) for key in differing)
    return missing, sum(len(stored[str(key)] - expected[str(key)]) for key in differing)


def _expected_entries(
    directory: Mapped, keys: Sequence[Any], using: str | None, read: ReadNumbers
) -> Entries:
    rows = directory.all_rows().using(using).filter(pk__in=keys)
    entries: Entries = defaultdict(set)
    for row, numbers in group_rows(directory, rows, split(directory.tenant), read):
        tenant = str(row[directory.tenant]) if directory.tenant else ""
        for e164s in numbers.values():
            entries[str(row["pk"])].update((tenant, e164) for e164 in e164s)
    return entries


def _stored(directory: Mapped, keys: Sequence[Any]) -> Entries:
    entries: Entries = defaultdict(set)
    rows = _index_rows(directory, keys)
    for id, tenant, e164 in rows.values_list("object_id", "tenant", "e164"):
        entries[id].add((tenant, e164))
    return entries


def _index_rows(directory: Mapped, keys: Sequence[Any]) -> Any:
    return PhoneIndex.objects.filter(
        content_type_id=content_type_id(directory.model), object_id__in=[str(key) for key in keys]
    )


def _write(
    directory: Mapped,
    keys: Sequence[Any],
    using: str | None,
    read: ReadNumbers,
    *,
    is_empty: bool = False,
) -> Entries:
    """Lock the rows, replace their entries, and return these.

    ``is_empty``: the index has no entries of this model, so that none have to be deleted.
    """
    alias = using or router.db_for_write(directory.model)
    with databases.atomic(), transaction.atomic(using=alias):
        _lock(directory.model._base_manager.using(alias).filter(pk__in=keys))
        if not is_empty:
            _index_rows(directory, keys).delete()
        entries = _expected_entries(directory, keys, alias, read)
        content_type = content_type_id(directory.model)
        # With two databases, a concurrent transaction may have written the same entry.
        PhoneIndex.objects.bulk_create(
            [
                PhoneIndex(content_type_id=content_type, object_id=id, tenant=tenant, e164=e164)
                for id, pairs in entries.items()
                for tenant, e164 in pairs
            ],
            ignore_conflicts=True,
        )
    return entries


def _lock(rows: QuerySet[Any]) -> None:
    """Lock ``rows`` by reading them.

    SQLite cannot: there, the first statement of the transaction has to write (see locks.upsert).
    """
    features = connections[rows.db].features
    if features.has_select_for_update:
        rows = rows.select_for_update(no_key=features.has_select_for_no_key_update)
        list(rows.order_by("pk").values_list("pk"))


def _memoize(read: ReadNumbers) -> ReadNumbers:
    """Return ``read`` with a memory: parsing a number takes longer than finding its row."""
    memo: dict[Any, list[str]] = {}

    def read_once(value: Any) -> list[str]:
        if value not in memo:
            memo[value] = read(value)
        return memo[value]

    return read_once


def rebuild(
    directory: Mapped, *, after: str = "", dry: bool = False
) -> Iterator[tuple[str, int, int, int]]:
    """Update the entries of all rows in batches by primary key, starting after the id ``after``.

    With ``dry``, nothing is written. Yields, per batch, the last id and the numbers of rows, of
    missing and of surplus entries.
    """
    last = parse_id(directory, after) if after else None
    alias = router.db_for_write(directory.model)
    index = PhoneIndex.objects.using(databases.write_alias())
    entries = index.filter(content_type_id=content_type_id(directory.model))
    # An empty index need not be compared: rows saved while this runs write correct entries.
    is_empty = not (dry or entries.exists())
    if not (is_empty or dry):
        _analyze()
    while True:
        rows = directory.all_rows().using(alias).order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        if not (keys := list(dict.fromkeys(rows.values_list("pk", flat=True)[:BATCH]))):
            break
        last = keys[-1]
        if is_empty:
            written = _write(directory, keys, alias, read_numbers, is_empty=True)
            yield str(last), len(keys), sum(map(len, written.values())), 0
        else:
            yield str(last), len(keys), *sync(directory, keys, using=alias, dry=dry)
        reset_queries()  # collected if DEBUG
    if is_empty:
        _analyze()


def _analyze() -> None:
    """Update PostgreSQL's statistics: without them, it scans a table that was just filled."""
    connection = connections[databases.write_alias()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(PhoneIndex._meta.db_table)}")


def keys_ending_in(model: type[Model], text: str) -> list[str]:
    """Return the primary keys, as text, of at most :data:`MAX_KEYS` objects of ``model`` that have
    a number ending in ``text``. Empty if ``text`` is not a part of a number.
    """
    if not (digits := trailing_digits(text)):
        return []
    entries = PhoneIndex.objects.filter(
        prefix_q("e164_reversed", digits), content_type_id=content_type_id(model)
    )
    return list(dict.fromkeys(entries.values_list("object_id", flat=True)[:MAX_KEYS]))


def prune(directories: Sequence[Mapped], *, dry: bool = False) -> Iterator[tuple[int, int]]:
    """Delete the entries of rows that no longer exist or are not mapped, unless ``dry``.

    Yields, per batch, the numbers of entries and of those deleted.
    """
    by_content_type = {content_type_id(directory.model): directory for directory in directories}
    last = 0
    index = PhoneIndex.objects.using(databases.write_alias()).order_by("pk")
    in_order = index.values_list("pk", "content_type_id", "object_id")
    while entries := list(in_order.filter(pk__gt=last)[:BATCH]):
        last = entries[-1][0]
        orphaned: list[int] = []
        for content_type in {content_type for _pk, content_type, _id in entries}:
            ids = {pk: id for pk, entry_type, id in entries if entry_type == content_type}
            directory = by_content_type.get(content_type)
            existing = _existing_ids(directory, set(ids.values())) if directory else set()
            orphaned += [pk for pk, id in ids.items() if id not in existing]
        if orphaned and not dry:
            PhoneIndex.objects.filter(pk__in=orphaned).delete()
        yield len(entries), len(orphaned)


def _existing_ids(directory: Mapped, ids: set[str]) -> set[str]:
    keys = {key for id in ids if (key := parse_id(directory, id)) is not None}
    rows = directory.all_rows().using(router.db_for_write(directory.model)).filter(pk__in=keys)
    return {str(key) for key in rows.values_list("pk", flat=True)}


def restricted_tables(directories: Sequence[Mapped]) -> list[str]:
    """Return the tables of these directories of which row-level security may hide rows from the
    current role.

    Only PostgreSQL has row-level security. It applies to neither superusers, roles with BYPASSRLS
    nor, unless forced, the owner of a table.
    """
    restricted: list[str] = []
    for directory in directories:
        connection = connections[router.db_for_write(directory.model)]
        if connection.vendor != "postgresql":
            continue
        tables = {observer.base._meta.db_table for observer in observers(directory)}
        with connection.cursor() as cursor:
            for table in sorted(tables - {*restricted}):
                name = connection.ops.quote_name(table)
                cursor.execute("SELECT row_security_active(to_regclass(%s))", [name])
                if cursor.fetchone()[0]:
                    restricted.append(table)
    return restricted


@dataclass(frozen=True)
class TableObserver:
    """Updates the entries of a directory when rows of ``base`` are saved or deleted.

    ``prefix`` is the path from the directory's model to ``base``, "" for the model itself.
    """

    directory: Mapped
    prefix: str
    base: type[Model]

    def keys(self, instance: Model, using: str) -> list[Any]:
        """Return the primary keys of the directory's rows that refer to ``instance``."""
        key = self.base._meta.pk
        value = getattr(instance, key.attname)
        if not self.prefix and self.base is self.directory.model._meta.concrete_model:
            return [value]
        rows = self.directory.all_rows().using(using).filter(**{join(self.prefix, key.name): value})
        return list(dict.fromkeys(rows.values_list("pk", flat=True)))

    def before(self, sender: Any, instance: Model, using: str, **kwargs: Any) -> None:
        """Store the rows that refer to ``instance`` before it is changed or deleted."""
        if self.prefix and not instance._state.adding:
            previous = instance.__dict__.setdefault("_ringotel_previous", {})
            previous[self] = self.keys(instance, using)

    def after(self, sender: Any, instance: Model, using: str, **kwargs: Any) -> None:
        """Update the entries of the rows that refer, or referred, to ``instance``."""
        previous = instance.__dict__.get("_ringotel_previous", {}).pop(self, [])
        keys = list(dict.fromkeys([*previous, *self.keys(instance, using)]))
        for start in range(0, len(keys), BATCH):
            sync(self.directory, keys[start : start + BATCH], using=using)


def observers(directory: Mapped) -> Iterator[TableObserver]:
    """Yield an observer for each model on the paths of the phone numbers and of the tenant.

    For example, a directory over ``Person`` with ::

        phones = {"phone": ("office_phone", "company__switchboard")}
        phone_table = PhoneTable(relation="numbers", number="digits")
        tenant = "company__branch__code"

    has the observers ``("", Person)``, ``("company", Company)`` and ``("numbers", PersonNumber)``:
    saving a company updates the entries of all its people. ``Branch``, the last model of the path
    of the tenant, is not observed, because its key does not change.

    Parents in multi-table inheritance are observed too.
    """
    paths = [(path, 1) for path in phone_paths(directory)]
    if table := directory.phone_table:
        paths.append((join(table.relation, table.number), 1))
    for path in split(directory.tenant):
        is_relation = resolve_path(directory.model, path)[-1].is_relation
        paths.append((path, 1 if is_relation else 2))
    bases = {"": directory.model._meta.concrete_model}
    for path, unobserved in paths:
        prefix = ""
        for field in resolve_path(directory.model, path)[:-unobserved]:
            prefix = join(prefix, field.name)
            bases[prefix] = field.related_model._meta.concrete_model
    for prefix, base in bases.items():
        for ancestor in (base, *base._meta.get_parent_list()):
            yield TableObserver(directory, prefix, ancestor)


def signal_senders(base: type[Model]) -> list[type[Model]]:
    """Return the models that send signals for rows of ``base``: it, its proxies and subclasses."""
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if issubclass(model, base)]


def detach_calls(
    sender: Any, instance: Model, using: str, *, model: type[Model], **kwargs: Any
) -> None:
    """Remove a deleted contact's name and reference from its calls and conversations.

    Notes and follow-ups lose the name only: the erasure finds them by the reference.
    """
    key = str(getattr(instance, model._meta.pk.attname))
    contact = ContactReference(type_id=ContentType.objects.get_for_model(model).pk, id=key).lookup
    unnamed = {"contact_name": "", "contact_name_normalized": ""}
    for rows in (Activity.objects, Conversation.objects):
        rows.filter(**contact).update(**ContactReference().lookup, **unnamed)
    for entries in (Note.objects, FollowUp.objects):
        entries.filter(**contact).update(contact_name="")


# The connected signals, to disconnect them when the setting changes.
_connected: list[tuple[ModelSignal, Any, type[Model]]] = []


@receiver(setting_changed)
def connect(setting: str = "RINGOTEL_CRM", **kwargs: Any) -> None:
    """Observe the tables that the configured backend maps, and only those.

    Errors in the mapping are ignored: the system checks report them.
    """
    if setting != "RINGOTEL_CRM":
        return
    while _connected:
        signal, handler, sender = _connected.pop()
        signal.disconnect(handler, sender=sender)
    try:
        handlers = list(_handlers(get_backend_class()))
    except (InvalidBackend, FieldDoesNotExist, AttributeError):
        return
    for signal, handler, sender in handlers:
        signal.connect(handler, sender=sender, weak=False)
        _connected.append((signal, handler, sender))


def _handlers(backend: type[Backend]) -> Iterator[tuple[ModelSignal, Any, type[Model]]]:
    for component in backend.contact_directory.component_classes():
        model: Any = getattr(component, "model", None)
        if model:
            for sender in signal_senders(model._meta.concrete_model):
                yield post_delete, partial(detach_calls, model=model), sender
    for directory in mapped_directories(backend):
        for observer in observers(directory):
            for sender in signal_senders(observer.base):
                yield from ((signal, observer.before, sender) for signal in (pre_save, pre_delete))
                yield from ((signal, observer.after, sender) for signal in (post_save, post_delete))
