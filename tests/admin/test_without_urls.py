"""The admin of a site that does not include the URLs of this app."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path
from pytest_django import Settings

from tests.admin.test_call_list import of
from tests.factories import make_contact
from tests.fixtures.admin import make_call
from tests.fixtures.strip import ringing

urlpatterns = [path("admin/", admin.site.urls)]


def test_pages_work_without_the_urls(boss: Client, settings: Settings) -> None:
    contact = make_contact("Ada Example")
    call = make_call(1, **of(contact))
    ringing(User.objects.get(username="boss"))
    settings.ROOT_URLCONF = __name__

    for page in (
        "",
        "ringotel_minicrm/contact/",
        f"ringotel_minicrm/contact/{contact.pk}/change/",
        "ringotel_crm/activity/",
        f"ringotel_crm/activity/{call.pk}/change/",
        "ringotel_crm/activity/live/",
        "ringotel_crm/activity/live/calls/",
        "ringotel_crm/callback/",
    ):
        assert boss.get(f"/admin/{page}").status_code == 200, page
