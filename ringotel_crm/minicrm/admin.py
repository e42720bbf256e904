"""The admin of contacts and organizations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db import models
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..admin.base import LargeTableAdmin, admin_url
from ..admin.contacts import RingotelContactAdminMixin
from ..admin.html import object_link
from ..admin.merge import RingotelMergeAdminMixin
from ..admin.sites import ModelAdmins, register_models
from ..models.search import normalize_for_search, prefix_q, trailing_digits, word_sets
from ..services.calls.click_to_call import call_link
from .models import Contact, ContactPhone, ContactWord, Organization, OrganizationWord

# Needs the extra: pip install "ringotel-crm[import-export]".
IMPORT_EXPORT: tuple[Any, ...] = ()
if apps.is_installed("import_export"):
    from .import_admin import ContactImportExportMixin

    IMPORT_EXPORT = (ContactImportExportMixin,)


class PhoneInline(admin.TabularInline):  # type: ignore[type-arg]
    """The numbers of a contact."""

    model = ContactPhone
    fields = ("kind", "raw", "extension", "e164")
    readonly_fields = ("e164",)
    extra = 1
    max_num = 100


def numbers_q(text: str) -> list[Q]:
    """Return the conditions for rows with a number in any format, or with its last digits."""
    conditions = []
    if numbers := phone.candidates(text):
        conditions.append(Q(e164__in=numbers))
    if digits := trailing_digits(text):
        conditions.append(prefix_q("e164_reversed", digits))
    return conditions


def phone_links(contact: Contact) -> str:
    """Return the numbers of a contact as links to call."""
    numbers = (
        (call_link(number.e164) if number.e164 else number.raw,) for number in contact.phones.all()
    )
    return format_html_join(", ", "{}", numbers)


class ContactAdmin(
    *IMPORT_EXPORT,  # type: ignore[misc]
    RingotelMergeAdminMixin,
    RingotelContactAdminMixin,
    LargeTableAdmin,
):
    """People outside the company."""

    list_display = ("name", "organization", "numbers", "email", "job_title")
    list_select_related = ("organization",)
    search_fields = ("last_name",)  # shows the search box; see get_search_results
    search_help_text = _(
        "Words of a name or company, the start of an e-mail address, a phone number in any format "
        "or its last digits."
    )
    autocomplete_fields = ("organization",)
    inlines = (PhoneInline,)
    sortable_by = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """Load the numbers of a page in one query."""
        return super().get_queryset(request).prefetch_related("phones")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        """Search by index: words of the name and the company, the e-mail address, a number."""
        if not search_term.strip():
            return queryset, False
        phones = ContactPhone.objects.annotate(owner=F("contact")).order_by()
        owners = [
            *word_sets(ContactWord.objects.all(), search_term),
            *([phones.filter(number)] for number in numbers_q(search_term)),
        ]
        email = prefix_q("email", normalize_for_search(search_term))
        return self.search_by_index(request, queryset, [email], owners)

    def get_ringotel_details(self, obj: Contact) -> Sequence[str]:
        """Return company, job title and e-mail address."""
        return [str(obj.organization or ""), obj.job_title, obj.email]

    def get_ringotel_initial(self, request: HttpRequest, name: str, number: str) -> dict[str, str]:
        """Split the name; :meth:`get_formset_kwargs` uses the number."""
        first, _space, last = name.strip().partition(" ")
        initial = {"first_name": first, "last_name": last, "phone": number}
        return {field: value for field, value in initial.items() if value}

    def ringotel_number_inputs(self, request: HttpRequest) -> str:
        """Return the selector of the inputs for numbers."""
        return 'input[name$="-raw"]'

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: InlineModelAdmin[Any, Any], prefix: str
    ) -> dict[str, Any]:
        """Fill in the number of a new contact that is created from a call."""
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        number = request.GET.get("phone", "")
        if isinstance(inline, PhoneInline) and request.method == "GET" and number and not obj.pk:
            kwargs["initial"] = [{"raw": number}]
        return kwargs

    @admin.display(description=_("contact"), ordering=("last_name"))
    def name(self, contact: Contact) -> str:
        """Return the name, else the e-mail address or the id."""
        return str(contact)

    @admin.display(description=_("numbers"))
    def numbers(self, contact: Contact) -> str:
        """Return the numbers as links to call."""
        return phone_links(contact)


class OrganizationAdmin(RingotelContactAdminMixin, LargeTableAdmin):
    """Companies."""

    empty_message = _("Add one here, or on the page of a contact.")
    list_display = ("name", "number", "email", "website")
    search_fields = ("name",)
    search_help_text = _(
        "Words of the name, the start of an e-mail address, a phone number in any format or its "
        "last digits."
    )
    autocomplete_fields = ("main_contact",)
    max_people = 20
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # default in Django 6.0
    sortable_by = ("name",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Organization], search_term: str
    ) -> tuple[QuerySet[Organization], bool]:
        """Search by index: words of the name, the e-mail address, a number."""
        if not search_term.strip():
            return queryset, False
        email = prefix_q("email", normalize_for_search(search_term))
        words = word_sets(OrganizationWord.objects.all(), search_term)
        return self.search_by_index(request, queryset, [email, *numbers_q(search_term)], words)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Delete one by one, which updates the contacts."""
        for organization in queryset:
            organization.delete()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Add the list of people to the page of an existing organization."""
        fields = tuple(super().get_readonly_fields(request, obj))
        has_people = obj is not None and request.user.has_perm("ringotel_minicrm.view_contact")
        return (*fields, "people") if has_people else fields

    @admin.display(description=_("people"))
    def people(self, organization: Organization) -> str:
        """Return the first contacts with job title and numbers, and a link to the others."""
        contacts = organization.contacts.prefetch_related("phones")[: self.max_people]
        change, changelist = (
            "ringotel_minicrm_contact_change",
            "ringotel_minicrm_contact_changelist",
        )
        rows = [
            {
                "link": object_link(admin_url(self.admin_site, change, contact.pk), str(contact)),
                "job_title": contact.job_title,
                "numbers": phone_links(contact),
            }
            for contact in contacts
        ]
        all_url = (
            f"{admin_url(self.admin_site, changelist)}?organization__id__exact={organization.pk}"
        )
        more = organization.contacts.count() - len(rows)
        context = {"rows": rows, "more": more, "all_url": all_url}
        return render_to_string("admin/ringotel_minicrm/people.html", context)

    @admin.display(description=_("phone"))
    def number(self, organization: Organization) -> str:
        """Return the number as a link to call."""
        return call_link(organization.e164) if organization.e164 else organization.phone

    def get_ringotel_contacts(self, request: HttpRequest, obj: Organization) -> Iterable[Contact]:
        """Return the contacts of this organization."""
        return obj.contacts.order_by("id")

    def get_ringotel_numbers(self, request: HttpRequest, obj: Organization) -> Sequence[str]:
        """Return the organization's own number."""
        return [obj.e164] if obj.e164 else []

    def get_ringotel_details(self, obj: Organization) -> Sequence[str]:
        """Return e-mail address and website."""
        return [obj.email, obj.website]

    def get_ringotel_initial(self, request: HttpRequest, name: str, number: str) -> dict[str, str]:
        """Return name and number under the names of the fields."""
        return {"name": name, "phone": number}


MODEL_ADMINS: ModelAdmins = [(Contact, ContactAdmin), (Organization, OrganizationAdmin)]
register_models(admin.site, MODEL_ADMINS)
