"""``manage.py ringotel_connect``: the credential and the document."""

from __future__ import annotations

import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, modify_settings
from django.utils import timezone
from oauth2_provider.models import get_application_model

from ringotel_crm.models import ApiKey
from tests.api import HOOKS
from tests.auth.conftest import basic
from tests.factories import make_user

pytestmark = pytest.mark.django_db

URL = "https://crm.example.com"
REDIRECT = "https://shell.example.com/callback"

PROPERTIES = {
    "bearer": {"API key"},
    "basic": {"Username", "Password"},
    "oauth2": {"Client ID", "Client Secret"},
}


def connect(auth: str = "bearer", **options: Any) -> tuple[str, str]:
    """Run the command and return its standard output and error output."""
    if auth == "oauth2":
        options.setdefault("redirect_uri", REDIRECT)
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "ringotel_connect", auth=auth, stdout=out, stderr=err, **{"base_url": URL, **options}
    )
    return out.getvalue(), err.getvalue()


def properties(auth: str = "bearer", **options: Any) -> dict[str, str]:
    """Return the values to enter in Ringotel's portal."""
    found: dict[str, str] = json.loads(connect(auth, json=True, **options)[0])["properties"]
    return found


def status(authorization: str) -> int:
    return int(
        Client().get(HOOKS["FindContact"][1], headers={"Authorization": authorization}).status_code
    )


def bearer(token: str) -> int:
    return status(f"Bearer {token}")


# --- output ---


@pytest.mark.parametrize("auth", PROPERTIES)
def test_json_output_contains_document_and_properties(auth: str) -> None:
    out, err = connect(auth, json=True)
    written = json.loads(out)
    assert written.keys() == {"document", "properties"}
    assert (
        written["properties"].keys() == set(written["document"]["properties"]) == PROPERTIES[auth]
    )
    assert err == ""


@pytest.mark.parametrize("auth", PROPERTIES)
def test_standard_output_contains_no_secrets(auth: str) -> None:
    out, err = connect(auth)
    assert json.loads(out)["class"] == "crm"
    for label in PROPERTIES[auth]:
        [value] = re.findall(rf"^{label}: (\S+)$", err, re.MULTILINE)
        assert value not in out


@pytest.mark.parametrize("auth", PROPERTIES)
def test_document_is_written_to_a_file(tmp_path: Path, auth: str) -> None:
    path = tmp_path / "ringotel.json"
    out, err = connect(auth, output=path)
    assert json.loads(path.read_text())["class"] == "crm"
    assert {line.partition(":")[0] for line in out.splitlines()} == PROPERTIES[auth]
    assert err.startswith(f"Written to {path}\n")
    assert f"Screen pop URL: {URL}/ringotel/pop/?caller=$caller$&" in err
    assert f"Custom page URL: {URL}/ringotel/app/?userid=$userid$&domain=$domain$" in err


def test_file_with_secrets_is_readable_by_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "connect.json"
    path.write_text("x" * 100_000)
    path.chmod(0o644)
    out, _err = connect(json=True, output=path)
    assert out == ""
    assert bearer(json.loads(path.read_text())["properties"]["API key"]) == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_unwritable_file_does_not_replace_the_key(tmp_path: Path) -> None:
    token = properties()["API key"]
    with pytest.raises(CommandError, match="--output"):
        connect(output=tmp_path / "nowhere" / "ringotel.json")
    assert bearer(token) == 200


@pytest.mark.parametrize(
    "base_url", [URL, f"{URL}/", "http://localhost:8000", "http://127.0.0.1:8000"]
)
def test_urls_start_with_the_base_url(base_url: str) -> None:
    out, err = connect(base_url=base_url, json=True)
    url = json.loads(out)["document"]["API"]["Users"]["request_url"]
    assert url == f"{base_url.rstrip('/')}/ringotel/users/"
    assert err == ""


def test_plain_http_gives_a_warning() -> None:
    assert "HTTPS" in connect(base_url="http://crm.example.com", json=True)[1]


@pytest.mark.parametrize(
    "base_url",
    [
        "crm.example.com",
        "ftp://crm.example.com",
        "https://",
        "https://u:p@crm.example.com",
        f"{URL}?a=b",
        f"{URL}#a",
    ],
)
def test_invalid_base_url_is_rejected(base_url: str) -> None:
    with pytest.raises(CommandError, match="--base-url"):
        connect(base_url=base_url)
    assert ApiKey.objects.count() == 0


# --- bearer ---


def test_key_belongs_to_a_service_user() -> None:
    token = properties()["API key"]
    assert bearer(token) == 200
    user = ApiKey.objects.get().user
    assert (user.username, user.is_staff, user.is_superuser) == ("ringotel-ringotel", False, False)
    assert user.get_all_permissions() == {"ringotel_crm.use_api"}
    assert not user.has_usable_password()


def test_second_run_replaces_the_key() -> None:
    old = properties()["API key"]
    new = properties()["API key"]
    assert (bearer(old), bearer(new)) == (403, 200)
    assert (ApiKey.objects.count(), User.objects.count(), Group.objects.count()) == (1, 1, 1)


