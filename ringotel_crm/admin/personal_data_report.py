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
}
LABELS = {
    "contact": gettext_lazy("contact"),
    "numbers": gettext_lazy("numbers"),
    "contact_deleted": gettext_lazy("contact deleted"),
    "index_entries": gettext_lazy("entries of the phone index"),
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
NUMBERS = {"caller_number", "called_number", "remote_number", "e164", "phone", "mobile", "numbers"}


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report."""

    title: str
    headers: list[str]
    rows: list[list[str]]


def label(name: str) -> str:
    """Return the label of a kind of data, such as "calls"; of the host's kinds, the name."""
    if model := MODELS.get(name):
        return str(capfirst(model._meta.verbose_name_plural))
    return str(capfirst(LABELS.get(name) or name.replace("_", " ")))


def get_sections(data: dict[str, Any]) -> list[Section]:
    """Return a section per kind of data that is not empty, without columns that are.

    ``data`` is the result of ``services.privacy.export.collect_data``. Webhook events are left
    out: they repeat the calls and messages in a form for machines.
    """
    starts = {call["id"]: call["start"] for call in data["calls"]}
    sections = []
    for name, value in data.items():
        rows = value if isinstance(value, list) else [value] if value else []
        if name == "events" or not rows:
            continue
        rows = [row if isinstance(row, dict) else {name: row} for row in rows]
        columns = [
            column
            for column in dict.fromkeys(column for row in rows for column in row)
            if column not in HIDDEN and any(row.get(column) not in (None, "") for row in rows)
        ]
        fields = {column: _field(name, column) for column in columns}
        for row in rows:
            if "activity_id" in row:  # the call is identified by its start
                row["activity_id"] = starts.get(row["activity_id"])
        sections.append(
            Section(
                label(name),
                [_header(column, fields[column]) for column in columns],
                [[_text(c, row.get(c), fields[c]) for c in columns] for row in rows],
            )
        )
    return sections


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
    if value is None or value == "":
        return ""
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
