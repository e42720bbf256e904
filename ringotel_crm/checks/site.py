"""Checks of ``RINGOTEL_CRM`` and of the settings that this app depends on."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage

from .. import phone
from ..backends import get_backend_class
from ..backends.checks import check_backend
from ..backends.write_checks import check_writes
from ..client.sms import get_sms_backend
from ..conf import conf
from ..exceptions import InvalidBackend
from ..internal.admin_urls import admin_site_names
from ..media.storage import recording_storage
from ..records import Delivery, SharedNumberRule

TAG = "ringotel_crm"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_digits_or_empty(value: Any) -> bool:
    return isinstance(value, str) and (not value or (value.isascii() and value.isdigit()))


def _is_number_url(value: Any) -> bool:
    return isinstance(value, str) and "{number}" in value


def _is_text_sequence(value: Any) -> bool:
    is_sequence = isinstance(value, (list, tuple, set, frozenset))
    return is_sequence and all(isinstance(item, str) for item in value)


def _is_text_sequence_or_none(value: Any) -> bool:
    return value is None or _is_text_sequence(value)


def _is_text_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, (*value, *value.values())))


def _is_positive(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_positive_or_zero(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_retention(value: Any) -> bool:
    ages = value.values() if isinstance(value, Mapping) else [value]
    return all(age is None or _is_positive(age) for age in ages)


def _is_delivery(value: Any) -> bool:
    return value in Delivery.values


def _is_location(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and value.endswith("/")


def _is_origin(value: str) -> bool:
    url = urlsplit(value)
    has_more = url.path or url.query or url.fragment or url.username or set(value) & set("; ,'\"")
    return url.scheme in ("http", "https") and bool(url.hostname) and not has_more


def _is_origin_sequence(value: Any) -> bool:
    return _is_text_sequence(value) and all(map(_is_origin, value))


def _is_api_url(value: Any) -> bool:
    url = urlsplit(value if isinstance(value, str) else "")
    is_local = url.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(url.hostname) and (url.scheme == "https" or is_local)


# A test of the value of each setting, and an example.
KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "ADMIN_SITE": (_is_text, '"staff"'),
    "AUTH_FAILURES_PER_MINUTE_BY_IP": (_is_positive_or_zero, "20"),
    "AUTH_FAILURES_PER_MINUTE_BY_USERNAME": (_is_positive_or_zero, "10"),
    "BACKEND": (_is_text, '"ringotel_crm.minicrm.backend.MiniCRMBackend"'),
    "CALLBACK_DAYS": (_is_positive, "14"),
    "CALL_RETENTION_DAYS": (_is_retention, '1095 or {"acme": 365, "*": 1095}'),
    "CLICK_TO_CALL_URL": (_is_number_url, '"tel:{number}"'),
    "COMPANY_NUMBERS": (_is_text_sequence, '["+353 1 555 0100"]'),
    "CREDENTIAL_CACHE_SECONDS": (_is_positive_or_zero, "300"),
    "DEFAULT_REGION": (_is_text_or_none, '"IE"'),
    "DIAL_PREFIX": (_is_digits_or_empty, '"9"'),
    "DOCUMENT_ID": (_is_text, '"acme-crm"'),
    "DOCUMENT_NAME": (_is_text, '"Acme CRM"'),
    "FETCH_ALLOWED_HOSTS": (_is_text_sequence_or_none, '["files.example.com"]'),
    "FETCH_ALLOW_HTTP": (_is_bool, "False"),
    "FETCH_TIMEOUT": (_is_positive, "25"),
    "FRAME_ANCESTORS": (_is_origin_sequence, '["https://app.ringotel.co"]'),
    "IGNORED_NUMBERS": (_is_text_sequence, '["+353 1 555 0199"]'),
    "LOGO_URL": (_is_text, '"https://crm.example.com/logo.svg"'),
    "MAX_PAGE_SIZE": (_is_positive, "1000"),
    "NUM_PROXIES": (_is_positive_or_zero, "1"),
    "ORGANIZATION_DOMAIN": (_is_text, '"newcompany123"'),
    "ORGANIZATION_ID": (_is_text, '"17295345566567084859"'),
    "PROCESS_WEBHOOK_EVENTS": (_is_bool, "True"),
    "PUSH_CALL_NOTES": (_is_bool, "True"),
    "RECORDING_DELIVERY": (_is_delivery, '"auto"'),
    "RECORDING_INTERNAL_URL": (_is_location, '"/ringotel-recordings/"'),
    "RECORDING_MAX_BYTES": (_is_positive, "200 * 1024 * 1024"),
    "RECORDING_RETENTION_DAYS": (_is_retention, '365 or {"acme": 90, "*": 365}'),
    "REQUESTS_PER_MINUTE": (_is_positive_or_zero, "600"),
    "RINGOTEL_API_KEY": (_is_text, '"5c2d7008-..."'),
    "RINGOTEL_API_URL": (_is_api_url, '"https://shell.ringotel.co/api"'),
    "SHARED_NUMBER_RULE": (_is_text, '"recent_call"'),
    "SMS_BACKEND": (_is_text, '"acme.sms.CarrierBackend"'),
    "STALE_CALL_MINUTES": (_is_positive, "240"),
    "VARIABLE_NAMES": (_is_text_mapping, '{"phone": "number"}'),
    "WEBHOOK_EVENT_RETENTION_DAYS": (_is_positive, "30"),
}

# Names before 0.1.0, where the most similar name of a setting is another one.
OLD_KEYS = {
    "ACCOUNT_KEY": "RINGOTEL_API_KEY",
    "API_URL": "RINGOTEL_API_URL",
    "CALL_URL": "CLICK_TO_CALL_URL",
    "DOMAIN": "ORGANIZATION_DOMAIN",
    "EVENT_DAYS": "WEBHOOK_EVENT_RETENTION_DAYS",
    "FAILURES_PER_ADDRESS": "AUTH_FAILURES_PER_MINUTE_BY_IP",
    "FAILURES_PER_USERNAME": "AUTH_FAILURES_PER_MINUTE_BY_USERNAME",
    "FETCH_HTTP": "FETCH_ALLOW_HTTP",
    "FETCH_SECONDS": "FETCH_TIMEOUT",
    "ORG_ID": "ORGANIZATION_ID",
    "PROCESS_EVENTS": "PROCESS_WEBHOOK_EVENTS",
    "PROXIES": "NUM_PROXIES",
    "SHARED_NUMBER": "SHARED_NUMBER_RULE",
    "VARIABLES": "VARIABLE_NAMES",
}

# Settings whose value is not repeated in a message.
SECRETS = {"RINGOTEL_API_KEY"}


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check the keys of ``RINGOTEL_CRM`` and their types and, if these are valid, their values."""
    given = getattr(settings, "RINGOTEL_CRM", {})
    if not isinstance(given, Mapping):
        return [
            Error(
                "RINGOTEL_CRM must be a dict.",
                hint='Example: RINGOTEL_CRM = {"DEFAULT_REGION": "IE"}, with your own country.',
                id="ringotel_crm.E001",
            )
        ]
    messages: list[CheckMessage] = []
    for key, value in given.items():
        if key not in KEYS:
            messages.append(_unknown_key(key))
        elif not KEYS[key][0](value):
            shown = "" if key in SECRETS else f": {value!r}"
            messages.append(
                Error(
                    f'Invalid value for RINGOTEL_CRM["{key}"]{shown}.',
                    hint=f'Example: "{key}": {KEYS[key][1]}.',
                    id="ringotel_crm.E003",
                )
            )
    return messages or [
        *_check_numbers(),
        *_check_backend(),
        *_check_delivery(),
        *_check_sms_backend(),
        *_check_admin_site(),
    ]