def test_second_run_replaces_a_revoked_key() -> None:
    properties()
    ApiKey.objects.update(revoked_at=timezone.now())
    assert bearer(properties()["API key"]) == 200


def test_another_name_creates_another_key() -> None:
    one, two = properties(name="one")["API key"], properties(name="two")["API key"]
    assert (bearer(one), bearer(two)) == (200, 200)
    assert set(User.objects.values_list("username", flat=True)) == {"ringotel-one", "ringotel-two"}


def test_key_can_belong_to_an_existing_user() -> None:
    una = make_user("una")
    token = properties(user="una")["API key"]
    assert bearer(token) == 200
    assert ApiKey.objects.get().user == una
    assert User.objects.count() == 1


def test_key_can_be_moved_to_another_user() -> None:
    make_user("una")
    old = properties()["API key"]
    new = properties(user="una")["API key"]
    assert (bearer(old), bearer(new)) == (403, 200)
    assert ApiKey.objects.get().user.username == "una"


# --- basic ---


def test_password_is_accepted() -> None:
    found = properties("basic")
    assert status(basic(found["Username"], found["Password"])) == 200
    assert status(basic(found["Username"], "wrong")) == 403


def test_second_run_replaces_a_cached_password() -> None:
    old = properties("basic")
    assert status(basic(old["Username"], old["Password"])) == 200  # and is cached
    new = properties("basic")
    assert new["Username"] == old["Username"]
    assert status(basic(old["Username"], old["Password"])) == 403
    assert status(basic(new["Username"], new["Password"])) == 200
    assert User.objects.count() == 1


def test_basic_rejects_an_existing_user() -> None:
    una = make_user("una", password="her own")
    with pytest.raises(CommandError, match="--user"):
        connect("basic", user="una")
    una.refresh_from_db()
    assert una.check_password("her own")


def test_key_and_password_share_a_service_user() -> None:
    token, password = properties("bearer")["API key"], properties("basic")
    assert (bearer(token), status(basic(*password.values()))) == (200, 200)
    assert User.objects.count() == 1


# --- oauth2; its pages are tested in tests/auth/test_oauth.py ---


def test_client_is_created_with_a_hashed_secret() -> None:
    found = properties("oauth2")
    application = get_application_model().objects.get()
    assert (application.client_id, application.redirect_uris) == (found["Client ID"], REDIRECT)
    assert application.client_secret != found["Client Secret"]


def test_second_run_replaces_the_client_secret() -> None:
    old, new = properties("oauth2"), properties("oauth2", redirect_uri=f"{REDIRECT}/2")
    assert (old["Client ID"], old["Client Secret"] != new["Client Secret"]) == (
        new["Client ID"],
        True,
    )
    assert get_application_model().objects.get().redirect_uris == f"{REDIRECT}/2"


def test_client_can_belong_to_an_existing_user() -> None:
    una = make_user("una")
    connect("oauth2", user="una")
    assert get_application_model().objects.get().user == una


@pytest.mark.parametrize("redirect_uri", ["", None, "not a URL", "javascript:alert(1)"])
def test_invalid_redirect_uri_is_rejected(redirect_uri: str | None) -> None:
    with pytest.raises(CommandError):
        connect("oauth2", redirect_uri=redirect_uri)
    assert get_application_model().objects.count() == 0


def test_oauth2_requires_the_toolkit() -> None:
    with (
        modify_settings(INSTALLED_APPS={"remove": "oauth2_provider"}),
        pytest.raises(CommandError, match="oauth2_provider"),
    ):
        connect("oauth2")


# --- errors ---


@pytest.mark.parametrize("auth", ["bearer", "oauth2"])
def test_unknown_user_is_rejected(auth: str) -> None:
    with pytest.raises(CommandError, match="unknown user 'missing'"):
        connect(auth, user="missing")
    assert User.objects.count() == ApiKey.objects.count() == 0


@pytest.mark.parametrize("auth", ["bearer", "oauth2"])
def test_inactive_user_is_rejected(auth: str) -> None:
    una = make_user("una", is_active=False)
    with pytest.raises(CommandError, match="inactive"):
        connect(auth, user="una")
    assert una.get_all_permissions() == set()


@pytest.mark.parametrize("auth", ["bearer", "basic"])
def test_username_of_another_user_is_rejected(auth: str) -> None:
    make_user("ringotel-desk", password="her own")
    with pytest.raises(CommandError, match="already exists"):
        connect(auth, name="desk")
    assert User.objects.get().check_password("her own")
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("auth", ["bearer", "basic", "oauth2"])
def test_too_long_name_is_rejected(auth: str) -> None:
    with pytest.raises(CommandError):
        connect(auth, name="x" * 300)
    assert ApiKey.objects.count() == get_application_model().objects.count() == 0


def test_unknown_authentication_is_rejected() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("ringotel_connect", "--auth=digest", f"--base-url={URL}")
