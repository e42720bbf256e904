from __future__ import annotations

import re

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.test import Client, RequestFactory

from ringotel_crm import admin
from tests.factories import make_user
from tests.fixtures.admin import login_as


def models_on(client: Client, url: str) -> list[str]:
    html = client.get(url).content.decode()
    main = html[html.index('id="content-main"') :]
    return re.findall(r'id="ringotel_crm-(\w+)"', main)


def test_daily_models_come_first_and_technical_ones_are_one_link(boss: Client) -> None:
    models = models_on(boss, "/admin/")

    assert models[:3] == ["activity", "callback", "followup"]
    assert models[-1] == "administration"
    assert not {"apikey", "webhook", "webhookevent", "phoneindex", "auditentry"} & {*models}


def test_link_leads_to_all_models(boss: Client) -> None:
    html = boss.get("/admin/").content.decode()
    assert 'href="/admin/ringotel_crm/#ringotel_crm-apikey">Administration</a>' in html

    models = models_on(boss, "/admin/ringotel_crm/")
    assert models[0] == "activity"
    assert {"apikey", "webhook", "webhookevent", "phoneindex", "auditentry"} < {*models}


def test_no_page_of_the_app_is_taken_for_the_administration(boss: Client) -> None:
    html = boss.get("/admin/ringotel_crm/recording/").content.decode()

    assert 'aria-current="page">Recordings' in html
    assert 'aria-current="page">Administration' not in html


def test_agent_has_no_administration(groups: None) -> None:
    assert "administration" not in models_on(login_as("agent", "una"), "/admin/")


def test_other_admin_sites_are_arranged_too(db: None) -> None:
    site = AdminSite(name="other")
    admin.register(site)
    admin.register(site)
    request: HttpRequest = RequestFactory().get("/")
    request.user = make_user("boss", is_staff=True, is_superuser=True)

    apps = {app["app_label"]: app["models"] for app in site.get_app_list(request)}

    names = [entry["object_name"] for entry in apps["ringotel_crm"]]
    assert names.count("Administration") == 1
    assert names[0] == "Activity"
