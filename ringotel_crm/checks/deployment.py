"""Checks of ``manage.py check --deploy``: insecure or slow production settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError, connections, router
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve

from .. import databases
from ..conf import conf
from ..media.storage import recording_storage
from ..models import Activity, Webhook, WebhookToken
from .site import TAG


@register(TAG, deploy=True)
def check_region(**kwargs: Any) -> list[CheckMessage]:
    """Check that national numbers can be read."""
    if conf.DEFAULT_REGION:
        return []
    return [
        Warning(
            'RINGOTEL_CRM["DEFAULT_REGION"] is not set: numbers without a country code are not '
            "recognized.",
            hint='Set RINGOTEL_CRM = {"DEFAULT_REGION": "IE"}, with the country of your numbers.',
            id="ringotel_crm.W002",
        )
    ]


@register(TAG, deploy=True)
def check_login_url(**kwargs: Any) -> list[CheckMessage]:
    """Check that users can log in to approve Ringotel by OAuth2."""
    if not apps.is_installed("oauth2_provider"):
        return []
    try:
        url = resolve_url(settings.LOGIN_URL)
        if url.startswith("/"):
            resolve(urlsplit(url).path)
    except (NoReverseMatch, Resolver404):
        return [
            Warning(
                f"LOGIN_URL = {str(settings.LOGIN_URL)!r} does not resolve, so Ringotel cannot be "
                "approved by OAuth2.",
                hint='Set LOGIN_URL = "admin:login", or the name of your own login page.',
                id="ringotel_crm.W003",
            )
        ]
    return []


@register(TAG, deploy=True)
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


@register(TAG, deploy=True)
def check_recordings_in_memory(**kwargs: Any) -> list[CheckMessage]:
    """Check the option by which django-storages' S3 storage reads whole files into memory."""
    if getattr(recording_storage(), "max_memory_size", None) != 0:
        return []
    return [
        Warning(
            "Recordings are read from S3 into memory as a whole, for waveforms and exports.",
            hint='Add to the OPTIONS of STORAGES["ringotel_recordings"]: '
            '"max_memory_size": 1024 * 1024.',
            id="ringotel_crm.W010",
        )
    ]


@register(TAG, deploy=True)
def check_database(**kwargs: Any) -> list[CheckMessage]:
    """Check the options that a database needs for speed and for concurrent requests."""
    connection = connections[router.db_for_write(Activity)]
    options = connection.settings_dict["OPTIONS"]
    is_immediate = options.get("transaction_mode", "").upper() == "IMMEDIATE"
    if connection.vendor == "sqlite" and not is_immediate:
        return [
            Warning(
                'Concurrent requests may fail on SQLite with "database is locked".',
                hint='Add to DATABASES: "OPTIONS": {"transaction_mode": "IMMEDIATE", '
                '"timeout": 20}.',
                id="ringotel_crm.W005",
            )
        ]
    is_persistent = connection.settings_dict["CONN_MAX_AGE"] != 0 or options.get("pool")
    if connection.vendor == "postgresql" and not is_persistent:
        return [
            Warning(
                "Each request opens a new connection to PostgreSQL, which takes longer than "
                "identifying a caller.",
                hint='Add to DATABASES: "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True; or under '
                'ASGI "OPTIONS": {"pool": True}.',
                id="ringotel_crm.W006",
            )
        ]
    return []


@register(TAG, deploy=True)
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Check that the client address is known if the site uses a proxy."""
    has_proxy = settings.SECURE_PROXY_SSL_HEADER or settings.USE_X_FORWARDED_HOST
    if conf.NUM_PROXIES or not has_proxy:
        return []
    return [
        Warning(
            "The site trusts a proxy's headers but not X-Forwarded-For: all clients share one "
            "address, and one limit of failed logins.",
            hint='Add to RINGOTEL_CRM: "NUM_PROXIES": 1, or the number of proxies if each appends '
            "to X-Forwarded-For.",
            id="ringotel_crm.W030",
        )
    ]


@register(TAG, deploy=True)
def check_frame_ancestors(**kwargs: Any) -> list[CheckMessage]:
    """Check that users can log in inside the frame: browsers withhold other cookies there."""
    cookies = (settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SAMESITE)
    if not conf.FRAME_ANCESTORS or cookies == ("None", "None"):
        return []
    return [
        Warning(
            'RINGOTEL_CRM["FRAME_ANCESTORS"] is set, but users cannot log in inside the frame.',
            hint='Set SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "None", and '
            "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True.",
            id="ringotel_crm.W040",
        )
    ]


@register(TAG, deploy=True)
@databases.fresh_reads()
def check_webhook_tokens(**kwargs: Any) -> list[CheckMessage]:
    """Check that each webhook has a valid token."""
    try:
        webhooks = list(Webhook.objects.exclude(tokens__in=WebhookToken.objects.valid()))
    except (DatabaseError, ImproperlyConfigured):  # no database, or not migrated: not our finding
        return []
    messages: list[CheckMessage] = []
    for webhook in webhooks:
        tenant = f" --tenant {webhook.tenant}" if webhook.tenant else ""
        messages.append(
            Warning(
                f"The webhook {webhook.name!r} has no valid token and refuses every event.",
                hint=f"Run: manage.py ringotel_connect_webhook --name {webhook.name}{tenant} "
                "--base-url https://crm.example.com",
                id="ringotel_crm.W020",
            )
        )
    return messages
