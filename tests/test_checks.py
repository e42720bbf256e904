from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, run_checks
from django.core.management import call_command
from django.db import connections
from django.urls import reverse_lazy
from pytest_django import Settings

from ringotel_crm.checks import TAG
from ringotel_crm.checks.deployment import check_database
from ringotel_crm.checks.site import KEYS, OLD_KEYS
from ringotel_crm.conf import AppSettings

NOT_A_BACKEND = "ringotel_crm.conf.AppSettings"
FILES = "django.core.files.storage.FileSystemStorage"


def messages(*, deploy: bool = False) -> list[CheckMessage]:
    """Run the checks of this app, as ``manage.py check`` does."""
    return run_checks(tags=[TAG], include_deployment_checks=deploy)


def ids(*, deploy: bool = False) -> list[str | None]:
    found = messages(deploy=deploy)
    assert all(message.hint for message in found)
    assert all(
        isinstance(message, Error) == (message.id or "").startswith("ringotel_crm.E")
        for message in found
    )
    return [(message.id or "").removeprefix("ringotel_crm.") for message in found]


@pytest.fixture(autouse=True)
def _private_recordings(settings: Settings, tmp_path: Path) -> None:
    """Store recordings outside MEDIA_ROOT, as the tutorial does."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "ringotel_recordings": {"BACKEND": FILES, "OPTIONS": {"location": tmp_path / "recordings"}},
    }


@pytest.fixture
def deployed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site without any deployment warning."""
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    monkeypatch.setitem(
        connections["default"].settings_dict, "OPTIONS", {"transaction_mode": "IMMEDIATE"}
    )


@pytest.mark.django_db
def test_stock_site_has_no_warnings() -> None:
    call_command("check", fail_level="WARNING")


def test_site_without_settings_has_no_messages(settings: Settings) -> None:
    del settings.RINGOTEL_CRM

    assert ids() == []


def test_every_setting_is_checked_and_its_example_is_valid(settings: Settings) -> None:
    assert sorted(KEYS) == AppSettings.names()
    assert all(is_right(eval(example)) for is_right, example in KEYS.values())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ({"DEFAULT_REGION": "IE", "COMPANY_NUMBERS": ["01 555 0100", "+44 20 7946 0000"]}, []),
        ({"DEFAULT_REGION": None, "CREDENTIAL_CACHE_SECONDS": 0}, []),
        ({"SHARED_NUMBER_RULE": "oldest", "IGNORED_NUMBERS": ("+353 1 555 0100",)}, []),
        ({"BACKEND": "ringotel_crm.backends.memory.MemoryBackend"}, []),
        (None, ["E001"]),
        ("IE", ["E001"]),
        ([("DEFAULT_REGION", "IE")], ["E001"]),
        ({"DEFAULT_REGIN": "IE"}, ["E002"]),
        ({"default_region": "IE", "FOO": 1}, ["E002", "E002"]),
        ({1: 2}, ["E002"]),
        ({"BACKEND": None}, ["E003"]),
        ({"DEFAULT_REGION": 353}, ["E003"]),
        ({"COMPANY_NUMBERS": "+353 1 555 0100"}, ["E003"]),
        ({"COMPANY_NUMBERS": [35315550100]}, ["E003"]),
        ({"DIAL_PREFIX": "9", "DEFAULT_REGION": "US"}, []),
        ({"DIAL_PREFIX": 9}, ["E003"]),
        ({"DIAL_PREFIX": "9,"}, ["E003"]),
        ({"VARIABLE_NAMES": ["phone"]}, ["E003"]),
        ({"VARIABLE_NAMES": {"phone": 1}}, ["E003"]),
        ({"MAX_PAGE_SIZE": 0}, ["E003"]),
        ({"MAX_PAGE_SIZE": True}, ["E003"]),
        ({"MAX_PAGE_SIZE": "1000"}, ["E003"]),
        ({"RECORDING_MAX_BYTES": 1e9}, ["E003"]),
        ({"CREDENTIAL_CACHE_SECONDS": -1}, ["E003"]),
        ({"SHARED_NUMBER_RULE": "newest"}, ["E004"]),
        ({"DEFAULT_REGION": ""}, ["E005"]),
        ({"DEFAULT_REGION": "UK"}, ["E005"]),
        ({"DEFAULT_REGION": "ie"}, ["E005"]),
        ({"DEFAULT_REGION": "Ireland", "COMPANY_NUMBERS": ["01 555 0100"]}, ["E005"]),
        ({"COMPANY_NUMBERS": ["01 555 0100"]}, ["E006"]),
        (
            {"DEFAULT_REGION": "IE", "IGNORED_NUMBERS": ["", "anonymous", "+353 1 555 0100"]},
            ["E006", "E006"],
        ),
        ({"DEFAULT_REGION": "IE", "IGNORED_NUMBERS": ["01 555 0100 / 01 555 0101"]}, ["E006"]),
        ({"BACKEND": "ringotel_crm.backends.nowhere.Backend"}, ["E008"]),
        ({"BACKEND": ""}, ["E008"]),
        ({"BACKEND": NOT_A_BACKEND}, ["E008"]),
        (
            {"SHARED_NUMBER_RULE": "newest", "DEFAULT_REGION": "UK", "BACKEND": NOT_A_BACKEND},
            ["E004", "E005", "E008"],
        ),
    ],
    ids=repr,
)
def test_setting_values_are_checked(settings: Settings, value: Any, expected: list[str]) -> None:
    settings.RINGOTEL_CRM = value

    assert ids() == expected


