"""Checks of ``manage.py check --deploy``: insecure or slow production settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import DatabaseError, connections, router
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve

from .. import databases
from ..backends import get_backend_class
from ..backends.email_lookup import ignores_case, is_indexed
from ..backends.mapping import resolve_path, split
from ..backends.model import ModelContactDirectory
from ..conf import conf
from ..exceptions import InvalidBackend
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
def check_email_indexes(**kwargs: Any) -> list[CheckMessage]:
    """Check that an index serves the lookup of the e-mail address of a new contact."""
    try:
        components: Any = get_backend_class().contact_directory.component_classes()
        mapped = [component for component in components if _looks_up_email(component)]
        paths = [(one.model, path) for one in mapped for path in split(one.email)]
        columns = {resolve_path(*pair)[-1] for pair in paths}
    except (InvalidBackend, FieldDoesNotExist, AttributeError):  # reported by other checks
        return []
    return [_missing_email_index(column) for column in sorted(columns) if not is_indexed(column)]


def _looks_up_email(directory: Any) -> bool:
    is_mapping = issubclass(directory, ModelContactDirectory) and directory.can_create
    return is_mapping and directory.find_by_email is ModelContactDirectory.find_by_email


def _missing_email_index(column: Any) -> CheckMessage:
    label, name = column.model._meta.label, column.name
    index_name = f"{column.model._meta.model_name[:12]}_{name[:12]}_upper"
    hint = (
        f'Add to the indexes of {label}.Meta: models.Index(Upper("{name}"), name="{index_name}"), '
        'with "from django.db.models.functions import Upper".'
    )
    if ignores_case(column):
        hint = f"Set db_index=True for {label}.{name}."
    return Warning(
        f"No index serves the lookup of {label}.{name} regardless of case, so creating a contact "
        "reads the whole table.",
        hint=hint,
        obj=column.model,
        id="ringotel_crm.W036",
    )


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
