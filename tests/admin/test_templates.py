"""The mixins on an admin that has templates of its own."""

from __future__ import annotations

import copy

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from ringotel_crm.admin.contacts import RingotelContactAdminMixin
from ringotel_crm.admin.merge import RingotelMergeAdminMixin
from ringotel_crm.minicrm.models import Contact, Organization
from tests.factories import make_contact, make_organization

TEMPLATES = {
    "host/change_form.html": '{% extends "admin/change_form.html" %}'
    "{% block object-tools-items %}<li>Send a letter</li>{{ block.super }}{% endblock %}",
    "host/change_list.html": '{% extends "admin/change_list.html" %}'
    "{% block object-tools-items %}<li>Print labels</li>{{ block.super }}{% endblock %}",
    "admin/ringotel_minicrm/organization/change_form.html": (
        '{% extends "admin/change_form.html" %}'
        "{% block content %}<p>Our companies</p>{{ block.super }}{% endblock %}"
    ),
}

site = admin.AdminSite("host")


@admin.register(Contact, site=site)
class PersonAdmin(RingotelMergeAdminMixin, RingotelContactAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin that names its templates."""

    change_form_template = "host/change_form.html"
    change_list_template = "host/change_list.html"


@admin.register(Organization, site=site)
class CompanyAdmin(RingotelContactAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin whose template is found by the names of app and model."""

    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # default in Django 6.0


urlpatterns = [
    path("host/", site.urls),
    path("ringotel/", include("ringotel_crm.urls")),
]


@pytest.fixture(autouse=True)
def _host_templates(settings: Settings) -> None:
    engine = copy.deepcopy(settings.TEMPLATES[0])
    del engine["APP_DIRS"]
    engine["OPTIONS"]["loaders"] = [
        ("django.template.loaders.locmem.Loader", TEMPLATES),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [engine]
    settings.ROOT_URLCONF = __name__


def test_card_and_timeline_are_added_to_the_template_of_the_admin(boss: Client) -> None:
    contact = make_contact("Ada Example")

    html = boss.get(f"/host/ringotel_minicrm/contact/{contact.pk}/change/").content.decode()

    assert "Send a letter" in html
    assert 'id="ringotel-timeline"' in html
    assert 'id="ringotel-duplicates"' in html


def test_card_and_timeline_are_added_to_the_template_of_the_model(boss: Client) -> None:
    company = make_organization()

    html = boss.get(f"/host/ringotel_minicrm/organization/{company.pk}/change/").content.decode()

    assert "Our companies" in html
    assert 'id="ringotel-timeline"' in html


def test_link_to_duplicates_is_added_to_the_template_of_the_list(boss: Client) -> None:
    make_contact("Ada Example")

    html = boss.get("/host/ringotel_minicrm/contact/").content.decode()

    assert "Print labels" in html
    assert 'href="duplicates/"' in html
