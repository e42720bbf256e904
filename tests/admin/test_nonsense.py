"""What no page offers is refused, and no error."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse

from ringotel_crm.admin.base import FastAdmin
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity
from tests.admin.conftest import make_call
from tests.factories import make_contact

EXCHANGE = "/admin/ringotel_minicrm/contact/"
LISTS = [model for model, model_admin in site._registry.items() if isinstance(model_admin, FastAdmin)]


def actions(client: Client, model: Any) -> list[str]:
    page = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    return [name for name, _label in page.context["action_form"].fields["action"].choices if name]


@pytest.mark.parametrize("key", ["\0", "-1", "0", str(2**63), "x", "", "١"])
def test_actions_on_rows_that_no_table_can_have(boss: Client, key: str) -> None:
    make_call()
    make_contact("Ada Example")
    tried = 0
    for model in (Activity, Contact):
        for action in actions(boss, model):
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            response = boss.post(url, {"action": action, "_selected_action": key, "index": "0"})
            assert response.status_code in (200, 302, 400), (action, response)
            tried += 1
    assert tried > 5
    assert (Activity.objects.count(), Contact.objects.count()) == (1, 1)


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.model_name)
@pytest.mark.parametrize("query", ["id__regex=[", "id=%00", "q=%00", "q=%00+x%00", "p=x", "id__gt=9e999"])
def test_lists_that_nobody_can_mean(boss: Client, model: Any, query: str) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert boss.get(f"{url}?{query}").status_code in (200, 302, 400)


@pytest.mark.parametrize(("of", "field"), [("contact", "organization"), ("organization", "main_contact")])
def test_a_nul_in_the_search_of_a_form(boss: Client, of: str, field: str) -> None:
    query = {"app_label": "ringotel_minicrm", "model_name": of, "field_name": field, "term": "a\0, b"}
    assert boss.get("/admin/autocomplete/", query).json()["results"] == []


@pytest.mark.skipif(not apps.is_installed("import_export"), reason="needs the extra")
@pytest.mark.parametrize(
    "form",
    [
        {"import_file_name": "gone.csv"},
        {"import_file_name": "~"},
        {"import_file_name": "."},
        {"import_file_name": "x" * 300},
        {"format": "x"},
        {"format": "7"},
        {"resource": "7"},
    ],
    ids=str,
)
def test_an_import_that_nobody_began(boss: Client, form: dict[str, str]) -> None:
    facts = {"import_file_name": "gone.csv", "original_file_name": "a.csv", "format": "0", "resource": "0", **form}
    page = boss.post(f"{EXCHANGE}process_import/", facts, follow=True)
    assert page.status_code == 200
    assert "Choose it again" in page.content.decode()


@pytest.mark.skipif(not apps.is_installed("import_export"), reason="needs the extra")
@pytest.mark.parametrize("query", ["id=", "id=x", "created_at__year=2147483648", "first_name__regex=["])
def test_an_export_of_a_list_that_nobody_can_mean(boss: Client, query: str) -> None:
    make_contact("Ada Example")
    for ask in (boss.get, boss.post):
        response = ask(f"{EXCHANGE}export/?{query}", {"format": "0", "resource": "0"} if ask == boss.post else None)
        assert response.status_code in (200, 302)
