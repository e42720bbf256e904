"""``manage.py ringotel_connect``: the credential and the document. The webhook's side is in tests/webhooks."""

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

Auths = {
    "bearer": {"API key"},
    "basic": {"Username", "Password"},
    "oauth2": {"Client ID", "Client Secret"},
}


def connect(auth: str = "bearer", **options: Any) -> tuple[str, str]:
    """What the command writes to the terminal, and to the error stream."""
    if auth == "oauth2":
        options.setdefault("redirect_uri", REDIRECT)
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "ringotel_connect", auth=auth, stdout=out, stderr=err, **{"base_url": URL, **options}
    )
    return out.getvalue(), err.getvalue()


def properties(auth: str = "bearer", **options: Any) -> dict[str, str]:
    """The values to type into Ringotel's portal."""
    found: dict[str, str] = json.loads(connect(auth, json=True, **options)[0])["properties"]
    return found


def status(authorization: str) -> int:
    return int(
        Client().get(HOOKS["FindContact"][1], headers={"Authorization": authorization}).status_code
    )


def bearer(token: str) -> int:
    return status(f"Bearer {token}")


# --- what it writes ---


@pytest.mark.parametrize("auth", Auths)
def test_one_object(auth: str) -> None:
    out, err = connect(auth, json=True)
    written = json.loads(out)
    assert written.keys() == {"document", "properties"}
    assert written["properties"].keys() == set(written["document"]["properties"]) == Auths[auth]
    assert err == ""


@pytest.mark.parametrize("auth", Auths)
def test_the_document_without_the_values(auth: str) -> None:
    out, err = connect(auth)
    assert json.loads(out)["class"] == "crm"
    for label in Auths[auth]:
        [value] = re.findall(rf"^{label}: (\S+)$", err, re.MULTILINE)
        assert value not in out


@pytest.mark.parametrize("auth", Auths)
def test_the_document_in_a_file(tmp_path: Path, auth: str) -> None:
    path = tmp_path / "ringotel.json"
    out, err = connect(auth, output=path)
    assert json.loads(path.read_text())["class"] == "crm"
    assert {line.partition(":")[0] for line in out.splitlines()} == Auths[auth]
    assert err.startswith(f"Written to {path}\n")
    assert f"Screen pop URL: {URL}/ringotel/pop/?caller=$caller$&" in err
    assert f"Custom page URL: {URL}/ringotel/app/?userid=$userid$&domain=$domain$" in err


def test_the_values_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "connect.json"
    path.write_text("x" * 100_000)
    path.chmod(0o644)
    out, _err = connect(json=True, output=path)
    assert out == ""
    assert bearer(json.loads(path.read_text())["properties"]["API key"]) == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    token = properties()["API key"]
    with pytest.raises(CommandError, match="--output"):
        connect(output=tmp_path / "nowhere" / "ringotel.json")
    assert bearer(token) == 200


@pytest.mark.parametrize(
    "base_url", [URL, f"{URL}/", "http://localhost:8000", "http://127.0.0.1:8000"]
)
def test_urls(base_url: str) -> None:
    out, err = connect(base_url=base_url, json=True)
    url = json.loads(out)["document"]["API"]["Users"]["request_url"]
    assert url == f"{base_url.rstrip('/')}/ringotel/users/"
    assert err == ""


def test_a_word_about_plain_http() -> None:
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
def test_bad_urls(base_url: str) -> None:
    with pytest.raises(CommandError, match="--base-url"):
        connect(base_url=base_url)
    assert ApiKey.objects.count() == 0


# --- bearer ---


def test_a_key_of_a_service_user() -> None:
    token = properties()["API key"]
    assert bearer(token) == 200
    user = ApiKey.objects.get().user
    assert (user.username, user.is_staff, user.is_superuser) == ("ringotel-ringotel", False, False)
    assert user.get_all_permissions() == {"ringotel_crm.use_api"}
    assert not user.has_usable_password()


def test_again_is_another_value_and_the_old_one_is_dead() -> None:
    old = properties()["API key"]
    new = properties()["API key"]
    assert (bearer(old), bearer(new)) == (403, 200)
    assert (ApiKey.objects.count(), User.objects.count(), Group.objects.count()) == (1, 1, 1)


def test_again_revives_a_revoked_key() -> None:
    properties()
    ApiKey.objects.update(revoked_at=timezone.now())
    assert bearer(properties()["API key"]) == 200


