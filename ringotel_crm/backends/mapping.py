"""Field mapping: paths of fields, and tables of phone numbers.

A *path* is what ``QuerySet.values()`` accepts: ``"email"``, ``"company__name"``. Wherever a path is
accepted, a sequence of paths is accepted too; the first path with a value is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import CharField, F, Field, Model, Q, TextField
from django.db.models.constants import LOOKUP_SEP

from ..models.fields import ExactText

Paths: TypeAlias = str | Sequence[str]


class UnknownField(FieldDoesNotExist):
    """A path contains ``name``, which is not a field of ``model``."""

    def __init__(self, model: type[Model], name: str) -> None:
        super().__init__(f"{model._meta.label} has no field {name!r}.")
        self.model = model
        self.name = name


@dataclass(frozen=True, kw_only=True)
class PhoneTable:
    """A related table with one row per phone number.

    ``relation`` is the query name of the relation from the contact to the table, ``number`` the
    field with the number. ``kinds`` maps values of the field ``kind`` to ``"phone"`` or
    ``"mobile"``, in order of preference; numbers of other kinds are used for lookups only. Without
    ``kind``, every number is a phone. ``where`` restricts the rows: ``{"deleted": False}``.

    A number received from Ringotel replaces the first number of the first kind of its role.
    """

    relation: str
    number: str
    kind: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)

    def role(self, kind: Any) -> str:
        """Return ``"phone"``, ``"mobile"`` or ``""`` for a value of the field ``kind``."""
        return self.kinds.get(kind, "") if self.kind else "phone"

    def rank(self, kind: Any) -> int:
        """Return the position of ``kind`` in the order of preference; unlisted kinds are last."""
        return list(self.kinds).index(kind) if kind in self.kinds else len(self.kinds)

    def values_for(self, role: str) -> dict[str, str] | None:
        """Return the values of a new row with a number of ``role``; None if no kind has it."""
        if not self.kind:
            return {} if role == "phone" else None
        kinds = (kind for kind, kind_role in self.kinds.items() if kind_role == role)
        return next(({self.kind: kind} for kind in kinds), None)


def split(paths: Paths) -> tuple[str, ...]:
    """Return one path or several as a tuple, without empty ones."""
    if isinstance(paths, str):
        paths = (paths,)
    return tuple(path for path in paths if path)


def resolve_path(model: type[Model], path: str) -> list[Any]:
    """Return the fields along ``path``, starting at ``model``. Raises :class:`UnknownField`."""
    fields: list[Any] = []
    for name in path.split(LOOKUP_SEP):
        current = fields[-1].related_model if fields else model
        if current is None:  # the previous field is not a relation
            raise UnknownField(fields[-1].model, path)
        try:
            field = current._meta.pk if name == "pk" else current._meta.get_field(name)
        except FieldDoesNotExist:
            raise UnknownField(current, name) from None
        fields.append(field)
    return fields


def join(*parts: str) -> str:
    """Join the non-empty parts to a path."""
    return LOOKUP_SEP.join(part for part in parts if part)


def first_value(row: Mapping[str, Any], paths: Paths) -> str:
    """Return the first value of ``row`` at these paths that is not blank, as text, or ""."""
    for path in split(paths):
        if (value := row[path]) is not None and (text := str(value).strip()):
            return text
    return ""


def equals(model: type[Model], path: str, value: Any) -> Any:
    """Return the condition that the field at ``path`` equals ``value`` exactly.

    The default collations of MySQL and MariaDB ignore case, accents and trailing spaces.
    """
    field = _key_field(resolve_path(model, path)[-1])
    is_text = isinstance(field, CharField | TextField)
    return ExactText(F(path), value) if is_text else Q(**{path: value})


def _key_field(field: Any) -> Any:
    while field.remote_field:  # a key that is itself a relation, as in multi-table inheritance
        field = field.target_field
    return field


def parse(field: Field[Any, Any], text: str) -> Any:
    """Convert ``text`` to a value of a key field; None if it is not how a key is written."""
    field = _key_field(field)
    try:
        value = field.to_python(text)
        field.run_validators(value)
    except (ValidationError, ValueError, OverflowError):
        return None
    return value if str(value) == text and "\0" not in text else None
