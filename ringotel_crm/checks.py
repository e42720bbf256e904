"""Everything that a person can misconfigure, each with a hint that says what to type."""

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
from django.db import DatabaseError, connections, router
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve

from . import phone
from .backends import get_backend_class
from .backends.checks import check_backend
from .conf import conf
from .exceptions import InvalidBackend
from .media.storage import recording_storage
from .models import Activity, Webhook, WebhookToken
from .records import Delivery, SharedNumberRule

TAG = "ringotel_crm"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_url_of_number(value: Any) -> bool:
    return isinstance(value, str) and "{number}" in value


def _is_region(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset)) and all(
        isinstance(item, str) for item in value
    )


def _are_names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(item, str) for pair in value.items() for item in pair
    )


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_size_or_zero(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_texts_or_none(value: Any) -> bool:
    return value is None or _are_texts(value)


def _is_age(value: Any) -> bool:
    ages = value.values() if isinstance(value, Mapping) else [value]
    return all(age is None or _is_size(age) for age in ages)


def _is_delivery(value: Any) -> bool:
    return value in Delivery.values


def _is_location(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and value.endswith("/")


def _is_safe_url(value: Any) -> bool:
    url = urlsplit(value) if isinstance(value, str) else urlsplit("")
    return bool(url.hostname) and (
        url.scheme == "https" or url.hostname in ("127.0.0.1", "localhost", "::1")
    )


# For each key what its value must be, and an example to type.
KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "RINGOTEL_API_KEY": (_is_text, '"5c2d7008-..."'),
    "RINGOTEL_API_URL": (_is_safe_url, '"https://shell.ringotel.co/api"'),
    "BACKEND": (_is_text, '"ringotel_crm.minicrm.backend.MiniCRMBackend"'),
    "CLICK_TO_CALL_URL": (_is_url_of_number, '"tel:{number}"'),
    "COMPANY_NUMBERS": (_are_texts, '["+353 1 555 0100"]'),
    "CREDENTIAL_CACHE_SECONDS": (_is_size_or_zero, "300"),
    "DEFAULT_REGION": (_is_region, '"IE"'),
    "DOCUMENT_ID": (_is_text, '"acme-crm"'),
    "DOCUMENT_NAME": (_is_text, '"Acme CRM"'),
    "ORGANIZATION_DOMAIN": (_is_text, '"newcompany123"'),
    "WEBHOOK_EVENT_RETENTION_DAYS": (_is_size, "30"),
    "AUTH_FAILURES_PER_MINUTE_BY_IP": (_is_size_or_zero, "20"),
    "AUTH_FAILURES_PER_MINUTE_BY_USERNAME": (_is_size_or_zero, "10"),
    "FETCH_ALLOWED_HOSTS": (_are_texts_or_none, '["files.example.com"]'),
    "FETCH_ALLOW_HTTP": (_is_flag, "False"),
    "FETCH_TIMEOUT": (_is_size, "25"),
    "IGNORED_NUMBERS": (_are_texts, '["+353 1 555 0199"]'),
    "LOGO_URL": (_is_text, '"https://crm.example.com/logo.svg"'),
    "MAX_PAGE_SIZE": (_is_size, "1000"),
    "ORGANIZATION_ID": (_is_text, '"17295345566567084859"'),
    "PROCESS_WEBHOOK_EVENTS": (_is_flag, "True"),
    "NUM_PROXIES": (_is_size_or_zero, "1"),
    "RECORDING_DELIVERY": (_is_delivery, '"auto"'),
    "RECORDING_INTERNAL_URL": (_is_location, '"/ringotel-recordings/"'),
    "RECORDING_MAX_BYTES": (_is_size, "200 * 1024 * 1024"),
    "RECORDING_RETENTION_DAYS": (_is_age, '365 or {"acme": 90, "*": 365}'),
    "REQUESTS_PER_MINUTE": (_is_size_or_zero, "600"),
    "SHARED_NUMBER_RULE": (_is_text, '"recent_call"'),
    "STALE_CALL_MINUTES": (_is_size, "240"),
    "VARIABLE_NAMES": (_are_names, '{"phone": "number"}'),
}


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """``RINGOTEL_CRM``: its keys and their types, and only if these are right the values."""
    given = getattr(settings, "RINGOTEL_CRM", {})
    if not isinstance(given, Mapping):
        return [
            Error(
                "RINGOTEL_CRM is not a dict.",
                hint='Write RINGOTEL_CRM = {"DEFAULT_REGION": "IE"} with your own country.',
                id="ringotel_crm.E001",
            )
        ]
    messages: list[CheckMessage] = []
    for key, value in given.items():
        if key not in KEYS:
            near = difflib.get_close_matches(str(key).upper(), KEYS, n=1)
            hint = (
                f'Did you mean "{near[0]}"?'
                if near
                else f"Remove it. There are: {', '.join(KEYS)}."
            )
            messages.append(
                Error(
                    f"RINGOTEL_CRM has an unknown key {key!r}.", hint=hint, id="ringotel_crm.E002"
                )
            )
        elif not KEYS[key][0](value):
            messages.append(
                Error(
                    f'RINGOTEL_CRM["{key}"] cannot be {"that" if key == "RINGOTEL_API_KEY" else repr(value)}.',
                    hint=f'Write "{key}": {KEYS[key][1]}, with a value of your own, or leave it out.',
                    id="ringotel_crm.E003",
                )
            )
    return messages or [*_check_numbers(), *_check_backend(), *_check_delivery()]


def _check_numbers() -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if conf.SHARED_NUMBER_RULE not in SharedNumberRule.values:
        messages.append(
            Error(
                f'RINGOTEL_CRM["SHARED_NUMBER_RULE"] cannot be {conf.SHARED_NUMBER_RULE!r}.',
                hint=f'Write "SHARED_NUMBER_RULE": one of {SharedNumberRule.values}.',
                id="ringotel_crm.E004",
            )
        )
    if conf.DEFAULT_REGION is not None and not phone.is_region(conf.DEFAULT_REGION):
        messages.append(
            Error(
                f'RINGOTEL_CRM["DEFAULT_REGION"]: there is no region {conf.DEFAULT_REGION!r}.',
                hint='Write the two letters of ISO 3166 in upper case: "DEFAULT_REGION": "IE", or "GB", "US" ...',
                id="ringotel_crm.E005",
            )
        )
        return messages
    for key, entries in (
        ("COMPANY_NUMBERS", conf.COMPANY_NUMBERS),
        ("IGNORED_NUMBERS", conf.IGNORED_NUMBERS),
    ):
        messages += [
            Error(
                f'RINGOTEL_CRM["{key}"]: {entry!r} cannot be read as one telephone number.',
                hint='Write it in full with its country code: "+353 1 555 0100".',
                id="ringotel_crm.E006",
            )
            for entry in entries
            if len(phone.numbers(entry)) != 1
        ]
    return messages


def _check_backend() -> list[CheckMessage]:
    if conf.BACKEND.startswith("ringotel_crm.minicrm.") and not apps.is_installed(
        "ringotel_crm.minicrm"
    ):
        return [
            Error(
                'RINGOTEL_CRM["BACKEND"] is the mini-CRM, which is not installed.',
                hint='Add "ringotel_crm.minicrm" to INSTALLED_APPS, or write "BACKEND": the path of your own backend.',
                id="ringotel_crm.E007",
            )
        ]
    try:
        backend = get_backend_class()
    except InvalidBackend as exc:
        return [
            Error(
                str(exc),
                hint='Write "BACKEND": the dotted path of a subclass of ringotel_crm.backends.Backend.',
                id="ringotel_crm.E008",
            )
        ]
    return list(check_backend(backend))


@register(TAG)
def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    """Calls begin and end at times with a zone."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is False: the times of calls could not be stored.",
            hint="Write USE_TZ = True; Django's documentation tells how to migrate.",
            id="ringotel_crm.E029",
        )
    ]


def _check_delivery() -> list[CheckMessage]:
    """A web server sends files, and a cloud has none."""
    by_server = conf.RECORDING_DELIVERY in (Delivery.X_ACCEL_REDIRECT, Delivery.X_SENDFILE)
    if not by_server or isinstance(recording_storage(), FileSystemStorage):
        return []
    return [
        Error(
            f'RINGOTEL_CRM["RECORDING_DELIVERY"] = {conf.RECORDING_DELIVERY!r} needs recordings in the file system.',
            hint='Write "RECORDING_DELIVERY": "auto".',
            id="ringotel_crm.E010",
        )
    ]


@register(TAG)
def check_oauth2_scopes(**kwargs: Any) -> list[CheckMessage]:
    """A site with tenants of its own has to add ours. It may do without, with keys or passwords."""
    provider = getattr(settings, "OAUTH2_PROVIDER", None) or {}
    if not apps.is_installed("oauth2_provider") or "ringotel" in provider.get(
        "SCOPES", {"ringotel": ""}
    ):
        return []
    return [
        Warning(
            'OAUTH2_PROVIDER["SCOPES"] lacks "ringotel", so Ringotel cannot connect by OAuth2.',
            hint='Add to OAUTH2_PROVIDER["SCOPES"]: "ringotel": "Work with contacts and calls as Ringotel".',
            id="ringotel_crm.W001",
        )
    ]


@register(TAG, deploy=True)
def check_region(**kwargs: Any) -> list[CheckMessage]:
    """Without a region, only international numbers are read."""
    if conf.DEFAULT_REGION:
        return []
    return [
        Warning(
            'RINGOTEL_CRM["DEFAULT_REGION"] is not set: numbers without a country code are not recognised.',
            hint='Write RINGOTEL_CRM = {"DEFAULT_REGION": "IE"} with the country your numbers are written in.',
            id="ringotel_crm.W002",
        )
    ]


@register(TAG, deploy=True)
def check_login_url(**kwargs: Any) -> list[CheckMessage]:
    """Who connects by OAuth2 has to log in first."""
    if not apps.is_installed("oauth2_provider"):
        return []
    try:
        url = resolve_url(settings.LOGIN_URL)
        if url.startswith("/"):
            resolve(urlsplit(url).path)
    except (NoReverseMatch, Resolver404):
        return [
            Warning(
                f"LOGIN_URL = {str(settings.LOGIN_URL)!r} leads nowhere, so nobody can approve Ringotel by OAuth2.",
                hint='Write LOGIN_URL = "admin:login", or the name of your own login page.',
                id="ringotel_crm.W003",
            )
        ]
    return []


@register(TAG, deploy=True)
def check_recordings_are_private(**kwargs: Any) -> list[CheckMessage]:
    """Web servers hand out what is in ``MEDIA_ROOT`` to anybody."""
    storage = recording_storage()
    if not isinstance(storage, FileSystemStorage):
        return []
    media, location = Path(settings.MEDIA_ROOT).resolve(), Path(storage.location).resolve()
    if location != media and not (settings.MEDIA_ROOT and media in location.parents):
        return []
    return [
        Warning(
            "Recordings of calls are kept in MEDIA_ROOT, whose files a web server usually gives to anybody.",
            hint=(
                'Add to STORAGES: "ringotel_recordings": {"BACKEND": "django.core.files.storage.FileSystemStorage", '
                '"OPTIONS": {"location": BASE_DIR / "recordings"}}.'
            ),
            id="ringotel_crm.W004",
        )
    ]


@register(TAG, deploy=True)
def check_recordings_in_memory(**kwargs: Any) -> list[CheckMessage]:
    """Where django-storages' S3 storage is not told otherwise, it reads a whole file into memory."""
    if getattr(recording_storage(), "max_memory_size", None) != 0:
        return []
    return [
        Warning(
            "Recordings are read from S3 into memory whole, for their waveform and for exports.",
            hint='Add to the OPTIONS of STORAGES["ringotel_recordings"]: "max_memory_size": 1024 * 1024.',
            id="ringotel_crm.W010",
        )
    ]


@register(TAG, deploy=True)
def check_database(**kwargs: Any) -> list[CheckMessage]:
    """What a database must be told to answer quickly, and always."""
    connection = connections[router.db_for_write(Activity)]
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "sqlite" and options.get("transaction_mode", "").upper() != "IMMEDIATE":
        return [
            Warning(
                'Two requests at once may fail on SQLite with "database is locked".',
                hint='Add to DATABASES: "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}.',
                id="ringotel_crm.W005",
            )
        ]
    if (
        connection.vendor == "postgresql"
        and connection.settings_dict["CONN_MAX_AGE"] == 0
        and not options.get("pool")
    ):
        return [
            Warning(
                "Each request opens a new connection to PostgreSQL, which takes longer than looking up a caller.",
                hint=(
                    'Add to DATABASES: "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True; or under ASGI '
                    '"OPTIONS": {"pool": True}.'
                ),
                id="ringotel_crm.W006",
            )
        ]
    return []


@register(TAG, deploy=True)
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Behind a proxy that is not counted, all clients have its address, and share what each may do wrong."""
    if conf.NUM_PROXIES or not (settings.SECURE_PROXY_SSL_HEADER or settings.USE_X_FORWARDED_HOST):
        return []
    return [
        Warning(
            "This site believes a proxy's headers but not the addresses in X-Forwarded-For: to the throttle of wrong "
            "passwords all callers are one.",
            hint='Add to RINGOTEL_CRM: "NUM_PROXIES": 1, or how many proxies there are, if each adds to X-Forwarded-For.',
            id="ringotel_crm.W030",
        )
    ]


@register(TAG, deploy=True)
def check_webhook_tokens(**kwargs: Any) -> list[CheckMessage]:
    """A webhook that has no token lets nobody in."""
    try:
        webhooks = Webhook.objects.exclude(tokens__in=WebhookToken.objects.valid())
        closed = [
            (webhook.name, f" --tenant {webhook.tenant}" if webhook.tenant else "")
            for webhook in webhooks
        ]
    except (DatabaseError, ImproperlyConfigured):  # no database, or not migrated yet: others say so
        return []
    return [
        Warning(
            f"The webhook {name!r} has no valid token, so whatever Ringotel tells it is refused.",
            hint=(
                f"Type: manage.py ringotel_connect --door webhook --name {name}{tenant} "
                "--base-url https://crm.example.com"
            ),
            id="ringotel_crm.W020",
        )
        for name, tenant in closed
    ]
