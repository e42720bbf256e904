"""Change list and paginator that never count a whole table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError, OperationalError, ProgrammingError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..models.search import first_keys

PAGES_AHEAD = 10
# A list ends after this page: a database reads all rows before the one that a page begins with.
MAX_PAGES = 1000
# The same for a list whose rows are looked up, and selected by their primary keys.
MAX_PAGES_LOOKED_UP = 40

# Raised by query parameters that no filter creates: NUL on PostgreSQL, the year -1, a range with
# one end.
INVALID_LOOKUP_ERRORS = (
    *(DataError, NotSupportedError, ProgrammingError),
    *(IndexError, NotImplementedError, OverflowError, TypeError, ValueError),
)


def mark_incomplete(request: HttpRequest) -> None:
    """Let the list that responds to ``request`` report that the search found too many rows."""
    request.ringotel_is_incomplete = True  # type: ignore[attr-defined]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Paginator that counts rows only up to :data:`PAGES_AHEAD` pages after the current one, and
    has at most :attr:`max_pages` pages."""

    current_page = 1
    max_pages = MAX_PAGES

    @cached_property
    def limit(self) -> int:
        """The number of rows after which counting stops."""
        return min(self.current_page + PAGES_AHEAD, self.max_pages) * self.per_page + 1

    def look_up(self, conditions: Sequence[Q]) -> None:
        """Read the keys of the rows up to :attr:`limit`, see :func:`first_keys`."""
        self.max_pages = MAX_PAGES_LOOKED_UP
        rows: Any = self.object_list
        self.object_list = rows.filter(pk__in=first_keys(rows, conditions, self.limit))

    @cached_property
    def count(self) -> int:
        """The number of rows, at most :attr:`limit`."""
        return len(self.first_keys) if self.current_page == 1 else self._keys().count()

    @cached_property
    def first_keys(self) -> list[Any]:
        """The primary keys of the rows in no order, at most :attr:`limit`."""
        return list(self._keys())

    def _keys(self) -> QuerySet[Any]:
        rows: Any = self.object_list
        keys: QuerySet[Any] = rows.order_by().values_list("pk", flat=True)[: self.limit]
        return keys

    @cached_property
    def num_pages(self) -> int:
        return min(super().num_pages, self.max_pages)

    @property
    def has_more_rows(self) -> bool:
        """Whether the current page is the last one, but not the end of the rows."""
        return self.is_cut and self.current_page >= self.max_pages

    @property
    def is_cut(self) -> bool:
        """Whether counting stopped at the limit, so more rows may exist."""
        return self.count == self.limit


@dataclass(frozen=True)
class ActiveFilter:
    """A filter that is in use. ``url`` leads to the list without it."""

    name: str
    value: str
    url: str


class LargeTableChangeList(ChangeList):
    """Shows the result count below the list only, and which filters are in use above it."""

    def get_active_filters(self) -> list[ActiveFilter]:
        """Return the search, the filters in use, and the other conditions of the URL as one."""
        in_use = self.get_filters_params().items()
        others = [name for name, values in in_use if any(values) and name != SEARCH_VAR]
        active = []
        if self.query:
            active.append(self._active(_("Search text"), self.query, [SEARCH_VAR]))
        for spec in self.filter_specs:
            names = [name for name in spec.expected_parameters() if name]
            if not {*names}.isdisjoint(others):
                _all, *choices = spec.choices(self)
                selected = [str(choice["display"]) for choice in choices if choice["selected"]]
                if selected:
                    active.append(self._active(capfirst(str(spec.title)), selected[0], names))
            others = [name for name in others if name not in names]
        if others:
            active.append(self._active(_("Selected from another page"), "", others))
        return active

    def get_unfiltered_url(self) -> str:
        """Return the URL of the list without any filter and search."""
        url: str = self.get_query_string(remove=[*self.get_filters_params(), SEARCH_VAR])
        return url

    def _active(self, name: str, value: str, parameters: Sequence[str]) -> ActiveFilter:
        return ActiveFilter(name, value, self.get_query_string(remove=parameters))

    def get_results(self, request: HttpRequest) -> None:
        """Report lookups that the database refuses as ``IncorrectLookupParameters``."""
        try:
            super().get_results(request)
        except INVALID_LOOKUP_ERRORS as exc:
            raise IncorrectLookupParameters from exc
        except OperationalError as exc:
            if "expression tree" in str(exc).lower():  # SQLite: too many parameters
                raise IncorrectLookupParameters from exc
            raise
        if not self.multi_page:
            # A database does not know that the rows are few, and might read the whole table in the
            # order of the list.
            self.result_list = self.queryset.filter(pk__in=self.paginator.first_keys)
        if getattr(request, "ringotel_is_incomplete", False):
            warning = _("Too many rows match to list all of them. Add a word or a filter.")
            messages.warning(request, warning, fail_silently=True)
        # Equal counts keep the search form from repeating the result count.
        self.full_result_count = self.result_count
