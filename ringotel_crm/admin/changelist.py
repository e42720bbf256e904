"""Change list and paginator that never count a whole table."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError, OperationalError, ProgrammingError
from django.http import HttpRequest
from django.utils.functional import cached_property

PAGES_AHEAD = 10

# Raised by query parameters that no filter creates: NUL on PostgreSQL, the year -1, a range with
# one end.
INVALID_LOOKUP_ERRORS = (
    *(DataError, NotSupportedError, ProgrammingError),
    *(IndexError, NotImplementedError, OverflowError, TypeError, ValueError),
)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Paginator that counts rows only up to :data:`PAGES_AHEAD` pages after the current one."""

    current_page = 1

    @cached_property
    def limit(self) -> int:
        """The number of rows after which counting stops."""
        return (self.current_page + PAGES_AHEAD) * self.per_page + 1

    @cached_property
    def count(self) -> int:
        """The number of rows, at most :attr:`limit`."""
        rows: Any = self.object_list
        number: int = rows.order_by().values("pk")[: self.limit].count()
        return number

    @property
    def is_cut(self) -> bool:
        """Whether counting stopped at the limit, so more rows may exist."""
        return self.count == self.limit


class LargeTableChangeList(ChangeList):
    """Shows the result count below the list only."""

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
        # Equal counts keep the search form from repeating the result count.
        self.full_result_count = self.result_count
