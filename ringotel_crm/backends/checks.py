"""System checks for a backend's classes and their field mappings."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import models

from .base import Backend, ContactDirectory, Directory, OrganizationDirectory, UserDirectory
from .composite import SEPARATOR, CompositeContactDirectory
from .mapping import UnknownField, join, resolve_path, split
from .model import ModelContactDirectory, ModelOrganizationDirectory, ModelUserDirectory
from .model_rows import ModelDirectory

# The classes that a directory over models inherits from this package.
BASE_CLASSES = {
    *ModelContactDirectory.__mro__,
    *ModelOrganizationDirectory.__mro__,
    *ModelUserDirectory.__mro__,
}
# The roles of phone numbers.
ROLES = {"phone", "mobile", ""}
# Fields that are not read as text.
NON_TEXT_FIELDS = (
    models.BinaryField,
    models.BooleanField,
    models.DateField,
    models.DecimalField,
    models.DurationField,
    models.FileField,
    models.FloatField,
    models.JSONField,
    models.TimeField,
)
# The base class of each attribute of a backend.
DIRECTORIES: Mapping[str, type[Directory]] = {
    "user_directory": UserDirectory,
    "contact_directory": ContactDirectory,
    "organization_directory": OrganizationDirectory,
}
# The methods that each flag of a contact directory requires.
REQUIRED_METHODS = {
    "can_create": ("create", "find_existing"),
    "can_update": ("update",),
    "can_remove_numbers": ("remove_number",),
}

# Whether a mapping may use the last field of a path.
Accepts = Callable[[Any], bool]


def check_backend(backend: type[Backend]) -> Iterator[CheckMessage]:
    """Check every directory of ``backend``."""
    for attribute, base in DIRECTORIES.items():
        directory = getattr(backend, attribute, None)
        if directory is None and attribute == "organization_directory":
            continue
        if isinstance(directory, type) and issubclass(directory, base):
            yield from _check_directory(directory)
        else:
            yield Error(
                f"Invalid value for {backend.__name__}.{attribute}: {directory!r}.",
                hint=f"Must be a subclass of {base.__name__}. Example: {attribute} = MyDirectory",
                obj=backend,
                id="ringotel_crm.E020",
            )


def _check_directory(directory: type[Directory]) -> Iterator[CheckMessage]:
    components = directory.component_classes()
    for component in (directory, *components):
        yield from _check_methods(component)
    if issubclass(directory, CompositeContactDirectory):
        yield from _check_parts(directory)
        yield from _check_shared_models(directory)
    for component in components:
        if issubclass(component, ModelDirectory):
            yield from _check_mapping(component)


def _check_methods(directory: type[Directory]) -> Iterator[CheckMessage]:
    if missing := sorted(getattr(directory, "__abstractmethods__", ())):
        yield Error(
            f"{directory.__name__} does not implement {', '.join(missing)}.",
            hint="Implement these methods, or subclass for example ModelContactDirectory.",
            obj=directory,
            id="ringotel_crm.E021",
        )
    if not issubclass(directory, ContactDirectory):
        return
    for flag, names in REQUIRED_METHODS.items():
        inherited = [n for n in names if getattr(directory, n) is getattr(ContactDirectory, n)]
        if getattr(directory, flag) and inherited:
            yield Error(
                f"Invalid value for {directory.__name__}.{flag}: True requires the methods "
                f"{', '.join(names)}.",
                hint=f"Implement {', '.join(inherited)}, or set {flag} = False.",
                obj=directory,
                id="ringotel_crm.E022",
            )


def _check_parts(directory: type[CompositeContactDirectory]) -> Iterator[CheckMessage]:
    parts: Any = getattr(directory, "parts", {})
    attribute, value = "parts", parts
    is_valid = bool(parts) and not any(SEPARATOR in name for name in parts)
    if is_valid and directory.creates:
        attribute, value = "creates", directory.creates
        is_valid = directory.creates in parts
    if not is_valid:
        yield Error(
            f"Invalid value for {directory.__name__}.{attribute}: {value!r}.",
            hint=f'Names of parts must not contain "{SEPARATOR}", and creates must be one of them. '
            'Example: parts = {"person": People, "lead": Leads}, creates = "lead"',
            obj=directory,
            id="ringotel_crm.E031",
        )


def _check_shared_models(directory: type[CompositeContactDirectory]) -> Iterator[CheckMessage]:
    """Two parts over one model must agree on its numbers: the phone index has them per model."""
    first_by_model: dict[Any, type[ModelDirectory[Any]]] = {}
    for component in directory.component_classes():
        if not issubclass(component, ModelDirectory) or not hasattr(component, "model"):
            continue
        other = first_by_model.setdefault(component.model, component)
        if _indexed_attributes(component) != _indexed_attributes(other):
            yield Error(
                f"{other.__name__} and {component.__name__} have the same model and different "
                "phone numbers.",
                hint="Set the same phones, phone_table and tenant, or use a proxy model for one.",
                obj=directory,
                id="ringotel_crm.E032",
            )


def _indexed_attributes(directory: type[ModelDirectory[Any]]) -> tuple[Any, ...]:
    return directory.phones, directory.phone_table, directory.tenant


def _check_mapping(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    model = getattr(directory, "model", None)
    if (
        not (isinstance(model, type) and issubclass(model, models.Model))
        or model._meta.abstract
        or model._meta.swapped
    ):
        yield Error(
            f"Invalid value for {directory.__name__}.model: {model!r}.",
            hint="Must be a model class that is neither abstract nor swapped, and not its name as "
            "text. Example: model = Person",
            obj=directory,
            id="ringotel_crm.E023",
        )
        return
    if isinstance(model._meta.pk, getattr(models, "CompositePrimaryKey", ())):
        yield Error(
            f"Invalid value for {directory.__name__}.model: {model._meta.label} has a composite "
            "primary key, which calls cannot refer to.",
            hint="Subclass ContactDirectory instead, with ids that contain all columns of the key.",
            obj=directory,
            id="ringotel_crm.E024",
        )
    yield from _check_attribute_names(directory)
    yield from _check_paths(directory)
    yield from _check_phones(directory)
    if issubclass(directory, ModelContactDirectory):
        yield from _check_contact_mapping(directory)


def _check_contact_mapping(directory: type[ModelContactDirectory]) -> Iterator[CheckMessage]:
    if not any(map(split, (directory.first_name, directory.last_name, directory.name))):
        yield Error(
            f"{directory.__name__} does not map the names of contacts.",
            hint='Example: first_name = "given_name" and last_name = "surname", or name = "title"',
            obj=directory,
            id="ringotel_crm.E028",
        )
    if not (directory.phones or directory.phone_table):
        yield Warning(
            f"{directory.__name__} does not map phone numbers: callers are not identified.",
            hint='Example: phones = {"phone": "office", "mobile": "cell"}, '
            "or phone_table = PhoneTable(...)",
            obj=directory,
            id="ringotel_crm.W029",
        )


def _check_attribute_names(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    """Report misspelled attributes. They would be ignored, including that of the tenant."""
    base_classes = [base for base in directory.__mro__ if base in BASE_CLASSES]
    own_classes = [base for base in directory.__mro__ if base not in BASE_CLASSES]
    known = {name for base in base_classes for name in vars(base)}
    public = {name for name in known if not name.startswith("_")}
    defined = {name for base in own_classes for name in vars(base)}
    for name in sorted(defined - known):
        matches = difflib.get_close_matches(name, public, n=1, cutoff=0.8)
        if matches and not name.startswith("_"):
            yield Warning(
                f"{directory.__name__}.{name} is not an attribute of directories.",
                hint=f'Did you mean "{matches[0]}"? If not, rename it to _{name}.',
                obj=directory,
                id="ringotel_crm.W033",
            )


def _check_paths(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    checks: list[tuple[tuple[str, ...], str, Accepts]] = [
        (directory._text_attributes, "a text field", _is_text),
        (("created_at", "updated_at"), "a DateTimeField", _is_datetime),
        (("tenant", "user", "main_contact", "optional"), "a field with a single value", _is_column),
    ]
    for attributes, expected, accepts in checks:
        for attribute in attributes:
            for path in split(getattr(directory, attribute, "")):
                yield from _check_path(directory, attribute, path, expected, accepts)


def _check_phones(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    phones: Any = directory.phones
    table = directory.phone_table
    attribute, value = "phones", phones
    is_valid = isinstance(phones, Mapping) and {*phones} <= ROLES
    if is_valid and table:
        attribute, value = "phone_table.kinds", table.kinds
        is_valid = {*table.kinds.values()} <= ROLES
    if not is_valid:
        yield Error(
            f"Invalid value for {directory.__name__}.{attribute}: {value!r}.",
            hint='Roles are "phone", "mobile" and "". '
            'Example: phones = {"phone": ("office", "home"), "mobile": "cell", "": "fax"}',
            obj=directory,
            id="ringotel_crm.E025",
        )
        return
    for role, paths in phones.items():
        for path in split(paths):
            yield from _check_path(directory, f'phones["{role}"]', path, "a text field", _is_text)
    if table:
        yield from _check_phone_table(directory)


def _check_phone_table(directory: type[ModelDirectory[Any]]) -> Iterator[CheckMessage]:
    table = directory.phone_table
    assert table is not None
    relation = "a model with a foreign key or GenericRelation to this model"
    columns: list[tuple[str, str, str, Accepts]] = [
        ("relation", "", relation, lambda field: bool(field.one_to_many)),
        ("number", table.number, "a text field", _is_text),
        ("kind", table.kind, "a field with a single value", _is_column),
        *(("where", name, "a field with a single value", _is_column) for name in table.where),
    ]
    for attribute, name, expected, accepts in columns:
        if name or attribute == "relation":
            path = join(table.relation, name)
            yield from _check_path(
                directory, f"phone_table.{attribute}", path, expected, accepts, skip=1
            )


def _check_path(
    directory: type[ModelDirectory[Any]],
    attribute: str,
    path: str,
    expected: str,
    accepts: Accepts,
    *,
    skip: int = 0,
) -> Iterator[CheckMessage]:
    """Check that ``path`` exists and leads to a field that ``accepts``, described by ``expected``.

    Relations along the path must have a single row, except the first ``skip`` of them.
    """
    subject = f"Invalid value for {directory.__name__}.{attribute}: {path!r}."
    try:
        *along, last = resolve_path(directory.model, path)
    except UnknownField as exc:
        names = sorted(field.name for field in exc.model._meta.get_fields())
        matches = difflib.get_close_matches(exc.name, names, n=1)
        hint = f'Did you mean "{matches[0]}"?' if matches else f"Choices: {', '.join(names)}."
        yield Error(f"{subject} {exc}", hint=hint, obj=directory, id="ringotel_crm.E026")
        return
    to_many = [field for field in along[skip:] if field.one_to_many or field.many_to_many]
    if accepts(last) and not to_many:
        return
    hint = f"Must be {expected}."
    if attribute.startswith("phones") and (to_many or last.one_to_many):
        hint += " For a table of phone numbers, use PhoneTable."
    elif accepts is _is_text and last.is_relation:
        hint += f' Example: "{path}__name".'
    yield Error(
        f"{subject} It is {_describe([*to_many, last][0])}.",
        hint=hint,
        obj=directory,
        id="ringotel_crm.E027",
    )


def _is_text(field: Any) -> bool:
    output_field = getattr(field, "output_field", field)  # of a GeneratedField
    return not field.is_relation and not isinstance(output_field, NON_TEXT_FIELDS)


def _is_datetime(field: Any) -> bool:
    return isinstance(field, models.DateTimeField)


def _is_column(field: Any) -> bool:
    return isinstance(field, models.Field) and not field.many_to_many


def _describe(field: Any) -> str:
    if field.one_to_many or field.many_to_many:
        return f"a relation to many rows of {field.related_model._meta.label}"
    return f"a {type(field).__name__}"
