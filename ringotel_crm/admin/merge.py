"""Duplicates: pointed out while one types, listed, and merged after a look at what that would do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from .. import phone
from ..exceptions import CRMError
from ..records import ContactRecord
from ..services.contacts.merge import Merge, merge_contacts, preview_merge
from .base import backend_for

MAX_DUPLICATES = 100
MAX_TYPED = 10  # numbers or addresses that are looked up at a time


class RingotelMergeAdminMixin:
    """For the admin of a model whose directory ``can_merge``. Goes before ``RingotelContactAdminMixin``."""

    admin_site: AdminSite
    model: Any
    opts: Any
    media: Any
    change_list_template: Any = "admin/ringotel_crm/contact_change_list.html"
    actions: Any = ("merge",)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Both are changed, one for good."""
        may_change: bool = self.has_change_permission(request)  # type: ignore[attr-defined]
        return may_change and request.user.has_perm("ringotel_crm.merge_contacts")

    @admin.action(description=gettext_lazy("Merge two contacts"), permissions=["merge"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """To the preview."""
        ids = [str(pk) for pk in queryset.order_by("pk").values_list("pk", flat=True)[:3]]
        if len(ids) == 2:
            return HttpResponseRedirect(
                f"{self.ringotel_url('merge')}?{urlencode({'target': ids[0], 'source': ids[1]})}"
            )
        self.message_user(request, _("Choose two contacts."), "warning")  # type: ignore[attr-defined]
        return None

    def ringotel_url(self, name: str) -> str:
        """Of one of the pages below."""
        return reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{name}"
        )

    def get_urls(self) -> list[URLPattern]:
        """With the pages about duplicates."""
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        views = {
            "merge": ("merge/", self.merge_view),
            "duplicates": ("duplicates/", require_safe(self.duplicates_view)),
            "similar": ("duplicates/similar/", require_safe(self.similar_view)),
        }
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}")
            for name, (route, view) in views.items()
        ]
        return [*pages, *urls]

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """GET: what would be done. POST: do it, and write it into the history of the one that stays."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else request.GET
        target, source = given.get("target", ""), given.get("source", "")
        backend = backend_for(request)
        context: dict[str, Any] = {"title": _("Merge two contacts")}
        try:
            if request.method == "POST":
                done = merge_contacts(backend, target, source)
                kept = self.get_object(request, target)  # type: ignore[attr-defined]
                self.log_change(request, kept, _summary(done))  # type: ignore[attr-defined]
                self.message_user(request, _summary(done), "success")  # type: ignore[attr-defined]
                return HttpResponseRedirect(backend.contacts.url(done.target.id))
            found = preview_merge(backend, target, source)
        except CRMError as exc:
            context["problem"] = exc.message
        else:
            swapped = urlencode({"target": found.source.id, "source": found.target.id})
            context |= {
                "merge": found,
                "summary": _summary(found),
                "rows": _compared(found),
                "swapped": swapped,
            }
            kept, gone_too = (
                [*map(phone.display, backend.contacts.numbers(one.id))]
                for one in (found.target, found.source)
            )
            context["numbers"] = [kept, gone_too, list(dict.fromkeys([*kept, *gone_too]))]
        return self.ringotel_page(request, "merge", context)

    def duplicates_view(self, request: HttpRequest) -> HttpResponse:
        """Numbers and addresses that several contacts have."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        backend = backend_for(request)
        found = backend.contacts.duplicates(MAX_DUPLICATES)
        objects = self.get_queryset(request).in_bulk({id for _value, ids in found for id in ids})  # type: ignore[attr-defined]
        people = {str(pk): (str(obj), backend.contacts.url(str(pk))) for pk, obj in objects.items()}
        rows = [
            (
                phone.display(value),
                [people[id] for id in ids if id in people],
                urlencode({"target": ids[0], "source": ids[1]}),
            )
            for value, ids in found
        ]
        return self.ringotel_page(
            request, "duplicates", {"title": _("Duplicates"), "rows": rows, "most": MAX_DUPLICATES}
        )

    def similar_view(self, request: HttpRequest) -> HttpResponse:
        """For the script: who has one of these numbers or addresses already?"""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        contacts = backend_for(request).contacts
        found: dict[str, ContactRecord] = {}
        typed = request.GET.getlist("number")[:MAX_TYPED]
        if numbers := [number for text in typed for number in phone.candidates(text)]:
            found |= {contact.id: contact for _number, contact in contacts.find(numbers)}
        for email in (
            text.strip() for text in request.GET.getlist("email")[:MAX_TYPED] if "\0" not in text
        ):
            found |= {contact.id: contact for contact in contacts.find_by_email(email)}
        found.pop(request.GET.get("exclude", ""), None)
        people = [
            (contact, contacts.url(contact.id)) for contact in list(found.values())[:MAX_TYPED]
        ]
        return render(request, "admin/ringotel_crm/similar.html", {"people": people})

    def ringotel_number_inputs(self, request: HttpRequest) -> str:
        """The inputs of the form that hold numbers, as a CSS selector. Override as the form needs it."""
        return "input[type=tel]"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the place where the script says who has the number already."""
        obj = kwargs.get("obj")
        context["ringotel_similar"] = {
            "url": f"{self.ringotel_url('similar')}?exclude={obj.pk if obj else ''}",
            "inputs": self.ringotel_number_inputs(request),
            "form": f"{self.opts.model_name}_form",
        }
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def ringotel_page(
        self, request: HttpRequest, name: str, context: dict[str, Any]
    ) -> HttpResponse:
        """One of our templates in the frame of the admin."""
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        frame["list_url"], frame["merge_url"] = (
            self.ringotel_url("changelist"),
            self.ringotel_url("merge"),
        )
        return render(request, f"admin/ringotel_crm/{name}.html", frame | context)


def _summary(merge: Merge) -> str:
    calls = ngettext("%(count)d call", "%(count)d calls", merge.calls) % {"count": merge.calls}
    notes = ngettext("%(count)d note", "%(count)d notes", merge.notes) % {"count": merge.notes}
    count = len(merge.numbers)
    numbers = ngettext("%(count)d number", "%(count)d numbers", count) % {"count": count}
    return _(
        "%(source)s is merged into %(target)s: %(calls)s, %(notes)s and %(numbers)s go over."
    ) % {
        "source": f"{merge.source.name} (#{merge.source.id})",
        "target": merge.target.name,
        "calls": calls,
        "notes": notes,
        "numbers": numbers,
    }


def _compared(merge: Merge) -> list[tuple[str, str, str, str]]:
    """Field by field: of the one that stays, of the other, and what will be."""
    labels = {
        "first_name": _("first name"),
        "last_name": _("last name"),
        "company_name": _("organization"),
        "job_title": _("job title"),
        "email": _("e-mail"),
    }
    rows = (
        (label, getattr(merge.target, name), getattr(merge.source, name))
        for name, label in labels.items()
    )
    return [(label, kept, source, kept or source) for label, kept, source in rows]
