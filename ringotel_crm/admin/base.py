"""What the staff pages share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponseBadRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..backends import Backend, get_backend
from ..backends.mapping import parse
from ..records import Actor
from .changelist import BoundedPaginator, LargeTableChangeList

BACKEND = "_ringotel_backend"


MEDIA = forms.Media(
    css={"all": ["ringotel_crm/admin.css"]},
    js=["ringotel_crm/admin.js", "ringotel_crm/click_to_call.js"],
)


def backend_for(request: HttpRequest) -> Backend:
    """The CRM as this person may see it; one for each request."""
    if not hasattr(request, BACKEND):
        setattr(request, BACKEND, get_backend(Actor(user=request.user)))
    backend: Backend = getattr(request, BACKEND)
    return backend


class ValidatedAutocompleteSelect(AutocompleteSelect):
    """Django's, which would ask the database for whatever was sent."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """What may be a key, and is not."""
        key = self.field.remote_field.model._meta.pk
        return super().optgroups(
            name, [one for one in value if parse(key, str(one)) is not None], attrs
        )


class LargeTableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that stays fast with a million rows: the table is never counted."""

    show_full_result_count = False
    list_per_page = 50
    change_list_template = "admin/ringotel_crm/change_list.html"
    # What a list without rows says: how they come to be.
    empty_message: Any = ""
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

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """No field is meant by an empty name."""
        return super().get_object(request, object_id, from_field or None)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """With a field to search in, as Django's, that shows nothing for what is no key."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault(
                "widget",
                ValidatedAutocompleteSelect(db_field, self.admin_site, using=kwargs.get("using")),
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Keys that no row can have are none of the rows; some databases cannot even be asked for them."""
        if any(
            parse(self.opts.pk, key) is None for key in request.POST.getlist(ACTION_CHECKBOX_NAME)
        ):
            return HttpResponseBadRequest()
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The one that goes with the paginator."""
        return LargeTableChangeList

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        """One that knows which page is shown."""
        paginator: Any = super().get_paginator(request, queryset, *args, **kwargs)
        page = request.GET.get("p", "")
        paginator.shown = int(page) if page.isascii() and page.isdecimal() and len(page) < 8 else 1
        return paginator
