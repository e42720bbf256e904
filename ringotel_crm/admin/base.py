"""Base classes and helpers of the staff pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .. import databases
from ..backends import Backend, get_backend
from ..backends.mapping import parse
from ..internal.admin_urls import reverse_admin_url
from ..models.search import filter_any
from ..records import Actor
from ..services.calls.access import whom_to_ask
from ..templatetags.ringotel import RING_STRIP
from .changelist import (
    BoundedPaginator,
    LargeTableChangeList,
    ListTakesTooLong,
    mark_incomplete,
)
from .html import local_time

BACKEND_ATTRIBUTE = "_ringotel_backend"

# How the names of pages end whose rows may be read from a replica that lags behind.
LISTS = ("_changelist", "_duplicates", "_export", "_overview", "_similar")

MEDIA = RING_STRIP + forms.Media(
    css={"all": [f"ringotel_crm/{name}.css" for name in ("themes", "admin", "player")]},
    js=[f"ringotel_crm/{name}.js" for name in ("admin", "player", "click_to_call")],
)
# Warns before a form with unsaved changes is left.
UNSAVED = forms.Media(js=["ringotel_crm/unsaved.js"])


def backend_for(request: HttpRequest) -> Backend:
    """Return the backend for the logged-in user, built once per request."""
    if not hasattr(request, BACKEND_ATTRIBUTE):
        setattr(request, BACKEND_ATTRIBUTE, get_backend(Actor(user=request.user, request=request)))
    backend: Backend = getattr(request, BACKEND_ATTRIBUTE)
    return backend


def read_where_written(view: Any, *, is_list: bool = False) -> Any:
    """Let a view and its template read from the databases that are written to; with ``is_list``,
    only if it writes.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if is_list and request.method in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        response = databases.fresh_reads()(view)(request, *args, **kwargs)
        if isinstance(response, SimpleTemplateResponse):  # rendered after the view has returned
            response.render = databases.fresh_reads()(response.render)  # type: ignore[method-assign]
        return response

    return wrapped


def admin_url(site: AdminSite, name: str, *args: Any) -> str:
    """Reverse the admin URL ``name``, such as "ringotel_crm_activity_changelist", in ``site``, or
    in the first site that has such a page. Returns "" without one.
    """
    return reverse_admin_url(name, *args, site_name=site.name)


