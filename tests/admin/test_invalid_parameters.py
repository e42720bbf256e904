"""Input that no page offers is refused without a server error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from ringotel_crm.admin.base import LargeTableAdmin
from ringotel_crm.minicrm.models import Contact, ContactPhone
from ringotel_crm.models import Activity, ApiKey
from tests.factories import make_contact, make_user
from tests.fixtures.admin import make_call

pytestmark = pytest.mark.slow

EXCHANGE = "/admin/ringotel_minicrm/contact/"
LISTS = [
    model
    for model, model_admin in site._registry.items()
    if isinstance(model_admin, LargeTableAdmin)
]


def actions(client: Client, model: Any) -> list[str]:
    page = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    return [name for name, _label in page.context["action_form"].fields["action"].choices if name]


@pytest.mark.parametrize("key", ["\0", "-1", "0", str(2**63), "x", "", "١"])
def test_action_with_invalid_key_changes_nothing(boss: Client, key: str) -> None:
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
@pytest.mark.parametrize(
    "query",
    [
        *(
            "id__regex=[",
            "id=%00",
            "q=%00",
            "q=%00+x%00",
            "p=x",
            "id__gt=9e999",
            "id__range=0",
            "tenant__range=1.5",
        ),
        *(
            "due__contained_by=",
            "details__contains=None",
            "peaks=;",
            "created_at__year=99999999999",
        ),
        "&".join(["id=1"] * 1000),
    ],
    ids=lambda query: query[:30],
)
def test_list_with_invalid_lookup_returns_no_error(boss: Client, model: Any, query: str) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert boss.get(f"{url}?{query}").status_code in (200, 302, 400)


@pytest.mark.parametrize(
    ("model", "field"), [("contact", "organization"), ("organization", "main_contact")]
)
def test_autocomplete_with_nul_returns_no_results(boss: Client, model: str, field: str) -> None:
    query = {
        "app_label": "ringotel_minicrm",
        "model_name": model,
        "field_name": field,
        "term": "a\0, b",
    }
    assert boss.get("/admin/autocomplete/", query).json()["results"] == []


@pytest.mark.skipif(not apps.is_installed("import_export"), reason="needs the extra")
@pytest.mark.parametrize(
    "form",
    [
        {"import_file_name": "missing.csv"},
        {"import_file_name": "~"},
        {"import_file_name": "."},
        {"import_file_name": "x" * 300},
        {"format": "x"},
        {"format": "7"},
        {"resource": "7"},
    ],
    ids=str,
)
def test_import_with_invalid_form_asks_for_the_file_again(
    boss: Client, form: dict[str, str]
) -> None:
    data = {
        "import_file_name": "missing.csv",
        "original_file_name": "a.csv",
        "format": "0",
        "resource": "0",
        **form,
    }
    page = boss.post(f"{EXCHANGE}process_import/", data, follow=True)
    assert page.status_code == 200
    assert "Choose it again" in page.content.decode()


@pytest.mark.skipif(not apps.is_installed("import_export"), reason="needs the extra")
@pytest.mark.parametrize(
    "query", ["id=", "id=x", "created_at__year=2147483648", "first_name__regex=["]
)
def test_export_with_invalid_lookup_returns_no_error(boss: Client, query: str) -> None:
    make_contact("Ada Example")
    url = f"{EXCHANGE}export/?{query}"
    for response in (boss.get(url), boss.post(url, {"format": "0", "resource": "0"})):
        assert response.status_code in (200, 302, 400)


@pytest.mark.skipif(not apps.is_installed("import_export"), reason="needs the extra")
def test_import_reads_only_its_own_files(
    boss: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "foreign.csv").write_text(
        "first_name,last_name,email\nEve,Example,eve@example.com\n"
    )
    data = {
        "import_file_name": "foreign.csv",
        "original_file_name": "a.csv",
        "format": "0",
        "resource": "0",
    }
    boss.post(f"{EXCHANGE}process_import/", data)
    assert Contact.objects.count() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["foreign.csv"]


@pytest.mark.skipif(not apps.is_installed("import_export"), reason="needs the extra")
def test_abandoned_import_file_is_deleted_after_a_day(
    boss: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def preview() -> Path:
        file = SimpleUploadedFile(
            "a.csv", b"first_name,last_name,email\nAda,Example,ada@example.com\n"
        )
        boss.post(f"{EXCHANGE}import/", {"import_file": file, "format": "0", "resource": "0"})
        return max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)

    first = preview()
    assert first.stat().st_mode & 0o777 == 0o600
    preview()
    assert first.exists()
    os.utime(first, (0, 0))
    preview()
    assert not first.exists()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1969-12-31"])
def test_unreasonable_year_is_refused(boss: Client, settings: Settings, day: str) -> None:
    settings.TIME_ZONE = "America/New_York"
    user = make_user("una")
    data = {"name": "key", "user": user.pk, "expires_at_0": day, "expires_at_1": "23:59:59"}
    page = boss.post("/admin/ringotel_crm/apikey/add/", data)
    assert "between 1970 and 2099" in page.content.decode()
    assert not ApiKey.objects.exists()


def test_number_with_expanding_text_is_saved(boss: Client) -> None:
    contact = make_contact("Ada Example")
    ContactPhone.objects.create(
        contact=contact, raw="\ufdfa" * 14 + " <+353209150001>|+353209150002"
    )
    assert set(contact.phones.values_list("e164", flat=True)) == {"+353209150001", "+353209150002"}


@pytest.mark.parametrize("key", ["abc", "\0", str(2**63)])
def test_form_with_invalid_key_shows_no_error_page(boss: Client, key: str) -> None:
    url = "/admin/ringotel_minicrm/organization/add/"
    assert boss.get(url, {"main_contact": key}).status_code == 200
    assert boss.post(url, {"name": "Sample Ltd", "main_contact": key}).status_code == 200
    for query in ("_to_field=&_popup=1", "_to_field=%2B&_popup=1"):
        assert boss.get(f"{url}?{query}").status_code in (200, 400)
