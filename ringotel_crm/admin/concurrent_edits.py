"""Forms of objects that others may change while the form is open.

The form posts, in hidden inputs, the values with which it was opened, so that three cases can be
distinguished for each field that has another value by now. With two people who opened the form
while ``job_title`` was "Buyer", and the first of whom has saved "Head buyer":

=====================  ====================================================
The second one posts   Result
=====================  ====================================================
Buyer                  "Head buyer" is kept, and a message reports it.
Head buyer             Nothing to do.
Purchasing             The form is shown again, with an error at the field.
                       Saving it once more replaces "Head buyer".
=====================  ====================================================
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.utils import display_for_field
from django.contrib.contenttypes.models import ContentType
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.utils.text import Truncator, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import override

from .html import user_name

# The hidden input with the time at which the form was opened, in seconds since 1970.
OPENED = "ringotel_opened"
MAX_VALUE_LENGTH = 200
MAX_LOG_ENTRIES = 20
MAX_DIGITS = 10


class ConcurrentEditFormMixin:
    """Mixin of a model form: compare the values in the database with those the form had first."""

    fields: Any
    data: Any
    instance: Any
    # Returns the name of the user who changed the field with this label, or "".
    find_editor: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Labels of the fields that keep a value that others have saved.
        self.kept: list[str] = []
        self._compared = [] if self.instance._state.adding else self._comparable()
        for name in self._compared:
            self.fields[name].show_hidden_initial = True

    def _comparable(self) -> list[str]:
        """Return the names of the compared fields: none if the page has no initial values."""
        meta = self.instance._meta
        columns = {field.name for field in (*meta.concrete_fields, *meta.many_to_many)}
        names = [
            name
            for name, field in self.fields.items()
            if name in columns
            and not (field.disabled or isinstance(field, forms.FileField))
            and not isinstance(field.widget, forms.PasswordInput)
        ]
        posted = any(self[name].html_initial_name in self.data for name in names)  # type: ignore[index]
        return names if posted or not self.is_bound else []  # type: ignore[attr-defined]

    def clean(self) -> Any:
        """Keep, or report as errors, values that have changed since the form was opened."""
        for field in (self[name] for name in self._compared):  # type: ignore[index]
            current = _hidden_inputs(field)
            if current == self._posted(current):
                continue
            if field.name not in self.changed_data:  # type: ignore[attr-defined]
                self._keep(field)
            elif field.field.has_changed(field.initial, field.data):
                self._report(field, current)
        return super().clean()  # type: ignore[misc]

    def _posted(self, names: Any) -> dict[str, list[str]]:
        """Return the values with which the form was opened, by the names of hidden inputs."""
        return {name: _normalized(self.data.getlist(name)) for name in names}

    def _keep(self, field: BoundField) -> None:
        value = getattr(self.instance, field.name)
        is_many = field.name in {field.name for field in self.instance._meta.many_to_many}
        self.cleaned_data[field.name] = list(value.all()) if is_many else value  # type: ignore[attr-defined]
        self.errors.pop(field.name, None)  # type: ignore[attr-defined]
        editor = self._editor(field)
        self.kept.append(f"{field.label} ({editor})" if editor else str(field.label))

    def _report(self, field: BoundField, current: dict[str, list[str]]) -> None:
        """Add an error, and let the form that is shown again compare with the current value."""
        editor = self._editor(field)
        if editor:
            text = _(
                "%(user)s changed this to “%(value)s” after you opened the page. Save again to"
                " replace it."
            )
        else:
            text = _(
                "This was changed to “%(value)s” after you opened the page. Save again to replace"
                " it."
            )
        self.add_error(field.name, text % {"user": editor, "value": self._readable(field)})  # type: ignore[attr-defined]
        self.data = self.data.copy()
        for name, values in current.items():
            self.data.setlist(name, values)

    def _editor(self, field: BoundField) -> str:
        with override(None):  # as the admin stores labels in its log
            label = str(field.field.label or field.name)
        return str(self.find_editor(label)) if self.find_editor else ""

    def _readable(self, field: BoundField) -> str:
        """Return the current value as text."""
        column = self.instance._meta.get_field(field.name)
        value = getattr(self.instance, field.name)
        if isinstance(value, bool):
            text = _("Yes") if value else _("No")
        elif column.many_to_many:
            text = get_text_list([str(row) for row in value.all()], _("and"))
        else:
            text = str(value if column.is_relation else display_for_field(value, column, ""))
        return Truncator(text or _("empty")).chars(MAX_VALUE_LENGTH)


def _hidden_inputs(field: BoundField) -> dict[str, list[str]]:
    """Return the values of the hidden inputs with the current value of ``field``, by name."""
    widget = field.field.hidden_widget()
    widget.is_localized = field.field.localize
    value = field.field.prepare_value(field.initial)
    context = widget.get_context(field.html_initial_name, value, {})["widget"]
    values: dict[str, list[Any]] = {field.html_initial_name: []}
    for part in context.get("subwidgets", [context]):
        values.setdefault(part["name"], []).append(part["value"])
    return {name: _normalized(of_name) for name, of_name in values.items()}


def _normalized(values: list[Any]) -> list[str]:
    """Return texts as databases store them: browsers send line breaks as CRLF. Sorted."""
    texts = (str(value).replace("\r\n", "\n") for value in values if value is not None)
    return sorted(text for text in texts if text)


class ConcurrentEditAdminMixin:
    """Mixin of a model admin: compare forms and inlines as :class:`ConcurrentEditFormMixin` does.

    The page needs the hidden input :data:`OPENED` to name the users who changed something.
    """

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, *args, **kwargs)  # type: ignore[misc]
        return _with_comparison(form, request, obj)

    def get_formsets_with_inlines(
        self, request: HttpRequest, obj: Any = None
    ) -> Iterator[tuple[Any, Any]]:
        for formset, inline in super().get_formsets_with_inlines(request, obj):  # type: ignore[misc]
            formset.form = _with_comparison(formset.form, request, obj)
            yield formset, inline

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the time at which the form was opened, which stays when it is shown again."""
        opened = request.POST.get(OPENED) or int(time.time())
        response: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, {**context, OPENED: opened}, *args, **kwargs
        )
        return response

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Report the values that others have saved and that are kept."""
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        forms_saved = [form, *(row for formset in formsets for row in formset.forms)]
        if kept := [label for saved in forms_saved for label in getattr(saved, "kept", ())]:
            text = _("Changed after you opened the page, and kept: %(fields)s.")
            self.message_user(request, text % {"fields": ", ".join(kept)}, "warning")  # type: ignore[attr-defined]


def _with_comparison(form: Any, request: HttpRequest, obj: Any) -> Any:
    """Return a subclass of the form that compares."""
    find_editor = staticmethod(partial(_find_editor, request, obj))
    bases = (ConcurrentEditFormMixin, form)
    return type(form)(form.__name__, bases, {"find_editor": find_editor})


def _find_editor(request: HttpRequest, obj: Any, label: str) -> str:
    """Return who last changed the field with this label after the form was opened, or ""."""
    opened = _parse_time(request.POST.get(OPENED, ""))
    if opened is None:
        return ""
    # Not above: without the admin, the package is imported for its helpers.
    from django.contrib.admin.models import LogEntry

    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(obj, for_concrete_model=False),
        object_id=str(obj.pk),
        action_time__gte=opened,
    )
    for entry in entries.select_related("user").order_by("-pk")[:MAX_LOG_ENTRIES]:
        if label in _changed_labels(entry.change_message):
            return user_name(entry.user)
    return ""


def _parse_time(text: str) -> dt.datetime | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        return None
    return dt.datetime.fromtimestamp(int(text), tz=dt.UTC if settings.USE_TZ else None)


def _changed_labels(change_message: str) -> set[str]:
    """Return the labels in a message of Django's log; none in a message that is plain text."""
    try:
        changes = [change.get("changed", {}) for change in json.loads(change_message)]
    except (ValueError, AttributeError, TypeError):
        return set()
    return {label for change in changes for label in change.get("fields", ())}