def test_another_name_is_another_key() -> None:
    one, two = properties(name="one")["API key"], properties(name="two")["API key"]
    assert (bearer(one), bearer(two)) == (200, 200)
    assert set(User.objects.values_list("username", flat=True)) == {"ringotel-one", "ringotel-two"}


def test_a_key_of_a_colleague() -> None:
    una = make_user("una")
    token = properties(user="una")["API key"]
    assert bearer(token) == 200
    assert ApiKey.objects.get().user == una
    assert User.objects.count() == 1


def test_a_key_may_pass_from_one_to_the_other() -> None:
    make_user("una")
    old = properties()["API key"]
    new = properties(user="una")["API key"]
    assert (bearer(old), bearer(new)) == (403, 200)
    assert ApiKey.objects.get().user.username == "una"


# --- basic ---


def test_a_password() -> None:
    found = properties("basic")
    assert status(basic(found["Username"], found["Password"])) == 200
    assert status(basic(found["Username"], "wrong")) == 403


def test_again_is_another_password_at_once() -> None:
    old = properties("basic")
    assert status(basic(old["Username"], old["Password"])) == 200  # and is remembered
    new = properties("basic")
    assert new["Username"] == old["Username"]
    assert status(basic(old["Username"], old["Password"])) == 403
    assert status(basic(new["Username"], new["Password"])) == 200
    assert User.objects.count() == 1


def test_basic_takes_no_colleague() -> None:
    una = make_user("una", password="her own")
    with pytest.raises(CommandError, match="--user"):
        connect("basic", user="una")
    una.refresh_from_db()
    assert una.check_password("her own")


def test_one_service_user_for_both() -> None:
    token, password = properties("bearer")["API key"], properties("basic")
    assert (bearer(token), status(basic(*password.values()))) == (200, 200)
    assert User.objects.count() == 1


# --- oauth2; tests/auth/test_oauth.py goes through its pages ---


def test_a_client() -> None:
    found = properties("oauth2")
    application = get_application_model().objects.get()
    assert (application.client_id, application.redirect_uris) == (found["Client ID"], REDIRECT)
    assert application.client_secret != found["Client Secret"]


def test_again_is_another_secret_of_the_same_client() -> None:
    old, new = properties("oauth2"), properties("oauth2", redirect_uri=f"{REDIRECT}/2")
    assert (old["Client ID"], old["Client Secret"] != new["Client Secret"]) == (
        new["Client ID"],
        True,
    )
    assert get_application_model().objects.get().redirect_uris == f"{REDIRECT}/2"


def test_a_client_of_a_colleague() -> None:
    una = make_user("una")
    connect("oauth2", user="una")
    assert get_application_model().objects.get().user == una


@pytest.mark.parametrize("redirect_uri", ["", None, "not a URL", "javascript:alert(1)"])
def test_bad_redirect_uris(redirect_uri: str | None) -> None:
    with pytest.raises(CommandError):
        connect("oauth2", redirect_uri=redirect_uri)
    assert get_application_model().objects.count() == 0


def test_without_the_toolkit() -> None:
    with (
        modify_settings(INSTALLED_APPS={"remove": "oauth2_provider"}),
        pytest.raises(CommandError, match="oauth2_provider"),
    ):
        connect("oauth2")


# --- what cannot be ---


@pytest.mark.parametrize("auth", ["bearer", "oauth2"])
def test_a_colleague_who_is_not_there(auth: str) -> None:
    with pytest.raises(CommandError, match="unknown user 'nobody'"):
        connect(auth, user="nobody")
    assert User.objects.count() == ApiKey.objects.count() == 0


@pytest.mark.parametrize("auth", ["bearer", "oauth2"])
def test_a_colleague_who_left(auth: str) -> None:
    una = make_user("una", is_active=False)
    with pytest.raises(CommandError, match="inactive"):
        connect(auth, user="una")
    assert una.get_all_permissions() == set()


@pytest.mark.parametrize("auth", ["bearer", "basic"])
def test_somebody_elses_name(auth: str) -> None:
    make_user("ringotel-desk", password="her own")
    with pytest.raises(CommandError, match="already exists"):
        connect(auth, name="desk")
    assert User.objects.get().check_password("her own")
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("auth", ["bearer", "basic", "oauth2"])
def test_a_name_that_is_too_long(auth: str) -> None:
    with pytest.raises(CommandError):
        connect(auth, name="x" * 300)
    assert ApiKey.objects.count() == get_application_model().objects.count() == 0


def test_an_unknown_kind() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("ringotel_connect", "--auth=digest", f"--base-url={URL}")
