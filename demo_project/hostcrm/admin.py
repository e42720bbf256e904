"""The admin of the site."""

from __future__ import annotations

from django.contrib import admin

from ringotel_crm.admin.contacts import RingotelContactAdminMixin

from .models import Branch, Company, Lead, Person, PersonNumber, Staff


class NumberInline(admin.TabularInline):  # type: ignore[type-arg]
    """Additional numbers of a person."""

    model = PersonNumber
    extra = 1


@admin.register(Person)
class PersonAdmin(RingotelContactAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """People, with their calls."""

    list_display = ("__str__", "company", "office_phone", "cell")
    search_fields = ("surname__istartswith", "given_name__istartswith")
    inlines = (NumberInline,)


admin.site.register([Branch, Company, Lead, Staff])
