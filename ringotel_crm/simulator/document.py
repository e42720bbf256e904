"""Reading and validating the JSON document that a CRM provides to Ringotel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .template import variable, variables

# The eleven hooks, and the id that the response of each must contain.
HOOKS: Mapping[str, str | None] = {
    "Users": "user_id",
    "Contacts": "contact_id",
    "Organizations": "organization_id",
    "FindContact": "contact_id",
    "CreateContact": "contact_id",
    "UpdateContact": None,
    "CreateActivity": "activity_id",
    "AssignActivity": None,
    "UpdateActivity": None,
    "StopCallActivity": None,
    "UpdateCallRecording": None,
}
METHODS = ("GET", "POST", "PUT", "PATCH")
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data"

_ORIGIN = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)


class DocumentError(ValueError):
    """The document is invalid. The message names the place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hook:
    """How to call a hook. ``url``, which is absolute, and ``parameters`` are templates."""

    name: str
    method: str
    url: str
    content_type: str
    parameters: Mapping[str, Any]
    response_map: Any

    @property
    def variables(self) -> frozenset[str]:
        """The variables of a request."""
        return variables(self.url) | variables(self.parameters)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A valid document. Either ``auth`` or ``oauth2`` is empty."""

    name: str
    properties: tuple[str, ...]
    auth: Mapping[str, str]
    oauth2: Mapping[str, Any]
    hooks: Mapping[str, Hook]


def read_document(
    data: object, *, base_url: str = "", renamed: Mapping[str, str] | None = None
) -> Document:
    """Validate the document.

    ``base_url`` replaces the scheme and host of its URLs; it is required for URLs without them.
    ``renamed`` maps variables, or those of one hook, to their names in the document:
    ``{"phone": "number"}`` or ``{"FindContact.phone": "number"}``. Raises ``DocumentError``.
    """
    if not isinstance(data, dict):
        raise DocumentError("The document is not a JSON object.")
    if base_url and not _ORIGIN.match(base_url):
        raise DocumentError(
            f"The base URL {base_url!r} does not start with http:// or https:// and a host."
        )
    for key in ("id", "name", "logo"):
        _text(data, key)
    if data.get("class") != "crm":
        raise DocumentError('class: must be "crm".')
    properties = data.get("properties", [])
    if not isinstance(properties, list) or not all(
        isinstance(label, str) and label for label in properties
    ):
        raise DocumentError("properties: must be an array of labels.")
    hooks = _object(data, "API")
    if unknown := sorted(hooks.keys() - HOOKS.keys()):
        raise DocumentError(f"API: {unknown[0]} is not a hook; the hooks are {', '.join(HOOKS)}.")
    if "Users" not in hooks:
        raise DocumentError("API: Users is required.")
    if ("auth" in data) == ("OAuth2" in data):
        raise DocumentError("Exactly one of auth and OAuth2 is required.")
    return Document(
        name=data["name"],
        properties=tuple(properties),
        auth=_auth(data, properties) if "auth" in data else {},
        oauth2=_oauth2(data, properties, base_url) if "OAuth2" in data else {},
        hooks={
            name: _hook(_with_standard_names(hooks, name, renamed or {}), name, base_url)
            for name in HOOKS
            if name in hooks
        },
    )


def _object(parent: Mapping[str, Any], key: str, place: str = "") -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise DocumentError(f"{place}{key}: must be an object.")
    return value


def _text(parent: Mapping[str, Any], key: str, place: str = "") -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not value:
        raise DocumentError(f"{place}{key}: must be a non-empty string.")
    return value


def _credentials(
    auth: Mapping[str, Any], keys: tuple[str, ...], place: str, properties: list[str]
) -> dict[str, str]:
    texts = {key: _text(auth, key, place) for key in keys}
    for key, text in texts.items():
        if missing := variables(text) - set(properties):
            raise DocumentError(f"{place}{key}: ${min(missing)}$ is not one of the properties.")
    return texts


def _auth(data: Mapping[str, Any], properties: list[str]) -> dict[str, str]:
    auth = _object(data, "auth")
    match auth.get("type"):
        case "Bearer":
            keys: tuple[str, ...] = ("token",)
        case "Basic":
            keys = ("username", "password")
        case _:
            raise DocumentError("auth.type: must be Bearer or Basic.")
    return {"type": auth["type"], **_credentials(auth, keys, "auth.", properties)}


def _oauth2(data: Mapping[str, Any], properties: list[str], base_url: str) -> dict[str, Any]:
    oauth2 = _object(data, "OAuth2")
    if oauth2.get("request_auth") != "Bearer":
        raise DocumentError('OAuth2.request_auth: must be "Bearer".')
    content_type = _text(
        _object(oauth2, "token_parameters", "OAuth2."), "content_type", "OAuth2.token_parameters."
    )
    if media_type(content_type) not in (FORM_TYPE, JSON_TYPE):
        raise DocumentError(
            f"OAuth2.token_parameters.content_type: must be {FORM_TYPE} or {JSON_TYPE}."
        )
    return {
        **_credentials(oauth2, ("client_id", "client_secret"), "OAuth2.", properties),
        "authorization_endpoint": _url(oauth2, "authorization_endpoint", "OAuth2.", base_url),
        "authorization_parameters": _text(
            _object(oauth2, "authorization_parameters", "OAuth2."),
            "default",
            "OAuth2.authorization_parameters.",
        ),
        "token_endpoint": _url(oauth2, "token_endpoint", "OAuth2.", base_url),
        "content_type": content_type,
    }


def _url(parent: Mapping[str, Any], key: str, place: str, base_url: str) -> str:
    url = _text(parent, key, place)
    origin = _ORIGIN.match(url)
    if not origin:
        raise DocumentError(f"{place}{key}: must be an absolute URL.")
    return base_url.rstrip("/") + url[origin.end() :] if base_url else url


def _with_standard_names(
    hooks: Mapping[str, Any], name: str, renamed: Mapping[str, str]
) -> dict[str, Any]:
    """Return the hook by its name, with the standard names of its variables."""
    usual = {
        new: key.rpartition(".")[2]
        for key, new in renamed.items()
        if key.rpartition(".")[0] in ("", name)
    }
    text = re.sub(
        r'\$([^$"]+)\$', lambda found: f"${usual.get(found[1], found[1])}$", json.dumps(hooks[name])
    )
    return {name: json.loads(text)}


def _hook(hooks: Mapping[str, Any], name: str, base_url: str) -> Hook:
    place = f"API.{name}."
    hook = _object(hooks, name, "API.")
    method = hook.get("request_method")
    if method not in METHODS:
        raise DocumentError(f"{place}request_method: must be one of {', '.join(METHODS)}.")
    parameters = _object(hook, "request_parameters", place) if "request_parameters" in hook else {}
    if parameters and method == "GET":
        raise DocumentError(f"{place}request_parameters: a GET has no body; use the URL.")
    response_map = hook.get("response_map", {})
    _check_map(response_map, f"{place}response_map")
    required = HOOKS[name]
    if required and required not in variables(response_map):
        raise DocumentError(f"{place}response_map: must capture ${required}$.")
    return Hook(
        name=name,
        method=method,
        url=_hook_url(hook, place, base_url),
        content_type=_content_type(hook, name, parameters, place),
        parameters=parameters,
        response_map=response_map,
    )


def _hook_url(hook: Mapping[str, Any], place: str, base_url: str) -> str:
    if "request_url" in hook:
        return _url(hook, "request_url", place, base_url)
    if not _text(hook, "request_path", place).startswith("/"):
        raise DocumentError(f"{place}request_path: must start with a slash.")
    if not base_url:
        raise DocumentError(f"{place}request_path: a base URL is required without request_url.")
    return base_url.rstrip("/") + str(hook["request_path"])


def _content_type(
    hook: Mapping[str, Any], name: str, parameters: Mapping[str, Any], place: str
) -> str:
    if "request_content_type" not in hook:
        return JSON_TYPE
    content_type = _text(hook, "request_content_type", place)
    kind = media_type(content_type)
    is_audio = name == "UpdateCallRecording" and kind.startswith("audio/")
    if kind not in (JSON_TYPE, FORM_TYPE, MULTIPART_TYPE) and not is_audio:
        raise DocumentError(f"{place}request_content_type: {kind} is not supported.")
    is_flat = all(isinstance(part, str) for part in parameters.values())
    if kind in (FORM_TYPE, MULTIPART_TYPE) and not is_flat:
        raise DocumentError(
            f"{place}request_parameters: a form contains strings only; use {JSON_TYPE}."
        )
    return content_type


def media_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _check_map(part: object, place: str) -> None:
    match part:
        case dict():
            for key, child in part.items():
                _check_map(child, f"{place}.{key}")
        case [dict() as child]:
            _check_map(child, f"{place}[]")
        case _ if not variable(part):
            raise DocumentError(
                f'{place}: must be an object, an array with one object, or a "$variable$".'
            )
