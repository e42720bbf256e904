"""Keeping the index of numbers as the mapped tables are.

Rows are compared without a lock, and only those that differ are written: a row is locked while its entries are,
and read again under the lock, so that two writers, or a writer and the command, cannot leave what neither of them saw.
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
from django.db.models import Model
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from ...backends import Backend, get_backend_class
from ...backends.mapping import join, split, steps
from ...backends.model_rows import ModelDirectory, content_type_id, read_numbers
from ...exceptions import InvalidBackend
from ...models import Activity, Conversation, PhoneIndex

Mapped: TypeAlias = type[ModelDirectory[Any]]
Entries: TypeAlias = dict[str, set[tuple[str, str]]]  # object id -> tenant and number

BATCH = 1000


def mapped_directories(backend: type[Backend]) -> list[Mapped]:
    """The directories of this backend whose numbers are in the index."""
    directories = (backend.contact_directory, backend.organization_directory)
    return [
        member
        for directory in directories
        for member in (directory.component_classes() if directory else ())
        if issubclass(member, ModelDirectory) and (member.phones or member.phone_table)
    ]


def sync(
    directory: Mapped, keys: Sequence[Any], *, using: str | None = None, dry: bool = False
) -> tuple[int, int]:
    """Bring the entries of the rows with these primary keys up to date; how many were missing, how many too many."""
    read = _memoize(read_numbers)
    wanted, found = _wanted(directory, keys, using, read), _found(directory, keys)
    differing = [key for key in keys if wanted[str(key)] != found[str(key)]]
    if differing and not dry:
        _write(directory, differing, using, read)
    missing = sum(len(wanted[str(key)] - found[str(key)]) for key in differing)
    return missing, sum(len(found[str(key)] - wanted[str(key)]) for key in differing)


def _wanted(
    directory: Mapped, keys: Sequence[Any], using: str | None, read: Callable[[Any], list[str]]
) -> Entries:
    rows = directory.all_rows().using(using).filter(pk__in=keys)
    entries: Entries = defaultdict(set)
    for row, numbers in directory.grouped(rows, split(directory.tenant), read):
        tenant = str(row[directory.tenant]) if directory.tenant else ""
        entries[str(row["pk"])] = {(tenant, number) for held in numbers.values() for number in held}
    return entries


def _found(directory: Mapped, keys: Sequence[Any]) -> Entries:
    entries: Entries = defaultdict(set)
    for id, tenant, e164 in _entries_of(directory, keys).values_list("object_id", "tenant", "e164"):
        entries[id].add((tenant, e164))
    return entries


def _entries_of(directory: Mapped, keys: Sequence[Any]) -> Any:
    return PhoneIndex.objects.filter(
        content_type_id=content_type_id(directory.model), object_id__in=[str(key) for key in keys]
    )


def _write(
    directory: Mapped,
    keys: Sequence[Any],
    using: str | None,
    read: Callable[[Any], list[str]],
    *,
    first: bool = False,
) -> Entries:
    """What the rows have now, which is then in the index. ``first``: there is nothing in it that they had before."""
    alias = using or router.db_for_write(directory.model)
    with transaction.atomic(using=router.db_for_write(PhoneIndex)), transaction.atomic(using=alias):
        features = connections[alias].features
        if (
            features.has_select_for_update
        ):  # on SQLite the first statement has to write, see locks.upsert
            rows = directory.model._base_manager.using(alias).filter(pk__in=keys).order_by("pk")
            list(
                rows.select_for_update(no_key=features.has_select_for_no_key_update).values_list(
                    "pk"
                )
            )
        if not first:
            _entries_of(directory, keys).delete()
        kind = content_type_id(directory.model)
        wanted = _wanted(directory, keys, alias, read)
        entries = [
            PhoneIndex(content_type_id=kind, object_id=id, tenant=tenant, e164=e164)
            for id, held in wanted.items()
            for tenant, e164 in held
        ]
        # Where the tables are in two databases, the same entry may come from a transaction that is not over yet.
        PhoneIndex.objects.bulk_create(entries, ignore_conflicts=True)
    return wanted


def _memoize(read: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    """``read``, which does not look twice at the same text: reading a number takes longer than finding its row."""
    memo: dict[Any, list[str]] = {}

    def remembered(value: Any) -> list[str]:
        if value not in memo:
            memo[value] = read(value)
        return memo[value]

    return remembered


def rebuild(
    directory: Mapped, *, after: str = "", dry: bool = False
) -> Iterator[tuple[str, int, int, int]]:
    """Go through the rows by primary key, from behind ``after``.

    Yields the last id of each batch, and how many rows it had, how many entries were missing and how many too many.
    """
    last = directory.parse_id(after) if after else None
    alias = router.db_for_write(directory.model)
    # At first nothing has to be looked up in the index: who saves a row meanwhile leaves entries that are right.
    first = not (
        dry or PhoneIndex.objects.filter(content_type_id=content_type_id(directory.model)).exists()
    )
    if not (first or dry):
        _analyze()
    while True:
        rows = directory.all_rows().using(alias).order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        if not (keys := list(dict.fromkeys(rows.values_list("pk", flat=True)[:BATCH]))):
            break
        last = keys[-1]
        if first:
            written = _write(directory, keys, alias, read_numbers, first=True)
            yield str(last), len(keys), sum(map(len, written.values())), 0
        else:
            yield str(last), len(keys), *sync(directory, keys, using=alias, dry=dry)
        reset_queries()  # which DEBUG collects
    if first:
        _analyze()


def _analyze() -> None:
    """PostgreSQL would go through all of a table that was filled a moment ago, for each batch."""
    connection = connections[router.db_for_write(PhoneIndex)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(PhoneIndex._meta.db_table)}")


def prune(directories: Sequence[Mapped], *, dry: bool = False) -> Iterator[tuple[int, int]]:
    """Go through the entries and remove those of rows that are gone.

    Yields how many entries were looked at, and how many of them removed.
    """
    by_kind = {content_type_id(directory.model): directory for directory in directories}
    last = 0
    in_order = PhoneIndex.objects.order_by("pk").values_list("pk", "content_type_id", "object_id")
    while entries := list(in_order.filter(pk__gt=last)[:BATCH]):
        last = entries[-1][0]
        gone = []
        for kind in {kind for _, kind, _ in entries}:
            of_kind = {pk: id for pk, its_kind, id in entries if its_kind == kind}
            present: set[str] = set()
            if directory := by_kind.get(kind):
                keys = {
                    key for id in of_kind.values() if (key := directory.parse_id(id)) is not None
                }
                alias = router.db_for_write(directory.model)
                rows = directory.all_rows().using(alias).filter(pk__in=keys)
                present = {str(key) for key in rows.values_list("pk", flat=True)}
            gone += [pk for pk, id in of_kind.items() if id not in present]
        if gone and not dry:
            PhoneIndex.objects.filter(pk__in=gone).delete()
        yield len(entries), len(gone)


@dataclass(frozen=True)
class TableObserver:
    """A table whose rows have a part in the index: the directory's own, or one that a path of a number goes through.

    ``prefix`` leads from the directory's model to ``base``, whose rows are saved and deleted.
    """

    directory: Mapped
    prefix: str
    base: type[Model]

    def keys(self, instance: Model, using: str) -> list[Any]:
        """The primary keys of the directory's rows that this instance belongs to."""
        key = self.base._meta.pk
        value = getattr(instance, key.attname)
        if not self.prefix and self.base is self.directory.model._meta.concrete_model:
            return [value]
        rows = self.directory.all_rows().using(using).filter(**{join(self.prefix, key.name): value})
        return list(dict.fromkeys(rows.values_list("pk", flat=True)))

    def before(self, sender: Any, instance: Model, using: str, **kwargs: Any) -> None:
        """Remember whose the row was: after it moved or is gone, nobody can tell."""
        if self.prefix and not instance._state.adding:
            instance.__dict__.setdefault("_ringotel_owners", {})[self] = self.keys(instance, using)

    def after(self, sender: Any, instance: Model, using: str, **kwargs: Any) -> None:
        """Bring the entries of those who have, or had, the row up to date."""
        owners = instance.__dict__.get("_ringotel_owners", {}).pop(self, [])
        keys = list(dict.fromkeys([*owners, *self.keys(instance, using)]))
        for begin in range(0, len(keys), BATCH):
            sync(self.directory, keys[begin : begin + BATCH], using=using)


