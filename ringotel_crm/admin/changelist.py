"""Changelist."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError, OperationalError, ProgrammingError
from django.http import HttpRequest
from django.utils.functional import cached_property

PAGES_AHEAD = 10


# What parameters raise that no filter makes: NUL on PostgreSQL, the year -1, a range with one end.
INVALID_LOOKUP_ERRORS = (
    *(DataError, NotSupportedError, ProgrammingError),
    *(IndexError, NotImplementedError, OverflowError, TypeError, ValueError),
)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts as far as the pages that are offered, and never the table."""

    shown = 1

    @cached_property
    def limit(self) -> int:
        """Up to where rows are counted."""
        return (self.shown + PAGES_AHEAD) * self.per_page + 1

    @cached_property
    def count(self) -> int:
        """How many there are, up to :attr:`limit`."""
        rows: Any = self.object_list
        number: int = rows.order_by().values("pk")[: self.limit].count()
        return number

    @property
    def is_cut(self) -> bool:
        """Whether there may be more."""
        return self.count == self.limit


class LargeTableChangeList(ChangeList):
    """Says how many there are once, under the list."""

    def get_results(self, request: HttpRequest) -> None:
        """With a count that is known already as the full one, the search form does not repeat it."""
        try:
            super().get_results(request)
        except INVALID_LOOKUP_ERRORS as exc:
            raise IncorrectLookupParameters from exc
        except OperationalError as exc:
            if "expression tree" in str(exc).lower():  # SQLite's word for too many parameters
                raise IncorrectLookupParameters from exc
            raise
        self.full_result_count = self.result_count
