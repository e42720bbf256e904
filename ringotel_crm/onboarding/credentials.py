"""Issuing the credentials and the document of a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.urls import get_script_prefix
from django.utils.text import slugify
from django.utils.translation import gettext as _

from .. import databases
from ..auth import service_users
from ..backends import get_backend
from ..backends.tenants import lacks_tenant, tenant_keys
from ..exceptions import InvalidInput
from ..hooks.document import Auth, build, site_path
from ..models import ApiKey, WebhookToken
from ..records import Actor

MAX_NAME_LENGTH = 100
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The document for Ringotel, and the values to enter in its portal, by their labels there."""

    document: dict[str, Any]
    properties: dict[str, str] = field(repr=False)


def clean_base_url(text: str) -> str:
    """Return the URL of a site without a trailing slash, and without ``FORCE_SCRIPT_NAME``, which
    ``reverse()`` adds. Raises ``InvalidInput``.
    """
    try:
        url = urlsplit(text)
        is_valid = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # an incomplete IPv6 address, a port above 65535
        is_valid = False
    if not is_valid or url.query or url.fragment or url.username:
        raise InvalidInput(
            _("Enter a URL such as https://crm.example.com, not %(url)r.") % {"url": text}
        )
    base_url, script_name = text.rstrip("/"), get_script_prefix().rstrip("/")
    if script_name and url.path.rstrip("/").endswith(script_name):
        base_url = base_url.removesuffix(script_name)
    return base_url


def is_out_of_reach(base_url: str) -> bool:
    """Whether Ringotel could not call ``base_url``, because it only calls HTTPS URLs."""
    url = urlsplit(base_url)
    return url.scheme == "http" and url.hostname not in LOCAL_HOSTS


def issue_credential(
    auth: Auth, *, name: str, redirect_uri: str = "", user: Any = None, tenant: str | None = None
) -> dict[str, str]:
    """Create the credential ``name``, or replace its values. Return them by their labels.

    Without ``user``, and always with Basic, the credential acts as a service user whose only
    permission is to use the API. Raises ``InvalidInput``, also if the site would answer requests
    with the credential with 403.
    """
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise InvalidInput(
            _("Enter a name of at most %(max)d characters.") % {"max": MAX_NAME_LENGTH}
        )
    if auth == "basic":
        user = service_users.service_user(name)
        service_users.require_api_permission(user)
        require_tenant(user, tenant)
        password = service_users.set_service_password(user)
        return {"Username": user.get_username(), "Password": password}
    if auth == "oauth2":
        return _issue_oauth2_application(name, redirect_uri, user)
    user = user or service_users.service_user(name)
    service_users.require_api_permission(user)
    require_tenant(user, tenant)
    _key, token = ApiKey.objects.issue(name=name, user=user, tenant=tenant or "")
    return {"API key": token}


def require_tenant(user: Any, tenant: str | None) -> None:
    """Raise ``InvalidInput``, with the tenants to choose from, if ``tenant`` is ``None`` and
    ``user`` would have access to no contacts.

    "" is accepted: the backend may read the tenant from the request.
    """
    if tenant is not None:
        return
    backend = get_backend(Actor(user=user))
    if lacks_tenant(backend):
        tenants = ", ".join(tenant_keys(backend))
        raise InvalidInput(
            _(
                "Each contact belongs to a tenant, and this credential to none. Run "
                "“manage.py ringotel_connect --auth bearer --tenant ...” with one of these: "
                "%(tenants)s"
            )
            % {"tenants": tenants or _("no tenants exist yet")}
        )


def _issue_oauth2_application(name: str, redirect_uri: str, user: Any) -> dict[str, str]:
    if not apps.is_installed("oauth2_provider"):
        raise InvalidInput(_('OAuth2 requires "oauth2_provider" in INSTALLED_APPS.'))
    if not redirect_uri:
        raise InvalidInput(_("Enter the redirect URI that Ringotel specifies for OAuth2."))
    from ..auth.oauth import make_application

    client_id, client_secret = make_application(name=name, redirect_uri=redirect_uri, user=user)
    return {"Client ID": client_id, "Client Secret": client_secret}


def create_connection(
    auth: Auth, *, base_url: str, name: str, redirect_uri: str = ""
) -> Connection:
    """Issue a credential and build the document for it. Raises ``InvalidInput``."""
    base_url = clean_base_url(base_url)
    with databases.atomic():
        properties = issue_credential(auth, name=name, redirect_uri=redirect_uri)
        return Connection(document=build(auth, base_url), properties=properties)


def issue_webhook_token(
    *, base_url: str, name: str, user: Any = None, tenant: str | None = None
) -> dict[str, str]:
    """Issue a token for the webhook ``name``, which is created if it does not exist.

    Return the values for Ringotel's portal by their labels there. Without ``user``, the events are
    processed as a service user whose only permission is to use the API. Raises ``InvalidInput``.
    """
    if not 0 < len(name) <= MAX_NAME_LENGTH or slugify(name) != name:
        raise InvalidInput(
            _(
                "%(name)r becomes part of the URL. Use lower-case letters, digits and hyphens, at "
                "most %(max)d."
            )
            % {"name": name, "max": MAX_NAME_LENGTH}
        )
    user = user or service_users.service_user(name)
    service_users.require_api_permission(user)
    require_tenant(user, tenant)
    _token, text = WebhookToken.objects.issue(name=name, user=user, tenant=tenant or "")
    return {"Webhook URL": base_url + site_path("webhook", name), "API token": text}
