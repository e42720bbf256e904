"""Change list and paginator that never count a whole table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import (
    ALL_VAR,
    ORDER_VAR,
    PAGE_VAR,
    SEARCH_VAR,
    ChangeList,
)
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError, OperationalError, ProgrammingError
from django.db.models import Q
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..internal.time_limits import TimeLimitExceeded, time_limit
from ..models.search import first_keys

PAGES_AHEAD = 10
# A list ends after this page: a database reads all rows before the one that a page begins with.
MAX_PAGES = 1000
# The same for a list whose rows are looked up by conditions, and selected by their primary keys.
MAX_PAGES_LOOKED_UP = 40
# Rows that are selected by their primary keys, at most.
MAX_KEYS = 2001
# Seconds for a query of a list with a filter, and the rows added last to which the list is limited
# if it takes longer.
MAX_SECONDS = 1.5
LATEST_ROWS = 200_000
# The condition for these rows. It is in the URL, so that all pages and actions have the same rows.
LATEST = "pk__gt"

# Raised by query parameters that no filter creates: NUL on PostgreSQL, the year -1, a range with
# one end.
INVALID_LOOKUP_ERRORS = (
    *(DataError, NotSupportedError, ProgrammingError),
    *(IndexError, NotImplementedError, OverflowError, TypeError, ValueError),
)


class ListTakesTooLong(Exception):
    """The queries of a list take too long. ``url`` leads to a list of the rows added last."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def mark_incomplete(request: HttpRequest) -> None:
    """Let the list that responds to ``request`` report that the search found too many rows."""
    request.ringotel_is_incomplete = True  # type: ignore[attr-defined]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Paginator that counts rows only up to :data:`PAGES_AHEAD` pages after the current one, and
    has at most :attr:`max_pages` pages."""

    current_page = 1
    max_pages = MAX_PAGES
    # The primary keys of all rows of the pages, None if they are not known.
    keys: set[Any] | None = None

    @cached_property
    def limit(self) -> int:
        """The number of rows after which counting stops."""
        return min(self.current_page + PAGES_AHEAD, self.max_pages) * self.per_page + 1

    def read_keys(self, conditions: Sequence[Q]) -> None:
        """Count the rows by reading their primary keys. ``conditions`` are those of
        :func:`first_keys`.
        """
        rows: Any = self.object_list
        if conditions:
            self.max_pages = MAX_PAGES_LOOKED_UP
        elif self.limit > MAX_KEYS:
            return
        keys = first_keys(rows if conditions else rows.order_by(), conditions, self.limit)
        self.count = min(len(keys), self.limit)
        if conditions or not self.is_cut:
            self.keys = keys

    @cached_property
    def count(self) -> int:
        """The number of rows, at most :attr:`limit`."""
        rows: Any = self.object_list
        count: int = rows.order_by().values("pk")[: self.limit].count()
        return count

    @cached_property
    def num_pages(self) -> int:
        return min(super().num_pages, self.max_pages)

    @property
    def has_more_rows(self) -> bool:
        """Whether the current page is the last one, but not the end of the rows."""
        return self.is_cut and self.current_page >= self.max_pages

    @property
    def lower_bound(self) -> int:
        """If counting stopped, there are more rows than this number."""
        return self.limit - 1

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

    def get_query_string(
        self, new_params: dict[str, Any] | None = None, remove: Iterable[str] | None = None
    ) -> str:
        """Keep :data:`LATEST` for other pages and orders: with another filter, reading all rows may
        be fast.
        """
        added = new_params or {}
        if remove or not {*added} <= {ALL_VAR, ORDER_VAR, PAGE_VAR}:
            added = {name: value for name, value in added.items() if name != LATEST}
            remove = [*(remove or ()), LATEST]
        url: str = super().get_query_string(added, remove)
        return url

    def get_active_filters(self) -> list[ActiveFilter]:
        """Return the search, the filters in use, and the other conditions of the URL as one."""
        in_use = self.get_filters_params().items()
        others = [
            name for name, values in in_use if any(values) and name not in (SEARCH_VAR, LATEST)
        ]
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
        """Read the rows of the page, and report what is left out.

        Raises :class:`ListTakesTooLong` for a page with a filter. An action is not limited, so that
        it has the rows that were listed.
        """
        # A router may choose another database for each query.
        using = self.queryset.db
        self.queryset = self.queryset.using(using)
        self.root_queryset = self.root_queryset.using(using)
        is_limited = request.method != "POST" and request.GET and LATEST not in request.GET
        try:
            with time_limit(using, MAX_SECONDS) if is_limited else nullcontext():
                self._read(request)
        except TimeLimitExceeded:
            keys = self.model._default_manager.using(using).order_by("-pk")
            last = keys.values_list("pk", flat=True)[LATEST_ROWS : LATEST_ROWS + 1].first()
            if last is not None:
                raise ListTakesTooLong(super().get_query_string({LATEST: last})) from None
            self._read(request)
        warnings = []
        if self.params.pop(LATEST, None):  # another search is of all rows
            warnings.append(
                _(
                    "Searching all rows takes too long. Only those among the %(number)s rows added "
                    "last were searched. Add a filter to search others."
                )
                % {"number": number_format(LATEST_ROWS, force_grouping=True)}
            )
        if getattr(request, "ringotel_is_incomplete", False):
            warnings.append(_("Too many rows match to list all of them. Add a word or a filter."))
        for warning in warnings if request.method == "GET" else ():
            messages.warning(request, warning, fail_silently=True)
        # Equal counts keep the search form from repeating the result count.
        self.full_result_count = self.result_count

    def _read(self, request: HttpRequest) -> None:
        """Read the rows of the page. Raises ``IncorrectLookupParameters`` for lookups that the
        database refuses.
        """
        try:
            super().get_results(request)
            if self.paginator.keys is not None:
                # A database does not know that the rows are few, and might read the whole table in
                # the order of the list. They are not filtered again: with two lists of keys, from a
                # search too, PostgreSQL does not use the index.
                rows = self.root_queryset.filter(pk__in=self.paginator.keys)
                rows = self.apply_select_related(rows)
                self.paginator.object_list = rows.order_by(*self.get_ordering(request, rows))
            is_whole = not self.multi_page or (self.show_all and self.can_show_all)
            page = self.paginator if is_whole else self.paginator.page(self.page_num)
            self.result_list = list(page.object_list)
        except INVALID_LOOKUP_ERRORS as exc:
            raise IncorrectLookupParameters from exc
        except OperationalError as exc:
            if "expression tree" in str(exc).lower():  # SQLite: too many parameters
                raise IncorrectLookupParameters from exc
            raise
