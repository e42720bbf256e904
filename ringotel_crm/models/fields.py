"""Model fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.validators import validate_slug
from django.db import models
from django.db.models.lookups import Exact, IContains, IEndsWith, IExact, IStartsWith
from django.utils.translation import gettext_lazy as _

from ..phone.cleaning import clean, digits_in
from .search import normalize_for_search, strip_accents


def exact_collation(connection: Any) -> str | None:
    """Return the collation for exact comparison, None if the database compares exactly anyway.

    The default collations of MySQL and MariaDB ignore case, accents and trailing spaces.
    """
    if connection.vendor != "mysql":
        return None
    return "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"


if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


class ExactCharField(CharField):
    """Text that every database compares exactly."""

    def db_parameters(self, connection: Any) -> Any:
        """Add the collation, which therefore is not part of a migration."""
        parameters = super().db_parameters(connection)
        return {**parameters, "collation": self.db_collation or exact_collation(connection)}


class IdentifierField(ExactCharField):
    """A text id. Searches such as ``icontains`` ignore case, as on other fields."""


class SlugIdentifierField(IdentifierField):
    """An id of letters, digits, underscores and hyphens."""

    default_validators = [validate_slug]


def tenant_field() -> IdentifierField:
    """Return the field for the key of the tenant.

    64 characters fit into a composite index on every database.
    """
    return IdentifierField(_("tenant"), max_length=64, blank=True, default="", editable=False)


class _IgnoringCase:
    """A lookup that ignores case on MySQL and MariaDB too, where the collation decides it."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> tuple[str, Any]:
        sql, params = super().process_lhs(compiler, connection, lhs)  # type: ignore[misc]
        return f"{sql} COLLATE utf8mb4_general_ci" if connection.vendor == "mysql" else sql, params


class ExactText(Exact):
    """Whether a column of any collation is equal to a text. An index of the column is used."""

    lookup_name = "exact"

    def as_mysql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Compare by the collation, for the index, and byte by byte."""
        sql, params = self.as_sql(compiler, connection)
        lhs, lhs_params = self.process_lhs(compiler, connection)
        rhs, rhs_params = self.process_rhs(compiler, connection)
        left, right = (f"CAST(CONVERT({side} USING utf8mb4) AS BINARY)" for side in (lhs, rhs))
        return f"({sql} AND {left} = {right})", (*params, *lhs_params, *rhs_params)


for lookup in (IExact, IContains, IStartsWith, IEndsWith):
    IdentifierField.register_lookup(type(lookup.__name__, (_IgnoringCase, lookup), {}))


class DerivedField(ExactCharField):
    """Text derived from the field ``source``, so that a plain index serves on every database.

    The value is updated by ``save()`` and ``bulk_create()``, but not by ``QuerySet.update()``.
    """

    def __init__(self, *args: Any, source: str = "", **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **{"blank": True, "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.derive(getattr(model_instance, self.source), model_instance)[: self.max_length]
        setattr(model_instance, self.attname, value)
        return value

    def derive(self, text: str, instance: models.Model) -> str:
        """Return the value for ``text``, the value of the source."""
        raise NotImplementedError


class NormalizedField(DerivedField):
    """The source as returned by :func:`~ringotel_crm.models.search.normalize_for_search`."""

    def derive(self, text: str, instance: models.Model) -> str:
        return normalize_for_search(text)


class SearchField(DerivedField):
    """The source as returned by :func:`~ringotel_crm.models.search.strip_accents`."""

    def derive(self, text: str, instance: models.Model) -> str:
        return strip_accents(text)


class ReversedDigitsField(DerivedField):
    """The digits of the source, the last one first, so that an index finds the last digits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 32, **kwargs})

    def derive(self, text: str, instance: models.Model) -> str:
        return digits_in(clean(text))[::-1]
