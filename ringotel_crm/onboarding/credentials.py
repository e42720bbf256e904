"""Connecting a Ringotel account: a credential, the document, and a check of both. For the command and for the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.db import transaction
from django.utils.translation import gettext as _

from ..auth import service_users
from ..exceptions import InvalidInput
from ..hooks.document import Auth, build
from ..models import ApiKey

MAX_NAME = 100


LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The document for Ringotel, and the values to type into its portal, by their labels there."""

    document: dict[str, Any]
    properties: dict[str, str] = field(repr=False)


def clean_base_url(text: str) -> str:
    """Where this site is, without a slash at the end. Raises ``Invalid``."""
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # half an IPv6 address, a port beyond 65535
        good = False
    if not good or url.query or url.fragment or url.username:
        raise InvalidInput(_("%(url)r is not like https://crm.example.com") % {"url": text})
    return text.rstrip("/")


def is_out_of_reach(base_url: str) -> bool:
    """Whether Ringotel, which calls HTTPS only, could not use this address."""
    url = urlsplit(base_url)
    return url.scheme == "http" and url.hostname not in LOCAL


def issue_credential(
    auth: Auth, *, name: str, redirect_uri: str = "", user: Any = None, tenant: str = ""
) -> dict[str, str]:
    """A new credential called ``name``, or new values for the one there is. Raises ``Invalid``.

    Without ``user`` it acts as a service user that may do just this; Basic always does.
    """
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidInput(
            _("A name of at most %(max)d characters is expected.") % {"max": MAX_NAME}
        )
    if auth == "basic":
        user = service_users.service_user(name)
        return {
            "Username": user.get_username(),
            "Password": service_users.set_service_password(user),
        }
    if auth == "oauth2":
        if not apps.is_installed("oauth2_provider"):
            raise InvalidInput(_('OAuth2 needs "oauth2_provider" in INSTALLED_APPS.'))
        if not redirect_uri:
            raise InvalidInput(_("OAuth2 needs a redirect URI; Ringotel tells you which."))
        from ..auth.oauth import make_application

        client_id, client_secret = make_application(name=name, redirect_uri=redirect_uri, user=user)
        return {"Client ID": client_id, "Client Secret": client_secret}
    _key, token = ApiKey.objects.issue(
        name=name, user=user or service_users.service_user(name), tenant=tenant
    )
    return {"API key": token}


def create_connection(
    auth: Auth, *, base_url: str, name: str, redirect_uri: str = ""
) -> Connection:
    """Make both. Raises ``Invalid``."""
    base_url = clean_base_url(base_url)
    with transaction.atomic():
        properties = issue_credential(auth, name=name, redirect_uri=redirect_uri)
        return Connection(document=build(auth, base_url), properties=properties)
