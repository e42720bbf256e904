"""The readable form of what is stored about a person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import localize
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import phone
from ..models import (
    Activity,
    Callback,
    CallLeg,
    FollowUp,
    LegalHold,
    Message,
    Note,
    PhoneIndex,
    Recording,
    WebhookEvent,
)
from ..templatetags.ringotel import ringotel_length

MODELS: dict[str, type[Model]] = {
    "calls": Activity,
    "phones": CallLeg,
    "recordings": Recording,
    "notes": Note,
    "follow_ups": FollowUp,
    "callbacks": Callback,
    "messages": Message,
    "legal_holds": LegalHold,
    "events": WebhookEvent,
    "index_entries": PhoneIndex,
}
LABELS = {
    "contact": gettext_lazy("contact"),
    "numbers": gettext_lazy("numbers"),
    "contact_deleted": gettext_lazy("contact deleted"),
    "log_entries": gettext_lazy("entries of the admin's history"),
    "reason": gettext_lazy("reason"),
    "name": gettext_lazy("name"),
    "first_name": gettext_lazy("first name"),
    "last_name": gettext_lazy("last name"),
    "email": gettext_lazy("e-mail"),
    "phone": gettext_lazy("phone"),
    "mobile": gettext_lazy("mobile"),
    "company_name": gettext_lazy("organization"),
    "job_title": gettext_lazy("job title"),
    "created_at": gettext_lazy("created"),
    "updated_at": gettext_lazy("updated"),
    "activity_id": gettext_lazy("call"),
}
# Columns without a meaning to a reader, and those that repeat another column.
HIDDEN = {"id", "call_id", "sha256", "caller_e164", "called_e164"}
# The kinds of rows that belong to calls.
OF_CALLS = ("recordings", "phones")
NUMBERS = {"caller_number", "called_number", "remote_number", "e164", "phone", "mobile", "numbers"}


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of a kind of data, each as pairs of label and text. ``note`` states which rows are
    not shown.
    """

    title: str
    rows: list[list[tuple[str, str]]]
    note: str


def label(name: str) -> str:
    """Return the label of a kind of data, such as "calls"; of the host's kinds, the name."""
    if model := MODELS.get(name):
        return str(capfirst(model._meta.verbose_name_plural))
    return str(capfirst(LABELS.get(name) or name.replace("_", " ")))


def get_sections(data: dict[str, Any], incomplete: set[str]) -> list[Section]:
    """Return a section per kind of data, without empty values.

    ``data`` and ``incomplete`` are the result of ``services.privacy.export.collect_data``.
    """
    lists = {
        name: value if isinstance(value, list) else [value] for name, value in data.items() if value
    }
    starts = _get_starts(lists)
    return [
        Section(label(name), [_pairs(name, row, starts) for row in rows], _note(name, incomplete))
        for name, rows in lists.items()
    ]


def _note(name: str, incomplete: set[str]) -> str:
    if name == "calls" and name in incomplete:
        return _("Only the latest calls are shown. The ZIP file contains all of them.")
    if name in incomplete:
        return _("Not all are shown. The ZIP file contains all of them.")
    if name in OF_CALLS and "calls" in incomplete:
        return _("Only those of the calls above are shown. The ZIP file contains all of them.")
    return ""


def _get_starts(lists: dict[str, list[Any]]) -> dict[int, Any]:
    """Return the starts of the calls that the rows refer to, by primary key."""
    rows = [row for name in MODELS for row in lists.get(name, ())]
    ids = {row["activity_id"] for row in rows if "activity_id" in row}
    return dict(Activity.objects.filter(pk__in=ids).values_list("pk", "start"))


def _pairs(name: str, row: Any, starts: dict[int, Any]) -> list[tuple[str, str]]:
    """Return the labels and texts of a row. A call is identified by its start."""
    values = dict(row) if isinstance(row, dict) else {name: row}
    if "activity_id" in values:
        values["activity_id"] = starts.get(values["activity_id"])
    fields = {column: _field(name, column) for column in values}
    return [
        (_header(column, fields[column]), _text(column, value, fields[column]))
        for column, value in values.items()
        if column not in HIDDEN and value not in (None, "")
    ]


def _field(name: str, column: str) -> Any:
    """Return the model's field for a column of the export, None without one."""
    model = MODELS.get(name)
    try:
        return get_fields_from_path(model, column)[-1] if model else None
    except FieldDoesNotExist:
        return None


def _header(column: str, field: Any) -> str:
    if field is None or column == "activity_id":
        return label(column)
    return str(capfirst(field.verbose_name))


def _text(column: str, value: Any, field: Any) -> str:
    """Format a value for reading."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dt.datetime):
        return str(localize(timezone.localtime(value)))
    if isinstance(value, dt.date):
        return str(localize(value))
    if choices := dict(getattr(field, "flatchoices", ())):
        return str(choices.get(value, value))
    if column.rpartition("__")[2] in NUMBERS:
        return phone.display(str(value))
    if column in ("duration", "seconds"):
        return ringotel_length(value)
    if column == "size":
        return filesizeformat(value)
    return str(value)