@pytest.mark.parametrize(
    ("key", "hint"), [("DEFAULT_REGIN", "DEFAULT_REGION"), ("backend", "BACKEND")]
)
def test_unknown_key_hint_names_the_most_similar_setting(
    settings: Settings, key: str, hint: str
) -> None:
    settings.RINGOTEL_CRM = {key: "x"}

    assert [message.hint for message in messages()] == [f'Did you mean "{hint}"?']


@pytest.mark.parametrize(("old", "new"), OLD_KEYS.items())
def test_old_setting_hint_names_the_new_setting(settings: Settings, old: str, new: str) -> None:
    settings.RINGOTEL_CRM = {old: "x"}

    assert [message.hint for message in messages()] == [f'Did you mean "{new}"?']
    assert new in KEYS


@pytest.mark.parametrize(
    ("backend", "expected"), [(None, ["E007"]), ("ringotel_crm.backends.memory.MemoryBackend", [])]
)
def test_default_backend_requires_the_minicrm(
    settings: Settings, backend: str | None, expected: list[str]
) -> None:
    settings.INSTALLED_APPS = [
        app for app in settings.INSTALLED_APPS if app != "ringotel_crm.minicrm"
    ]
    settings.RINGOTEL_CRM = {"BACKEND": backend} if backend else {}

    assert ids() == expected


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ({}, []),
        ({"PKCE_REQUIRED": True}, []),
        ({"SCOPES": {"ringotel": "Phones"}}, []),
        ({"SCOPES": {"read": "Read"}}, ["W001"]),
    ],
)
def test_oauth2_scopes_must_include_ringotel(
    settings: Settings, provider: dict[str, Any], expected: list[str]
) -> None:
    settings.OAUTH2_PROVIDER = provider

    assert ids() == expected


def test_oauth2_is_not_checked_when_not_installed(settings: Settings, deployed: None) -> None:
    settings.OAUTH2_PROVIDER = {"SCOPES": {"read": "Read"}}
    settings.LOGIN_URL = "/nowhere/"
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "oauth2_provider"]

    assert ids(deploy=True) == []


def test_deployed_site_has_no_warnings(deployed: None) -> None:
    assert ids(deploy=True) == []


