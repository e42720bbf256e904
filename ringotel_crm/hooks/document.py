"""The JSON document that Ringotel reads, built from the URLs, the hooks and their serializers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.urls import URLPattern, reverse
from django.utils import translation

from ..backends import Backend, get_backend_class
from ..conf import conf
from . import urls
from .base import Hook
from .serializers import HookSerializer, RecordingRequest
from .variables import VARIABLES, placeholder

Auth = Literal["bearer", "basic", "oauth2"]

# Labels of the fields in Ringotel's portal. Their values replace $label$ in the document.
PROPERTIES: dict[str, list[str]] = {
    "bearer": ["API key"],
    "basic": ["Username", "Password"],
    "oauth2": ["Client ID", "Client Secret"],
}


def build(auth: Auth, base_url: str) -> dict[str, Any]:
    """Return the document for a site at ``base_url``: scheme, host, and the path of a site that is
    not at the root.
    """
    base_url = base_url.rstrip("/")
    logo_path = urljoin(settings.STATIC_URL or "/static/", "ringotel_crm/logo.svg")
    document: dict[str, Any] = {
        "id": conf.DOCUMENT_ID,
        "name": conf.DOCUMENT_NAME,
        "logo": conf.LOGO_URL or _absolute(base_url, logo_path),
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


def site_path(name: str, *args: str) -> str:
    """Return the path of a URL of this app, with ``i18n_patterns()`` in the site's language."""
    language = translation.get_supported_language_variant(settings.LANGUAGE_CODE)
    with translation.override(language):
        return reverse(f"ringotel_crm:{name}", args=args)


def hooks() -> Iterator[tuple[Hook, str, str]]:
    """Yield each hook that the configured backend supports, with its method and path."""
    backend = get_backend_class()
    for pattern in urls.hooks:
        assert isinstance(pattern, URLPattern)
        view: Any = pattern.callback
        for method, action in view.actions.items():
            if method == "head":  # added by Django REST framework with the first request
                continue
            hook: Hook = getattr(view.cls, action).hook
            if _supports(backend, hook):
                yield hook, method.upper(), site_path(str(pattern.name))


def _supports(backend: type[Backend], hook: Hook) -> bool:
    match hook.requires.split("."):
        case ["contacts", flag]:
            return bool(getattr(backend.contact_directory, flag))
        case ["organizations"]:
            return backend.organization_directory is not None
    return True


def _describe(hook: Hook, method: str, path: str, base_url: str) -> dict[str, Any]:
    request = hook.request_serializer
    parameters = _template(hook, request) if request else {}
    query = _query_parameters(hook, method, parameters)
    if query:
        path += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    description: dict[str, Any] = {
        "request_method": method,
        "request_path": urlsplit(base_url).path + path,
        "request_url": _absolute(base_url, path),
    }
    if parameters and method != "GET":
        description["request_content_type"] = hook.content_type
        description["request_parameters"] = parameters
    if hook.response_serializer:
        variables = _variables(request) if request else ()
        response = _template(hook, hook.response_serializer, variables)
        description["response_map"] = {"results": [response]} if hook.many else response
    return description


def _query_parameters(hook: Hook, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if method == "GET":
        return parameters
    if hook.request_serializer is RecordingRequest:
        # The reference to the call is in the query too: a raw body contains the file only.
        return {name: value for name, value in parameters.items() if name != "recording"}
    return {}


def _template(
    hook: Hook,
    serializer_class: type[HookSerializer],
    request_variables: Collection[str] = (),
    path: str = "",
) -> dict[str, Any]:
    """Return the structure of a serializer, with a placeholder for each field.

    ``path``: dotted prefix of the names, ending with a dot. The others as for :func:`placeholder`.
    """
    template: dict[str, Any] = {}
    for name, field in serializer_class().fields.items():
        if isinstance(field, HookSerializer):
            template[name] = _template(hook, type(field), request_variables, f"{path}{name}.")
        else:
            template[name] = placeholder(
                hook.name, serializer_class.resource, f"{path}{name}", request_variables
            )
    return template


def _variables(serializer_class: type[HookSerializer], path: str = "") -> set[str]:
    """Return the default variable names of a serializer."""
    variables: set[str] = set()
    for name, field in serializer_class().fields.items():
        if isinstance(field, HookSerializer):
            variables |= _variables(type(field), f"{path}{name}.")
        else:
            variables.add(VARIABLES[serializer_class.resource][f"{path}{name}"])
    return variables


def _oauth2(base_url: str) -> dict[str, Any]:
    return {
        "client_id": "$Client ID$",
        "client_secret": "$Client Secret$",
        "flow_type": {"default": "0"},
        "authorization_endpoint": _absolute(base_url, site_path("authorize")),
        "authorization_parameters": {"default": "scope=ringotel"},
        "token_endpoint": _absolute(base_url, site_path("token")),
        "token_parameters": {"content_type": "application/x-www-form-urlencoded;charset=utf-8"},
        "request_auth": "Bearer",
    }


def _absolute(base_url: str, path: str) -> str:
    return path if path.startswith(("http://", "https://")) else base_url + path
