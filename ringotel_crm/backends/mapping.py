"""The words in which a host says where its data stand: paths of fields, and the table of numbers.

A *path* is what ``QuerySet.values()`` takes: ``"email"``, ``"company__name"``. Wherever one is expected there
may be several, of which the first that holds something counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Model
from django.db.models.constants import LOOKUP_SEP

Paths: TypeAlias = str | Sequence[str]


class UnknownField(FieldDoesNotExist):
    """A step of a path that is none: ``model`` has no field ``name``."""

    def __init__(self, model: type[Model], name: str) -> None:
        super().__init__(f"{model._meta.label} has no field {name!r}.")
        self.model = model
        self.name = name


@dataclass(frozen=True, kw_only=True)
class PhoneTable:
    """A table with a row for each number of a contact.

    ``relation`` leads from the contact to it, as in a query. ``kinds`` says, in order of preference, for which values
    of the field ``kind`` a number is shown as ``"phone"`` or as ``"mobile"``; numbers of other kinds are looked up and
    not shown. A number that comes from Ringotel takes the place of the first one of the first kind of its sort.
    ``where`` leaves rows out: ``{"deleted": False}``. Without ``kind``, every number is a phone.
    """

    relation: str
    number: str
    kind: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)

    def role(self, kind: Any) -> str:
        """``"phone"``, ``"mobile"`` or ``""``."""
        return self.kinds.get(kind, "") if self.kind else "phone"

    def place(self, kind: Any) -> int:
        """Where a kind stands in the order of preference."""
        return list(self.kinds).index(kind) if kind in self.kinds else len(self.kinds)

    def kind_of(self, role: str) -> str | None:
        """The first kind of this role; None if there is none."""
        return next((kind for kind, of in self.kinds.items() if of == role), None)


def split(paths: Paths) -> tuple[str, ...]:
    """One path or several, as a tuple."""
    return tuple(path for path in ([paths] if isinstance(paths, str) else paths) if path)


def steps(model: type[Model], path: str) -> list[Any]:
    """The fields that a path goes along. Raises :class:`UnknownField`."""
    fields: list[Any] = []
    for name in path.split(LOOKUP_SEP):
        current = fields[-1].related_model if fields else model
        if current is None:  # a step beyond a field that leads nowhere
            raise UnknownField(fields[-1].model, path)
        try:
            fields.append(current._meta.pk if name == "pk" else current._meta.get_field(name))
        except FieldDoesNotExist:
            raise UnknownField(current, name) from None
    return fields


def join(*parts: str) -> str:
    """The path that these parts make."""
    return LOOKUP_SEP.join(part for part in parts if part)


def first(row: Mapping[str, Any], paths: Paths) -> str:
    """The first of these values that holds something, as text."""
    for path in split(paths):
        if (value := row[path]) is not None and (text := str(value).strip()):
            return text
    return ""


def parse(field: Field[Any, Any], text: str) -> Any:
    """The value of a key field that is written ``text``, or None for text that no key is written as."""
    while field.remote_field:  # a key that is itself a relation, as in multi-table inheritance
        field = field.target_field  # type: ignore[attr-defined]
    try:
        value = field.to_python(text)
        field.run_validators(value)
    except (ValidationError, ValueError, OverflowError):
        return None
    return value if str(value) == text and "\0" not in text else None