def render_page(
    request: HttpRequest, model_admin: Any, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Render a template of ``admin/ringotel_crm/`` as a page of the model admin's site."""
    site: AdminSite = model_admin.admin_site
    request.current_app = site.name
    page = {"opts": model_admin.opts, "media": model_admin.media}
    return render(
        request,
        f"admin/ringotel_crm/{template}",
        {**site.each_context(request), **page, **context},
    )


def extend_template(response: HttpResponse, template: str) -> HttpResponse:
    """Render ``template`` instead of the response's own template, which it extends by the name
    ``ringotel_parent``. Other responses, such as redirects, are returned unchanged.
    """
    if isinstance(response, TemplateResponse):
        parent = response.resolve_template(response.template_name)
        response.context_data = {**(response.context_data or {}), "ringotel_parent": parent}
        response.template_name = template
    return response


class ValidatedAutocompleteSelect(AutocompleteSelect):
    """Autocomplete widget that drops values that cannot be primary keys before it queries them."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        key = self.field.remote_field.model._meta.pk
        valid = [item for item in value if parse(key, str(item)) is not None]
        return super().optgroups(name, valid, attrs)


@cache
def local_time_column(field: DateTimeField[Any, Any]) -> Callable[[Any], str]:
    """Return the column of a list with the values of ``field`` as local times."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def column(obj: Any) -> str:
        return local_time(getattr(obj, field.name))

    column.__name__ = field.name
    return column


class LargeTableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Model admin for tables with millions of rows: the table is never counted."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table
    list_per_page = 50
    change_list_template = "admin/ringotel_crm/change_list.html"
    # Shown in an empty list; explains how rows are created.
    empty_message: Any = ""
    paginator = BoundedPaginator
    # The name of the permission to view the pages; by default that of Django.
    view_permission_name = ""
    # The column of the tenant to which the rows are limited; "" for rows of all tenants.
    tenant_lookup = ""

    @property
    def urls(self) -> list[URLPattern]:
        """Return the URLs, whose views explain why access is denied, and read what was written."""
        patterns = self.get_urls()
        for pattern in patterns:
            is_list = str(pattern.name).endswith(LISTS)
            view = read_where_written(pattern.callback, is_list=is_list)
            pattern.callback = self._explain_denial(view)
        return patterns

    def _explain_denial(self, view: Any) -> Any:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied:
                text = _("You lack the permission to do this.")
                advice = _("Ask an administrator for the permission to do this.")
                if not self.has_view_permission(request):
                    text = _("You lack the permission to view this page.")
                    default = f"Can view {self.opts.verbose_name_raw}"
                    advice = whom_to_ask(self.view_permission_name or default)
                context = {"title": _("Permission denied"), "text": text, "advice": advice}
                response = render_page(request, self, "denied.html", context)
                response.status_code = 403
                return response

        return wrapped

    @property
    def media(self) -> forms.Media:
        return super().media + MEDIA

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Limit the rows to the user's tenant, see :attr:`tenant_lookup`."""
        rows: QuerySet[Any] = super().get_queryset(request)
        tenant = backend_for(request).tenant if self.tenant_lookup else ""
        return rows.filter(**{self.tenant_lookup: tenant}) if tenant else rows

    def get_index_conditions(self, request: HttpRequest) -> list[Q]:
        """Return conditions by which a list looks up its rows, each by its own index. Every row of
        :meth:`get_queryset` meets one of them. Empty to read the rows in the order of the list.
        """
        return []

    def search_by_index(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        columns: Iterable[Q],
        owners: Iterable[Sequence[QuerySet[Any]]] = (),
    ) -> tuple[QuerySet[Any], bool]:
        """Return the result of :func:`filter_any` and ``False``. The list reports if rows are
        missing.
        """
        conditions = self.get_index_conditions(request)
        rows, is_complete = filter_any(queryset, columns, owners, conditions)
        if not is_complete:
            mark_incomplete(request)
        return rows, False

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show times in the time zone and format of the browser."""
        return [self._column(column) for column in super().get_list_display(request)]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return the columns as :meth:`get_list_display` does."""
        return [self._column(column) for column in super().get_sortable_by(request)]

    def _column(self, column: Any) -> Any:
        fields = {field.name: field for field in self.opts.concrete_fields}
        field = fields.get(column) if isinstance(column, str) else None
        return local_time_column(field) if isinstance(field, DateTimeField) else column

    def get_page_title(self, obj: Any) -> str:
        """Return the heading of the page of ``obj``."""
        return str(obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the plural name of the model as the heading, except in pop-ups. Redirect from a list
        that takes too long to that of the rows added last.
        """
        context: dict[str, Any] = {}
        if IS_POPUP_VAR not in request.GET:
            context["title"] = capfirst(self.opts.verbose_name_plural)
        try:
            return super().changelist_view(request, context | (extra_context or {}))
        except ListTakesTooLong as exc:
            return HttpResponseRedirect(f"{request.path}{exc.url}")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Use :meth:`get_page_title` as the heading of the page of an existing object."""
        obj = kwargs.get("obj")
        if obj is not None and obj.pk:
            context |= {"title": self.get_page_title(obj), "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)

    def action_checkbox(self, obj: Any) -> SafeString:
        """Format the checkbox directly: Django's template takes a fifth of the time of a list."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            _("Select this object for an action - {}").format(obj),
        )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Refuse regular expressions, which can take unbounded time."""
        is_regex = lookup.rpartition(LOOKUP_SEP)[2] in ("regex", "iregex")
        return not is_regex and super().lookup_allowed(lookup, value, request)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Allow concrete fields only."""
        columns = {field.name for field in self.opts.concrete_fields}
        return to_field in columns and super().to_field_allowed(request, to_field)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Treat an empty ``from_field`` as None."""
        return super().get_object(request, object_id, from_field or None)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Use :class:`ValidatedAutocompleteSelect` for autocomplete fields."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault(
                "widget",
                ValidatedAutocompleteSelect(db_field, self.admin_site, using=kwargs.get("using")),
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Respond 400 to values that cannot be primary keys: some databases fail to query them."""
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if any(parse(self.opts.pk, key) is None for key in selected):
            return HttpResponseBadRequest()
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LargeTableChangeList

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Pass the number of the requested page, and the conditions of this user's rows. Django
        calls this for the history of an object, too: those rows are of another model.
        """
        paginator: Any = super().get_paginator(request, queryset, *args, **kwargs)
        page = request.GET.get("p", "")
        if page.isascii() and page.isdecimal() and len(page) < 8:
            paginator.current_page = int(page)
        is_list = queryset.model is self.model
        paginator.read_keys(self.get_index_conditions(request) if is_list else [])
        return paginator


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form whose new rows belong to ``tenant``, which :meth:`TenantAdmin.get_form` sets."""

    tenant: str

    def clean(self) -> Any:
        """Set the tenant before the constraints are validated."""
        if self.instance._state.adding:
            self.instance.tenant = self.tenant
        return super().clean()


class TenantAdmin(LargeTableAdmin):
    """Model admin for rows that belong to the user's tenant, and are added there."""

    form = TenantForm
    tenant_lookup = "tenant"

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.tenant = backend_for(request).tenant
        return form


class ReadOnlyPermissionsMixin:
    """Forbid adding, changing and deleting: rows are written by the system only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
