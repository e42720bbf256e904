"""Legal holds."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import LegalHold
from ..services.contacts.references import record_reference
from .base import LargeTableAdmin, admin_url, backend_for, render_page
from .contact_search import find_contacts
from .html import object_link, object_url


class LegalHoldForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form for a legal hold. ``chosen`` is the id of a contact of ``admin_backend``, which
    :meth:`LegalHoldAdmin.get_form` sets; an existing hold has no such field.
    """

    chosen = forms.CharField(widget=forms.HiddenInput)

    def clean_chosen(self) -> str:
        """Refer to the contact, which must exist."""
        backend, id = self.admin_backend, self.cleaned_data["chosen"]  # type: ignore[attr-defined]
        contact = backend.contacts.get(id)
        if contact is None:
            raise forms.ValidationError(gettext("Choose an existing contact."))
        self.instance.tenant = backend.tenant
        self.instance.contact_reference = record_reference(backend, contact)
        return str(id)


class LegalHoldAdmin(LargeTableAdmin):
    """Legal holds on contacts. Adding one starts with a search for the contact."""

    form = LegalHoldForm
    tenant_lookup = "tenant"
    empty_message = _("A legal hold keeps everything about a contact from being deleted.")
    list_display = ("contact_link", "reason", "created_at")
    search_fields = ("contact_name", "reason")
    readonly_fields = ("contact_link", "created_at")
    delete_confirmation_template = "admin/ringotel_crm/legalhold/delete_confirmation.html"

    def get_page_title(self, obj: LegalHold) -> str:
        return str(capfirst(self.opts.verbose_name))

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalHold]:
        """Load the contacts, with one query per model."""
        return super().get_queryset(request).prefetch_related("contact")

    def get_fields(self, request: HttpRequest, obj: LegalHold | None = None) -> Any:
        return ["contact_link", "reason", "created_at"] if obj else ["chosen", "reason"]

    def get_form(
        self,
        request: HttpRequest,
        obj: LegalHold | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm[LegalHold]]:
        if obj:
            kwargs["form"] = forms.ModelForm
        form: type[forms.ModelForm[LegalHold]] = super().get_form(
            request, obj, change=change, **kwargs
        )
        form.admin_backend = backend_for(request)  # type: ignore[attr-defined]
        return form

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form for the contact ``?chosen=``; without it, search for a contact first."""
        id = request.POST.get("chosen") or request.GET.get("chosen", "")
        contact = backend_for(request).contacts.get(id) if id else None
        if contact is None and self.has_add_permission(request):
            text = request.GET.get("q", "")
            context = {
                "title": _("Add a legal hold"),
                "q": text,
                "contacts": find_contacts(request, self.admin_site, text),
                "is_missing": bool(id),
            }
            return render_page(request, self, "choose_contact.html", context)
        title = contact and gettext("Legal hold on %(name)s") % {"name": contact.name}
        return super().add_view(request, form_url, {"title": title, **(extra_context or {})})

    def response_post_save_add(self, request: HttpRequest, obj: LegalHold) -> HttpResponseRedirect:
        """Return to the page of the contact."""
        url = object_url(self.admin_site, obj.contact_type_id, obj.contact_id)
        return HttpResponseRedirect(url) if url else super().response_post_save_add(request, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Ask whether to lift the hold, and return to the page of the contact."""
        hold = self.get_object(request, object_id)
        context = {"title": _("Lift legal hold"), **(extra_context or {})}
        response: HttpResponse = super().delete_view(request, object_id, context)
        if hold and response.status_code == 302:
            url = object_url(self.admin_site, hold.contact_type_id, hold.contact_id)
            return HttpResponseRedirect(url) if url else response
        return response

    def response_delete(
        self, request: HttpRequest, obj_display: str, obj_id: int
    ) -> HttpResponseRedirect:
        self.message_user(request, _("The legal hold has been lifted."), "success")
        return HttpResponseRedirect(admin_url(self.admin_site, "ringotel_crm_legalhold_changelist"))

    @admin.display(description=_("contact"))
    def contact_link(self, hold: LegalHold) -> str:
        """The name of the contact, with a link to its page if it exists."""
        if hold.contact is None:
            return hold.contact_name or str(capfirst(_("deleted contact")))
        url = object_url(self.admin_site, hold.contact_type_id, hold.contact_id)
        return object_link(url, str(hold.contact))
