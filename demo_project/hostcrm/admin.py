"""Staff pages."""

from __future__ import annotations

from django.contrib import admin

from demo_project.hostcrm.models import Branch, Company, Lead, Person, PersonNumber, Staff
from ringotel_crm.admin.contacts import RingotelContactAdminMixin


class NumberInline(admin.TabularInline):  # type: ignore[type-arg]
    """A person's further numbers."""

    model = PersonNumber
    extra = 1


@admin.register(Person)
class PersonAdmin(RingotelContactAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Customers."""

    list_display = ("__str__", "company", "office_phone", "cell")
    search_fields = ("surname__istartswith", "given_name__istartswith")
    inlines = (NumberInline,)


admin.site.register([Branch, Company, Lead, Staff])
