"""Call subjects."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .base import LargeTableAdmin


class CallSubjectAdmin(LargeTableAdmin):
    """Call subjects; ``ringotel_sync_subjects`` keeps Ringotel's list the same."""

    empty_message = _(
        "Subjects offered to staff; “manage.py ringotel_sync_subjects” sends them to Ringotel."
    )
    list_display = ("name",)
    search_fields = ("name",)
    fields = ("name",)