def test_missing_region_is_a_deployment_warning(settings: Settings, deployed: None) -> None:
    settings.RINGOTEL_CRM = {}

    assert ids() == []
    assert ids(deploy=True) == ["W002"]


@pytest.mark.parametrize(
    ("login_url", "expected"),
    [
        ("admin:login", []),
        ("/admin/login/", []),
        ("/admin/login/?next=/", []),
        (reverse_lazy("admin:login"), []),
        ("https://id.example.com/login", []),
        ("/accounts/login/", ["W003"]),
        ("no-such-page", ["W003"]),
    ],
)
def test_oauth2_requires_a_login_page(
    settings: Settings, deployed: None, login_url: Any, expected: list[str]
) -> None:
    settings.LOGIN_URL = login_url

    assert ids(deploy=True) == expected


@pytest.mark.parametrize(
    ("storages", "expected"),
    [
        (lambda root: {"default": {"BACKEND": FILES}}, ["W004"]),
        (lambda root: {"ringotel_recordings": {"BACKEND": FILES}}, ["W004"]),
        (
            lambda root: {
                "ringotel_recordings": {"BACKEND": FILES, "OPTIONS": {"location": root / "media/r"}}
            },
            ["W004"],
        ),
        (
            lambda root: {
                "ringotel_recordings": {"BACKEND": FILES, "OPTIONS": {"location": root / "r"}}
            },
            [],
        ),
        (lambda root: {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}, []),
    ],
    ids=["default", "media root", "under media root", "elsewhere", "no files"],
)
def test_recordings_below_media_root_are_reported(
    settings: Settings,
    deployed: None,
    tmp_path: Path,
    storages: Callable[[Path], dict[str, Any]],
    expected: list[str],
) -> None:
    settings.STORAGES = {"staticfiles": settings.STORAGES["staticfiles"], **storages(tmp_path)}

    assert ids() == ids(deploy=True) == expected


def test_site_without_media_root_needs_a_recordings_location(
    settings: Settings, deployed: None
) -> None:
    settings.MEDIA_ROOT = ""
    settings.STORAGES = {**settings.STORAGES, "ringotel_recordings": {"BACKEND": FILES}}
    assert ids(deploy=True) == ["W004"]

    options = {"location": Path.cwd() / "recordings"}
    settings.STORAGES = {
        **settings.STORAGES,
        "ringotel_recordings": {"BACKEND": FILES, "OPTIONS": options},
    }
    assert ids(deploy=True) == []


@pytest.mark.parametrize(
    ("vendor", "database", "expected"),
    [
        ("sqlite", {"OPTIONS": {}}, ["W005"]),
        ("sqlite", {"OPTIONS": {"transaction_mode": "DEFERRED"}}, ["W005"]),
        ("sqlite", {"OPTIONS": {"transaction_mode": "immediate"}}, []),
        ("postgresql", {"CONN_MAX_AGE": 0, "OPTIONS": {}}, ["W006"]),
        ("postgresql", {"CONN_MAX_AGE": 60, "OPTIONS": {}}, []),
        ("postgresql", {"CONN_MAX_AGE": None, "OPTIONS": {}}, []),
        ("postgresql", {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": True}}, []),
        ("mysql", {"CONN_MAX_AGE": 0, "OPTIONS": {}}, []),
    ],
)
def test_database_options_are_checked(
    monkeypatch: pytest.MonkeyPatch, vendor: str, database: dict[str, Any], expected: list[str]
) -> None:
    monkeypatch.setattr(connections["default"], "vendor", vendor)
    for key, value in database.items():
        monkeypatch.setitem(connections["default"].settings_dict, key, value)

    # Only this check: the others query the database, whose vendor is faked here.
    assert [
        str(message.id).removeprefix("ringotel_crm.") for message in check_database()
    ] == expected


def test_admin_site_must_be_in_the_urlconf(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "ADMIN_SITE": "admin"}
    assert ids() == []

    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "ADMIN_SITE": "staff"}
    assert ids() == ["E011"]
