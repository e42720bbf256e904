"""What the staff pages share."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import DataError, NotSupportedError, OperationalError, ProgrammingError
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponseBadRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .. import phone
from ..backends import Backend, get_backend
from ..backends.mapping import parse
from ..models import Activity, Recording
from ..records import Actor

PAGES_AHEAD = 10
# Where a formula can begin: in a cell, and behind what some spreadsheets part cells by.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+@\t\r\n＝＋－＠-])")
QUOTED_FORMULA = re.compile(r"(^|[;\t\r\n])'(?=[=+@\t\r\n＝＋－＠-])")
# What parameters raise that no filter makes: NUL on PostgreSQL, the year -1, a range with one end.
NONSENSE = (
    *(DataError, NotSupportedError, ProgrammingError),
    *(IndexError, NotImplementedError, OverflowError, TypeError, ValueError),
)
NUMBERS = re.compile(r"[+-][\d ().+/;x-]*", re.ASCII)
BACKEND = "_ringotel_backend"

MEDIA = forms.Media(css={"all": ["ringotel_crm/desk.css"]}, js=["ringotel_crm/desk.js", "ringotel_crm/call.js"])


def backend_for(request: HttpRequest) -> Backend:
    """The CRM as this person may see it; one for each request."""
    if not hasattr(request, BACKEND):
        setattr(request, BACKEND, get_backend(Actor(user=request.user)))
    backend: Backend = getattr(request, BACKEND)
    return backend


def player(recording: Recording) -> str:
    """A player that loads nothing before it is asked to, and the picture of the sound under it."""
    if recording.withdrawn:
        return _("deleted")
    return format_html(
        '<audio controls preload="none" src="{}"></audio><br>'
        '<img src="{}" alt="" loading="lazy" width="300" height="40">',
        reverse("ringotel_crm:recording", args=[recording.pk]),
        reverse("ringotel_crm:waveform", args=[recording.pk]),
    )


def play_link(recording: Recording, name: str, text: str) -> str:
    """One line high: a link to the sound, out of which the script makes a player once it is pressed."""
    if recording.withdrawn:
        return text
    return format_html(
        '<a class="ringotel-play" href="{}" aria-label="{}"><span aria-hidden="true">▶</span> {}</a>',
        reverse("ringotel_crm:recording", args=[recording.pk]),
        f"{text}, {_('Play the recording of the call with %(name)s') % {'name': name}}",
        text,
    )


def other_end(call: Activity) -> str:
    """The number outside, for people. What a phone says for a number that is hidden is no number."""
    number = call.outside_number
    is_hidden = phone.explain(number).refusal in (phone.Refusal.EMPTY, phone.Refusal.WITHHELD)
    return _("number withheld") if is_hidden else phone.display(number)


def moment(time: dt.datetime | None) -> str:
    """A time in the site's zone, which the script turns into the one of who looks at it."""
    if time is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', time.isoformat(), localize(timezone.localtime(time)))


def badge(kind: str, text: str) -> str:
    """A word in a colour. The colour says nothing that the word does not say."""
    return format_html('<span class="ringotel-badge ringotel-{}">{}</span>', kind, text)


def spreadsheet_cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula. Telephone numbers are none."""
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) and not NUMBERS.fullmatch(value) else value


def from_spreadsheet_cell(text: str) -> str:
    """The text that :func:`spreadsheet_cell` was given, or that somebody typed behind an apostrophe."""
    return QUOTED_FORMULA.sub(r"\1", text).removeprefix("'")


def change_url(content_type_id: int | None, object_id: str) -> str:
    """The page of an object in the admin; "" where it has none."""
    model = ContentType.objects.get_for_id(content_type_id).model_class() if content_type_id else None
    if model is None:
        return ""
    try:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[quote(object_id)])
    except NoReverseMatch:
        return ""


class KeySelect(AutocompleteSelect):
    """Django's, which would ask the database for whatever was sent."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """What may be a key, and is not."""
        key = self.field.remote_field.model._meta.pk
        return super().optgroups(name, [one for one in value if parse(key, str(one)) is not None], attrs)


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


class FastChangeList(ChangeList):
    """Says how many there are once, under the list."""

    def get_results(self, request: HttpRequest) -> None:
        """With a count that is known already as the full one, the search form does not repeat it."""
        try:
            super().get_results(request)
        except NONSENSE as exc:
            raise IncorrectLookupParameters from exc
        except OperationalError as exc:
            if "expression tree" in str(exc).lower():  # SQLite's word for too many parameters
                raise IncorrectLookupParameters from exc
            raise
        self.full_result_count = self.result_count


class FastAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that stays fast with a million rows: the table is never counted."""

    show_full_result_count = False
    list_per_page = 50
    change_list_template = "admin/ringotel_crm/change_list.html"
    # What a list without rows says: how they come to be.
    empty_text: Any = ""
    paginator = BoundedPaginator

    @property
    def media(self) -> forms.Media:
        """Our own style, and the scripts for players and times."""
        return super().media + MEDIA

    def action_checkbox(self, obj: Any) -> SafeString:
        """What Django makes of a template for each row, which is a fifth of the time of a list."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            _("Select this object for an action - {}").format(obj),
        )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """No regular expressions: one may take for ever."""
        is_regex = lookup.rpartition(LOOKUP_SEP)[2] in ("regex", "iregex")
        return not is_regex and super().lookup_allowed(lookup, value, request)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Only columns can be pointed to."""
        columns = {field.name for field in self.opts.concrete_fields}
        return to_field in columns and super().to_field_allowed(request, to_field)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """No field is meant by an empty name."""
        return super().get_object(request, object_id, from_field or None)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """With a field to search in, as Django's, that shows nothing for what is no key."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", KeySelect(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Keys that no row can have are none of the rows; some databases cannot even be asked for them."""
        if any(parse(self.opts.pk, key) is None for key in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            return HttpResponseBadRequest()
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The one that goes with the paginator."""
        return FastChangeList

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """One that knows which page is shown."""
        paginator: Any = super().get_paginator(request, queryset, *args, **kwargs)
        page = request.GET.get("p", "")
        paginator.shown = int(page) if page.isascii() and page.isdecimal() and len(page) < 8 else 1
        return paginator
