"""What an import does with the rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .cells import escape_formula


class Outcome(TextChoices):
    """What becomes of a row."""

    CREATED = "created", _("created")
    CHANGED = "changed", _("changed")
    UNCHANGED = "unchanged", _("left alone")
    REFUSED = "refused", _("refused")


@dataclass(kw_only=True)
class RowResult:
    """The outcome of one row. ``messages`` are reasons of a refusal, or warnings."""

    number: int
    outcome: Outcome
    label: str = ""
    messages: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)


def refused_header(headers: Sequence[str]) -> list[str]:
    """Return the header of a CSV file of refused rows."""
    return [*map(escape_formula, headers), gettext("Row in the file"), gettext("Reason")]


def refused_row(cells: Sequence[str], number: int, reasons: Sequence[str]) -> list[str]:
    """Return a row of a CSV file of refused rows."""
    return [*map(escape_formula, cells), str(number), " ".join(reasons)]
