"""Export of calls as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain, islice

from django.db.models import QuerySet

from .. import databases
from ..contact_files.cells import escape_formula
from ..hooks.streaming import Stream
from ..models import Activity
from ..templatetags.ringotel import ringotel_status

EXPORT_COLUMNS = (
    "call_id",
    "start",
    "end",
    "duration",
    "direction",
    "status",
    "caller_number",
    "caller_e164",
    "called_number",
    "called_e164",
    "extension",
    "agent_name",
    "contact_name",
    "subject",
    "comment",
)


class PseudoBuffer:
    """File-like object for streaming CSV: ``write()`` returns the text."""

    def write(self, text: str) -> str:
        return text


def stream_csv(queryset: QuerySet[Activity]) -> Stream:
    """Respond with the calls, the latest first, a page of them in memory at a time."""
    writer = csv.writer(PseudoBuffer())
    titles = [str(Activity._meta.get_field(name).verbose_name) for name in EXPORT_COLUMNS]  # type: ignore[union-attr]
    calls = databases.by_primary_key(
        queryset.select_related(None).only(*EXPORT_COLUMNS, "updated_at"), latest_first=True
    )
    # The first row is fetched here, while an error can still become an error response.
    calls = chain(list(islice(calls, 1)), calls)

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow(titles)
        while page := list(islice(calls, databases.PAGE)):
            databases.release_connections()  # the client may read slowly
            for call in page:
                row = {name: getattr(call, name) for name in EXPORT_COLUMNS}
                row["status"] = ringotel_status(call)
                yield writer.writerow(
                    escape_formula(value) if isinstance(value, str) else value
                    for value in row.values()
                )

    headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    return Stream(lines(), content_type="text/csv; charset=utf-8", headers=headers)