def _unknown_key(key: Any) -> CheckMessage:
    name = str(key).upper()
    similar = [OLD_KEYS[name]] if name in OLD_KEYS else difflib.get_close_matches(name, KEYS, n=1)
    hint = f"Remove it. Valid keys: {', '.join(KEYS)}."
    if similar:
        hint = f'Did you mean "{similar[0]}"?'
    return Error(f"Unknown key in RINGOTEL_CRM: {key!r}.", hint=hint, id="ringotel_crm.E002")


def _check_numbers() -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if conf.SHARED_NUMBER_RULE not in SharedNumberRule.values:
        messages.append(
            Error(
                f'Invalid value for RINGOTEL_CRM["SHARED_NUMBER_RULE"]: '
                f"{conf.SHARED_NUMBER_RULE!r}.",
                hint=f"Must be one of {SharedNumberRule.values}.",
                id="ringotel_crm.E004",
            )
        )
    if conf.DEFAULT_REGION is not None and not phone.is_region(conf.DEFAULT_REGION):
        messages.append(
            Error(
                f'Unknown region in RINGOTEL_CRM["DEFAULT_REGION"]: {conf.DEFAULT_REGION!r}.',
                hint='Must be an ISO 3166 code of two upper-case letters, such as "IE" or "GB".',
                id="ringotel_crm.E005",
            )
        )
        return messages
    for key in ("COMPANY_NUMBERS", "IGNORED_NUMBERS"):
        messages += [
            Error(
                f'Invalid phone number in RINGOTEL_CRM["{key}"]: {entry!r}.',
                hint='Write one number per entry, with its country code: "+353 1 555 0100".',
                id="ringotel_crm.E006",
            )
            for entry in getattr(conf, key)
            if len(phone.numbers(entry)) != 1
        ]
    return messages


