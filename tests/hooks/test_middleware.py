"""The hooks on sites with other settings: below a path, with a language in URLs, with
``ATOMIC_REQUESTS``, and with a generator of OpenAPI schemas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.db import connection, connections
from django.test import Client
from django.urls import include, path, resolve, set_script_prefix
from pytest_django import Settings
from rest_framework.schemas.generators import EndpointEnumerator

from ringotel_crm.hooks.document import build
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity
from ringotel_crm.onboarding.account import get_page_urls
from ringotel_crm.onboarding.credentials import clean_base_url
from tests.api import Api, make_token, read
from tests.factories import make_contact

urlpatterns = i18n_patterns(path("ringotel/", include("ringotel_crm.urls")))


@pytest.fixture
def script_name() -> Iterator[None]:
    """As ``django.setup()`` does with ``FORCE_SCRIPT_NAME = "/sub"``."""
    set_script_prefix("/sub/")
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("script_name")
@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://crm.example.com/sub", "https://crm.example.com/sub/ringotel/users/"),
        ("https://crm.example.com/sub/", "https://crm.example.com/sub/ringotel/users/"),
        ("https://crm.example.com", "https://crm.example.com/sub/ringotel/users/"),
        ("https://sub", "https://sub/sub/ringotel/users/"),
        ("https://crm.example.com/outer/sub", "https://crm.example.com/outer/sub/ringotel/users/"),
    ],
)
def test_path_of_the_site_is_added_once(base_url: str, expected: str) -> None:
    base_url = clean_base_url(base_url)
    hook = build("bearer", base_url)["API"]["Users"]

    assert hook["request_url"] == expected
    assert expected.endswith(hook["request_path"])
    assert get_page_urls(base_url)["Screen pop URL"].startswith(
        expected.replace("ringotel/users/", "ringotel/pop/?")
    )


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_urls_may_contain_a_language(settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    client = Client(HTTP_AUTHORIZATION=f"Bearer {make_token()}", HTTP_ACCEPT_LANGUAGE="de")
    hook = build("bearer", "https://crm.example.com")["API"]["FindContact"]
    path = hook["request_path"].partition("?")[0]

    assert path == "/en/ringotel/contacts/find/"
    assert client.get(path, {"phone": "anonymous"}).status_code == 200


@pytest.mark.parametrize("path", ["contacts/find/", "health/", "webhook/support/"])
def test_view_is_exempt_from_atomic_requests_of_every_database(path: str) -> None:
    view: Any = resolve(f"/ringotel/{path}").func
    assert view._non_atomic_requests == {*connections}


@pytest.mark.django_db(transaction=True)
class TestAtomicRequests:
    @pytest.fixture(autouse=True)
    def _atomic_requests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def test_list_is_streamed(self) -> None:
        for number in range(3):
            make_contact(f"+35320915000{number}")

        response = Api(make_token()).call("Contacts")
        assert response.streaming
        assert len(read(response)["results"]) == 3

    def test_rejected_requests_store_nothing(self) -> None:
        api = Api(make_token())
        api.refused("CreateContact", {"first_name": "Ada", "email": "no address"})
        api.refused("CreateActivity", {"call_id": "c1", "call_start": "never"})

        assert not Contact.objects.exists()
        assert not Activity.objects.exists()

    def test_error_after_the_first_write_stores_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = Api(make_token())
        api.client.raise_request_exception = False
        monkeypatch.setattr("ringotel_crm.signals.send_on_commit", "not callable")
        assert api.call("CreateContact", {"first_name": "Ada"}).status_code == 500

        assert not Contact.objects.exists()

    def test_accepted_requests_are_stored(self) -> None:
        Api(make_token()).ok("CreateActivity", {"call_id": "c1", "caller_number": "+353209150001"})

        assert Activity.objects.get().call_id == "c1"


def test_hooks_are_not_in_the_schema_of_the_site() -> None:
    # drf-spectacular and drf-yasg enumerate endpoints by this class.
    paths = [path for path, _method, _view in EndpointEnumerator().get_api_endpoints()]

    assert not [path for path in paths if "/ringotel/" in path], json.dumps(paths)
