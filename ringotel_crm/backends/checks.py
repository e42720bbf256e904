"""What a backend's author can get wrong, found by ``manage.py check`` and not by the first caller."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import models

from .base import Backend, ContactDirectory, Directory, OrganizationDirectory, UserDirectory
from .composite import SEPARATOR, CompositeContactDirectory
from .mapping import UnknownField, join, split, steps
from .model import ModelContactDirectory, ModelOrganizationDirectory, ModelUserDirectory
from .model_rows import ModelDirectory

OURS = {
    *ModelContactDirectory.__mro__,
    *ModelOrganizationDirectory.__mro__,
    *ModelUserDirectory.__mro__,
}
ROLES = ("phone", "mobile", "")
NO_TEXT = (
    *(
        models.BooleanField,
        models.DateField,
        models.TimeField,
        models.DurationField,
        models.JSONField,
    ),
    *(models.FileField, models.BinaryField, models.FloatField, models.DecimalField),
)


def check_backend(backend: type[Backend]) -> Iterator[CheckMessage]:
    """Every directory of ``backend``."""
    kinds: list[tuple[str, type[Directory]]] = [
        ("user_directory", UserDirectory),
        ("contact_directory", ContactDirectory),
        ("organization_directory", OrganizationDirectory),
    ]
    for attribute, kind in kinds:
        directory = getattr(backend, attribute, None)
        if directory is None and attribute == "organization_directory":
            continue
        if not (isinstance(directory, type) and issubclass(directory, kind)):
            yield Error(
                f"{backend.__name__}.{attribute} is not a subclass of {kind.__name__}.",
                hint=f"Write {attribute} = the class that you derived from {kind.__name__} or one of its subclasses.",
                obj=backend,
                id="ringotel_crm.E020",
            )
            continue
        for member in (directory, *directory.component_classes()):
            yield from _check_methods(member)
        if issubclass(directory, CompositeContactDirectory):
            yield from _check_parts(directory)
        for member in directory.component_classes():
            if issubclass(member, ModelDirectory):
                yield from _check_mapping(member)


def _check_methods(directory: type[Directory]) -> Iterator[CheckMessage]:
    if missing := sorted(getattr(directory, "__abstractmethods__", ())):
        yield Error(
            f"{directory.__name__} lacks {', '.join(missing)}.",
            hint="Write these methods, or derive from a class that has them, such as ModelContactDirectory.",
            obj=directory,
            id="ringotel_crm.E021",
        )
    if not issubclass(directory, ContactDirectory):
        return
    for flag, names in (("can_create", ("create", "find_existing")), ("can_update", ("update",))):
        if getattr(directory, flag) and any(
            getattr(directory, n) is getattr(ContactDirectory, n) for n in names
        ):
            yield Error(
                f"{directory.__name__} says {flag}, and lacks {' or '.join(names)}.",
                hint=f"Write {' and '.join(names)}, or {flag} = False.",
                obj=directory,
                id="ringotel_crm.E022",
            )


def _check_parts(directory: type[CompositeContactDirectory]) -> Iterator[CheckMessage]:
    parts = getattr(directory, "parts", {})
    if (
        not parts
        or (directory.creates and directory.creates not in parts)
        or any(SEPARATOR in name for name in parts)
    ):
        yield Error(
            f"{directory.__name__}: parts and creates do not go together.",
            hint=f'Write parts = {{"person": People, "lead": Leads}}, names without "{SEPARATOR}", and creates = one '
            "of these names, or leave it out.",
            obj=directory,
            id="ringotel_crm.E031",
        )
    seen: dict[Any, type[ModelDirectory[Any]]] = {}
    for member in directory.component_classes():
        if not issubclass(member, ModelDirectory) or not hasattr(member, "model"):
            continue
        other = seen.setdefault(member.model, member)
        if (other.phones, other.phone_table, other.tenant) != (
            member.phones,
            member.phone_table,
            member.tenant,
        ):
            yield Error(
                f"{other.__name__} and {member.__name__} read different numbers of the same rows.",
                hint="Give both the same phones, phone_table and tenant, or one of them a proxy model.",
                obj=directory,
                id="ringotel_crm.E032",
            )


def _check_mapping(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    model = getattr(directory, "model", None)
    if (
        not (isinstance(model, type) and issubclass(model, models.Model))
        or model._meta.abstract
        or model._meta.swapped
    ):
        yield Error(
            f"{directory.__name__}.model is not a model with a table.",
            hint="Write model = the class of the rows; not an abstract one, and not its name as text.",
            obj=directory,
            id="ringotel_crm.E023",
        )
        return
    if isinstance(model._meta.pk, getattr(models, "CompositePrimaryKey", ())):
        yield Error(
            f"The primary key of {model._meta.label} is made of several columns, to which a call cannot point.",
            hint="Derive from ContactDirectory instead, and make one text of the key.",
            obj=directory,
            id="ringotel_crm.E024",
        )
    yield from _check_words(directory)
    for attribute in directory.text_attributes:
        for path in split(getattr(directory, attribute)):
            yield from _check_path(directory, attribute, path)
    for attribute in ("created_at", "updated_at"):
        for path in split(getattr(directory, attribute)):
            yield from _check_path(directory, attribute, path, wanted=models.DateTimeField)
    for attribute in ("tenant", "user", "main_contact", "optional"):
        for path in split(getattr(directory, attribute, "")):
            yield from _check_path(directory, attribute, path, wanted=models.Field)
    yield from _check_phones(directory)
    if issubclass(directory, ModelContactDirectory) and not any(map(split, _names_of(directory))):
        yield Error(
            f"{directory.__name__} does not say what its people are called.",
            hint='Write first_name = "..." and last_name = "...", or name = "..." where it is one field.',
            obj=directory,
            id="ringotel_crm.E028",
        )


def _check_words(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    """A word of the mapping that is written wrongly would say nothing: that of the tenant would hide nothing."""
    known = {name for base in directory.__mro__ if base in OURS for name in vars(base)}
    written = {name for base in directory.__mro__ if base not in OURS for name in vars(base)}
    for name in sorted(written - known):
        if not name.startswith("_") and (
            near := difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        ):
            yield Warning(
                f"{directory.__name__}.{name} is nothing that a directory reads.",
                hint=f'Did you mean "{near[0]}"? If not, call it _{name}.',
                obj=directory,
                id="ringotel_crm.W033",
            )


def _names_of(directory: type[ModelContactDirectory]) -> tuple[Any, ...]:
    return directory.first_name, directory.last_name, directory.name


def _check_phones(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    phones: Any = directory.phones
    table = directory.phone_table
    if (
        not isinstance(phones, Mapping)
        or not {*phones} <= {*ROLES}
        or (table and not {*table.kinds.values()} <= {*ROLES})
    ):
        yield Error(
            f"{directory.__name__}: numbers are shown as phone or as mobile, and as nothing else.",
            hint='Write phones = {"phone": ("office_phone", "home_phone"), "mobile": "cell"}.',
            obj=directory,
            id="ringotel_crm.E025",
        )
        return
    for role, paths in phones.items():
        for path in split(paths):
            yield from _check_path(directory, f'phones["{role}"]', path)
    if table:
        yield from _check_path(
            directory, "phone_table.relation", table.relation, wanted=models.ForeignKey, many=True
        )
        for attribute, name in (
            ("number", table.number),
            ("kind", table.kind),
            *(("where", name) for name in table.where),
        ):
            if name:
                wanted = None if attribute == "number" else models.Field
                path = join(table.relation, name)
                yield from _check_path(
                    directory, f"phone_table.{attribute}", path, wanted=wanted, many=True
                )
    if issubclass(directory, ModelContactDirectory) and not (phones or table):
        yield Warning(
            f"{directory.__name__} has no numbers, so nobody in it is recognised.",
            hint='Write phones = {"phone": "...", "mobile": "..."}, or phone_table = PhoneTable(...).',
            obj=directory,
            id="ringotel_crm.W029",
        )


def _check_path(
    directory: type[ModelDirectory[Any]],
    attribute: str,
    path: str,
    *,
    wanted: Any = None,
    many: bool = False,
) -> Iterator[CheckMessage]:
    """``wanted`` is the class of the last field, by default text; ``many``: the path may lead to several rows."""
    where = f"{directory.__name__}.{attribute} = {path!r}"
    try:
        fields = steps(directory.model, path)
    except UnknownField as exc:
        names = [field.name for field in exc.model._meta.get_fields()]
        near = difflib.get_close_matches(exc.name, names, n=1)
        yield Error(
            f"{where}: {exc}",
            hint=f'Did you mean "{near[0]}"?'
            if near
            else f"There are: {', '.join(sorted(names))}.",
            obj=directory,
            id="ringotel_crm.E026",
        )
        return
    *along, last = fields
    if wanted is None:
        right = not last.is_relation and not isinstance(
            getattr(last, "output_field", last), NO_TEXT
        )
    elif wanted is models.ForeignKey:
        right = bool(last.one_to_many)
    else:
        right = isinstance(last, wanted) and not last.many_to_many
    if many:
        along = along[1:]
    if not right or any(field.one_to_many or field.many_to_many for field in along):
        name = (
            "a table of numbers with a foreign key to the model"
            if wanted is models.ForeignKey
            else None
        )
        yield Error(
            f"{where} leads to {_describe(fields)}.",
            hint=f"Name {name or getattr(wanted, '__name__', 'a field of text')} that each row has one of"
            + (
                f', such as "{path}__name".'
                if last.is_relation and wanted is None
                else "; numbers in a table: PhoneTable."
            ),
            obj=directory,
            id="ringotel_crm.E027",
        )


def _describe(fields: list[Any]) -> str:
    for field in fields:
        if field.one_to_many or field.many_to_many:
            return f"several rows of {field.related_model._meta.label}"
    return f"a {type(fields[-1]).__name__}"