def _check_backend() -> list[CheckMessage]:
    is_minicrm = conf.BACKEND.startswith("ringotel_crm.minicrm.")
    if is_minicrm and not apps.is_installed("ringotel_crm.minicrm"):
        return [
            Error(
                'RINGOTEL_CRM["BACKEND"] is the mini-CRM, which is not installed.',
                hint='Add "ringotel_crm.minicrm" to INSTALLED_APPS, or set "BACKEND" to the path '
                "of your own backend.",
                id="ringotel_crm.E007",
            )
        ]
    try:
        backend = get_backend_class()
    except InvalidBackend as exc:
        return [
            Error(
                str(exc),
                hint="Must be the dotted path of a subclass of ringotel_crm.backends.Backend.",
                id="ringotel_crm.E008",
            )
        ]
    messages = list(check_backend(backend))
    has_errors = any(isinstance(message, Error) for message in messages)
    return messages if has_errors else [*messages, *check_writes(backend)]


def _check_delivery() -> list[CheckMessage]:
    by_server = conf.RECORDING_DELIVERY in (Delivery.X_ACCEL_REDIRECT, Delivery.X_SENDFILE)
    if not by_server or isinstance(recording_storage(), FileSystemStorage):
        return []
    return [
        Error(
            f'RINGOTEL_CRM["RECORDING_DELIVERY"] = {conf.RECORDING_DELIVERY!r} requires recordings '
            "in the file system.",
            hint='Set "RECORDING_DELIVERY": "auto".',
            id="ringotel_crm.E010",
        )
    ]


def _check_sms_backend() -> list[CheckMessage]:
    try:
        get_sms_backend()
    except ImproperlyConfigured as exc:
        return [
            Error(
                str(exc),
                hint="Must be the dotted path of a subclass of ringotel_crm.client.sms.SMSBackend.",
                id="ringotel_crm.E040",
            )
        ]
    return []


def _check_admin_site() -> list[CheckMessage]:
    if not conf.ADMIN_SITE or conf.ADMIN_SITE in (names := admin_site_names()):
        return []
    return [
        Error(
            f'RINGOTEL_CRM["ADMIN_SITE"] = {conf.ADMIN_SITE!r} is no admin site of the URLconf.',
            hint=f"Must be the name of an AdminSite in the URLconf, which has {names}.",
            id="ringotel_crm.E011",
        )
    ]


@register(TAG)
def check_recordings_are_private(**kwargs: Any) -> list[CheckMessage]:
    """Check that recordings are not in a folder that a web server usually serves."""
    storage = recording_storage()
    if not isinstance(storage, FileSystemStorage):
        return []
    media, location = Path(settings.MEDIA_ROOT).resolve(), Path(storage.location).resolve()
    if location != media and not (settings.MEDIA_ROOT and media in location.parents):
        return []
    return [
        Warning(
            "Recordings are stored in MEDIA_ROOT, which web servers usually serve to the public.",
            hint='Add to STORAGES: "ringotel_recordings": '
            '{"BACKEND": "django.core.files.storage.FileSystemStorage", '
            '"OPTIONS": {"location": BASE_DIR / "recordings"}}.',
            id="ringotel_crm.W004",
        )
    ]


@register(TAG)
def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    """Check ``USE_TZ``: the times of calls are aware."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is False, but the times of calls are time-zone aware.",
            hint="Set USE_TZ = True; see the migration guide in Django's documentation.",
            id="ringotel_crm.E029",
        )
    ]


@register(TAG)
def check_oauth2_scopes(**kwargs: Any) -> list[CheckMessage]:
    """Check that a site with OAuth2 scopes of its own also has ours."""
    provider = getattr(settings, "OAUTH2_PROVIDER", None) or {}
    has_scope = "ringotel" in provider.get("SCOPES", {"ringotel": ""})
    if has_scope or not apps.is_installed("oauth2_provider"):
        return []
    return [
        Warning(
            'OAUTH2_PROVIDER["SCOPES"] lacks "ringotel", so Ringotel cannot connect by OAuth2.',
            hint='Add to OAUTH2_PROVIDER["SCOPES"]: '
            '"ringotel": "Access contacts and calls as Ringotel".',
            id="ringotel_crm.W001",
        )
    ]
