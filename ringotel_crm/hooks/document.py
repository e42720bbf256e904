"""The JSON document that Ringotel follows, built from the URLconf, the hooks' marks and their serializers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.urls import URLPattern, reverse

from ..backends import Backend, get_backend_class
from ..conf import conf
from . import urls
from .base import Hook
from .serializers import HookSerializer, RecordingRequest
from .variables import VARIABLES, placeholder

Auth = Literal["bearer", "basic", "oauth2"]

# Labels of the fields in Ringotel's portal; what is typed there is used as $label$.
PROPERTIES: dict[str, list[str]] = {
    "bearer": ["API key"],
    "basic": ["Username", "Password"],
    "oauth2": ["Client ID", "Client Secret"],
}


def build(auth: Auth, base_url: str) -> dict[str, Any]:
    """The document for a CRM at ``base_url``: scheme, host, and the path if the site is not at the root."""
    base_url = base_url.rstrip("/")
    document: dict[str, Any] = {
        "id": conf.DOCUMENT_ID,
        "name": conf.DOCUMENT_NAME,
        "logo": conf.LOGO_URL
        or _absolute(base_url, urljoin(settings.STATIC_URL or "/static/", "ringotel_crm/logo.svg")),
        "class": "crm",
        "properties": PROPERTIES[auth],
    }
    if auth == "oauth2":
        document["OAuth2"] = _oauth2(base_url)
    elif auth == "basic":
        document["auth"] = {"type": "Basic", "username": "$Username$", "password": "$Password$"}
    else:
        document["auth"] = {"type": "Bearer", "token": "$API key$"}
    document["API"] = {
        hook.name: _describe(hook, method, path, base_url) for hook, method, path in hooks()
    }
    return document


def hooks() -> Iterator[tuple[Hook, str, str]]:
    """Each hook that the configured CRM offers, with its method and path."""
    backend = get_backend_class()
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        view: Any = pattern.callback
        for method, action in view.actions.items():
            if method == "head":  # Django REST framework adds it with the first request
                continue
            hook: Hook = getattr(view.cls, action).hook
            if _offers(backend, hook):
                yield hook, method.upper(), reverse(f"ringotel_crm:{pattern.name}")


def _offers(backend: type[Backend], hook: Hook) -> bool:
    match hook.requires.split("."):
        case ["contacts", flag]:
            return bool(getattr(backend.contact_directory, flag))
        case ["organizations"]:
            return backend.organization_directory is not None
    return True


def _describe(hook: Hook, method: str, path: str, base_url: str) -> dict[str, Any]:
    takes = _template(hook, hook.request_serializer) if hook.request_serializer else {}
    # What names the call of a recording is also in the query: a raw body has no room for it.
    in_query = (
        takes
        if method == "GET"
        else _without_file(takes)
        if hook.request_serializer is RecordingRequest
        else {}
    )
    if in_query:
        path += "?" + "&".join(f"{name}={value}" for name, value in in_query.items())
    description: dict[str, Any] = {
        "request_method": method,
        "request_path": urlsplit(base_url).path + path,
        "request_url": _absolute(base_url, path),
    }
    if takes and method != "GET":
        description |= {"request_content_type": hook.content_type, "request_parameters": takes}
    if hook.response_serializer:
        gives = _template(
            hook,
            hook.response_serializer,
            _variables(hook.request_serializer) if hook.request_serializer else (),
        )
        description["response_map"] = {"results": [gives]} if hook.many else gives
    return description


def _template(
    hook: Hook, serializer_class: type[HookSerializer], asked: Collection[str] = (), path: str = ""
) -> dict[str, Any]:
    """The shape of a serializer with a placeholder in each leaf."""
    return {
        name: _template(hook, type(field), asked, f"{path}{name}.")
        if isinstance(field, HookSerializer)
        else placeholder(hook.name, serializer_class.resource, f"{path}{name}", asked)
        for name, field in serializer_class().fields.items()
    }


def _variables(serializer_class: type[HookSerializer], path: str = "") -> set[str]:
    """What the variables of a serializer are called without settings."""
    found: set[str] = set()
    for name, field in serializer_class().fields.items():
        if isinstance(field, HookSerializer):
            found |= _variables(type(field), f"{path}{name}.")
        else:
            found.add(VARIABLES[serializer_class.resource][f"{path}{name}"])
    return found


def _without_file(takes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in takes.items() if name != "recording"}


def _oauth2(base_url: str) -> dict[str, Any]:
    return {
        "client_id": "$Client ID$",
        "client_secret": "$Client Secret$",
        "flow_type": {"default": "0"},
        "authorization_endpoint": _absolute(base_url, reverse("ringotel_crm:authorize")),
        "authorization_parameters": {"default": "scope=ringotel"},
        "token_endpoint": _absolute(base_url, reverse("ringotel_crm:token")),
        "token_parameters": {"content_type": "application/x-www-form-urlencoded;charset=utf-8"},
        "request_auth": "Bearer",
    }


def _absolute(base_url: str, path: str) -> str:
    return path if path.startswith(("http://", "https://")) else base_url + path
