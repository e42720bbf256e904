"""Call subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from ..models import CallSubject
from .base import TenantAdmin, backend_for

# Subjects that are offered.
MAX_SUBJECTS = 100


class CallSubjectAdmin(TenantAdmin):
    """Call subjects; ``ringotel_sync_subjects`` keeps Ringotel's list the same."""

    empty_message = _(
        "Subjects offered to staff; “manage.py ringotel_sync_subjects” sends them to Ringotel."
    )
    list_display = ("name",)
    search_fields = ("name",)
    fields = ("name",)


def offered_subjects(request: HttpRequest) -> list[str]:
    """Return the subjects that are offered where one is typed."""
    subjects = CallSubject.objects.filter(tenant=backend_for(request).tenant)
    return list(subjects.values_list("name", flat=True)[:MAX_SUBJECTS])


class SubjectInput(forms.TextInput):
    """Text input that offers subjects; others can be typed."""

    def __init__(self, subjects: Sequence[str]) -> None:
        super().__init__({"list": "ringotel-subjects", "dir": "auto", "class": "vTextField"})
        self.subjects = subjects

    def render(self, *args: Any, **kwargs: Any) -> Any:
        """Add the list of subjects after the input."""
        options = format_html_join("", '<option value="{}"></option>', zip(self.subjects))
        return format_html(
            '{}<datalist id="ringotel-subjects">{}</datalist>',
            super().render(*args, **kwargs),
            options,
        )
