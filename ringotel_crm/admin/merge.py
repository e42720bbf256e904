"""Duplicate contacts: warnings while typing, the list of duplicates, and merging."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from .. import phone
from ..exceptions import CRMError
from ..records import ContactRecord
from ..services.contacts.merge import Merge, merge_contacts, preview_merge
from .base import admin_url, backend_for, extend_template, read_where_written, render_page
from .contact_search import contact_url

MAX_DUPLICATES = 100
# Numbers and addresses that are looked up per request.
MAX_LOOKUPS = 10


class RingotelMergeAdminMixin:
    """Add merging to the admin of a contact model. Requires ``can_merge`` in its directory.

    List it before ``RingotelContactAdminMixin``.
    """

    admin_site: AdminSite
    model: Any
    opts: Any
    media: Any
    actions: Any = ("merge",)

    def ringotel_number_inputs(self, request: HttpRequest) -> str:
        """Return a CSS selector of the form's inputs that hold phone numbers."""
        return "input[type=tel]"

    def has_merge_permission(self, request: HttpRequest) -> bool:
        may_change: bool = self.has_change_permission(request)  # type: ignore[attr-defined]
        return may_change and request.user.has_perm("ringotel_crm.merge_contacts")

    @admin.action(description=gettext_lazy("Merge two contacts"), permissions=["merge"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Redirect to the preview of the merge."""
        ids = [str(pk) for pk in queryset.order_by("pk").values_list("pk", flat=True)[:3]]
        if len(ids) == 2:
            query = urlencode({"target": ids[0], "source": ids[1]})
            return HttpResponseRedirect(f"{self._page_url('merge')}?{query}")
        self.message_user(request, _("Select two contacts."), "warning")  # type: ignore[attr-defined]
        return None

    def get_urls(self) -> list[URLPattern]:
        """Add the pages about duplicates."""
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        views = {
            "merge": ("merge/", read_where_written(self.merge_view)),
            "duplicates": ("duplicates/", require_safe(self.duplicates_view)),
            "similar": ("duplicates/similar/", require_safe(self.similar_view)),
        }
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}")
            for name, (route, view) in views.items()
        ]
        return [*pages, *urls]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the link to the duplicates."""
        response: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return extend_template(response, "admin/ringotel_crm/contact_change_list.html")

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """GET previews the merge of ``source`` into ``target``; POST performs it."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        context: dict[str, Any] = {
            "title": _("Merge two contacts"),
            "list_url": self._page_url("changelist"),
        }
        try:
            if request.method == "POST":
                return self._merge(request)
            backend = backend_for(request)
            preview = preview_merge(
                backend, request.GET.get("target", ""), request.GET.get("source", "")
            )
            numbers = [
                [*map(phone.display, backend.contacts.numbers(contact.id))]
                for contact in (preview.target, preview.source)
            ]
        except CRMError as exc:
            context["problem"] = exc.message
        else:
            context |= {
                "merge": preview,
                "summary": _preview_text(preview),
                "rows": _compare(preview),
                "numbers": [*numbers, list(dict.fromkeys([*numbers[0], *numbers[1]]))],
                "swap_query": urlencode({"target": preview.source.id, "source": preview.target.id}),
            }
        return render_page(request, self, "merge.html", context)

    def _merge(self, request: HttpRequest) -> HttpResponse:
        """Merge the contacts, log it in the target's history and redirect to the target."""
        target_id = request.POST.get("target", "")
        merge = merge_contacts(backend_for(request), target_id, request.POST.get("source", ""))
        target = self.get_object(request, target_id)  # type: ignore[attr-defined]
        log_text = _("Merged with %(name)s.") % {"name": merge.source.name}
        self.log_change(request, target, f"{log_text} {_moved_text(merge)}")  # type: ignore[attr-defined]
        text = f"{_('Merged.')} {_moved_text(merge)}"
        self.message_user(request, text, "success")  # type: ignore[attr-defined]
        return HttpResponseRedirect(contact_url(request, self.admin_site, merge.target.id))

    def duplicates_view(self, request: HttpRequest) -> HttpResponse:
        """List phone numbers and e-mail addresses that several contacts share."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        after = request.GET.get("after", "").replace("\0", "")
        duplicates, following = backend_for(request).contacts.duplicates(MAX_DUPLICATES, after)
        ids = {id for _value, contact_ids in duplicates for id in contact_ids}
        objects = self.get_queryset(request).in_bulk(ids)  # type: ignore[attr-defined]
        contacts = {
            str(pk): (str(obj), contact_url(request, self.admin_site, str(pk)))
            for pk, obj in objects.items()
        }
        rows = [
            (
                phone.display(value),
                [contacts[id] for id in ids if id in contacts],
                urlencode({"target": ids[0], "source": ids[1]}),
            )
            for value, ids in duplicates
        ]
        context = {
            "title": _("Duplicates"),
            "rows": rows,
            "is_first": not after,
            "next_query": following and urlencode({"after": following}),
            "merge_url": self._page_url("merge"),
        }
        return render_page(request, self, "duplicates.html", context)

    def similar_view(self, request: HttpRequest) -> HttpResponse:
        """Return an HTML fragment with contacts that have a given ``number`` or ``email``.

        Both parameters may be repeated; ``exclude`` is the id of a contact to leave out.
        """
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        directory = backend_for(request).contacts
        found: dict[str, ContactRecord] = {}
        typed = request.GET.getlist("number")[:MAX_LOOKUPS]
        if numbers := [number for text in typed for number in phone.candidates(text)]:
            found |= {contact.id: contact for _number, contact in directory.find(numbers)}
        for email in request.GET.getlist("email")[:MAX_LOOKUPS]:
            if "\0" not in email:
                by_email = directory.find_by_email(email.strip())
                found |= {contact.id: contact for contact in by_email}
        found.pop(request.GET.get("exclude", ""), None)
        contacts = [
            (contact, contact_url(request, self.admin_site, contact.id))
            for contact in list(found.values())[:MAX_LOOKUPS]
        ]
        return render(request, "admin/ringotel_crm/similar.html", {"contacts": contacts})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what the script needs to warn about duplicates."""
        obj = kwargs.get("obj")
        context["ringotel_similar"] = {
            "url": f"{self._page_url('similar')}?exclude={obj.pk if obj else ''}",
            "inputs": self.ringotel_number_inputs(request),
            "form": f"{self.opts.model_name}_form",
        }
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def _page_url(self, page: str) -> str:
        return admin_url(self.admin_site, f"{self.opts.app_label}_{self.opts.model_name}_{page}")


def _moved_counts(merge: Merge) -> str:
    """The objects that are moved, such as "49 calls and 1 number"; "" if there are none."""
    numbers = len(merge.numbers)
    counts = [
        (merge.calls, ngettext("%(count)d call", "%(count)d calls", merge.calls)),
        (merge.notes, ngettext("%(count)d note", "%(count)d notes", merge.notes)),
        (
            merge.follow_ups,
            ngettext("%(count)d follow-up", "%(count)d follow-ups", merge.follow_ups),
        ),
        (numbers, ngettext("%(count)d number", "%(count)d numbers", numbers)),
    ]
    return get_text_list([text % {"count": count} for count, text in counts if count], _("and"))


def _preview_text(merge: Merge) -> str:
    text = _("%(source)s will be merged into %(target)s.") % {
        "source": merge.source.name,
        "target": merge.target.name,
    }
    if counts := _moved_counts(merge):
        text += " " + _("%(counts)s will move.") % {"counts": counts}
    return text


def _moved_text(merge: Merge) -> str:
    counts = _moved_counts(merge)
    return _("%(counts)s moved.") % {"counts": counts} if counts else ""


def _compare(merge: Merge) -> list[tuple[str, str, str, str]]:
    """Return a row per field: label, value of the target, of the source, and of the result."""
    labels = {
        "first_name": _("first name"),
        "last_name": _("last name"),
        "company_name": _("organization"),
        "job_title": _("job title"),
        "email": _("e-mail"),
    }
    rows = []
    for name, label in labels.items():
        target, source = getattr(merge.target, name), getattr(merge.source, name)
        rows.append((label, target, source, target or source))
    return rows