def observers(directory: Mapped) -> Iterator[TableObserver]:
    """Of each table that the paths of numbers, and of the tenant, go through."""
    model = directory.model._meta.concrete_model
    paths = [*directory.phone_columns(), *split(directory.tenant)]
    if directory.phone_table:
        paths.append(join(directory.phone_table.relation, directory.phone_table.number))
    related = {"": model}
    for path in paths:
        prefix = ""
        along = steps(model, path)
        # What a tenant's own row says is its key, which stays: nobody wants to go through all contacts of a tenant.
        for field in along[: -2 if path == directory.tenant and not along[-1].is_relation else -1]:
            prefix = join(prefix, field.name)
            related[prefix] = field.related_model._meta.concrete_model
    for prefix, base in related.items():
        for ancestor in (base, *base._meta.get_parent_list()):
            yield TableObserver(directory, prefix, ancestor)


def signal_senders(base: type[Model]) -> list[type[Model]]:
    """The models whose signals tell of rows of ``base``: itself, its proxies, and what inherits from it."""
    return [
        model for model in apps.get_models(include_auto_created=True) if issubclass(model, base)
    ]


def detach_calls(
    sender: Any, instance: Model, using: str, *, model: type[Model], **kwargs: Any
) -> None:
    """The calls and messages of a contact that is gone point to nobody, and keep the name."""
    reference = {
        "contact_type": ContentType.objects.get_for_model(model),
        "contact_id": str(getattr(instance, model._meta.pk.attname)),
    }
    Activity.objects.filter(**reference).update(contact_type=None, contact_id="")
    Conversation.objects.filter(**reference).update(contact_type=None, contact_id="")


_connected: list[tuple[ModelSignal, Any, type[Model]]] = []


@receiver(setting_changed)
def connect(setting: str = "RINGOTEL_CRM", **kwargs: Any) -> None:
    """Follow the tables that the configured backend maps, and no others. What is wrong in it is left to the checks."""
    if setting != "RINGOTEL_CRM":
        return
    while _connected:
        signal, handler, sender = _connected.pop()
        signal.disconnect(handler, sender=sender)
    try:
        backend = get_backend_class()
        wanted = list(_handlers(backend))
    except (InvalidBackend, FieldDoesNotExist, AttributeError):
        return
    for signal, handler, sender in wanted:
        signal.connect(handler, sender=sender, weak=False)
        _connected.append((signal, handler, sender))


def _handlers(backend: type[Backend]) -> Iterator[tuple[ModelSignal, Any, type[Model]]]:
    for member in backend.contact_directory.component_classes():
        model: Any = getattr(member, "model", None)
        if model:
            for sender in signal_senders(model._meta.concrete_model):
                yield post_delete, partial(detach_calls, model=model), sender
    for directory in mapped_directories(backend):
        for follower in observers(directory):
            for sender in signal_senders(follower.base):
                yield from ((signal, follower.before, sender) for signal in (pre_save, pre_delete))
                yield from ((signal, follower.after, sender) for signal in (post_save, post_delete))
