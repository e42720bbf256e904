"""Access to ``settings.RINGOTEL_CRM``, which no other module reads. See ``docs/settings.rst``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.conf import settings

T = TypeVar("T")


class Setting(Generic[T]):
    """A key of ``RINGOTEL_CRM``. Read at each access, so that ``override_settings`` works."""

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type[Any]) -> T:
        value: T = getattr(settings, "RINGOTEL_CRM", {}).get(self.name, self.default)
        return value


class EnvironmentSetting(Setting[str]):
    """A key of ``RINGOTEL_CRM`` whose default is the environment variable of the same name."""

    def __get__(self, instance: object, owner: type[Any]) -> str:
        return super().__get__(instance, owner) or os.environ.get(self.name, "")


class AppSettings:
    """The settings of this app, with their defaults."""

    BACKEND = Setting("ringotel_crm.minicrm.backend.MiniCRMBackend")

    # Numbers
    DEFAULT_REGION = Setting[str | None](None)
    DIAL_PREFIX = Setting("")
    COMPANY_NUMBERS = Setting[Sequence[str]](())
    IGNORED_NUMBERS = Setting[Sequence[str]](())
    SHARED_NUMBER_RULE = Setting("recent_call")

    # Document and hooks
    DOCUMENT_ID = Setting("ringotel-crm")
    DOCUMENT_NAME = Setting("Django CRM")
    LOGO_URL = Setting("")
    VARIABLE_NAMES = Setting[Mapping[str, str]]({})
    MAX_PAGE_SIZE = Setting(1000)

    # Calls
    STALE_CALL_MINUTES = Setting(240)
    CALLBACK_DAYS = Setting(14)
    CALL_RETENTION_DAYS = Setting[int | Mapping[str, int | None] | None](None)
    CLICK_TO_CALL_URL = Setting("")

    # Admin
    ADMIN_SITE = Setting("")

    # Recordings
    RECORDING_MAX_BYTES = Setting(200 * 1024 * 1024)
    RECORDING_DELIVERY = Setting("auto")
    RECORDING_INTERNAL_URL = Setting("/ringotel-recordings/")
    RECORDING_RETENTION_DAYS = Setting[int | Mapping[str, int | None] | None](None)

    # Messages and the Ringotel app
    SMS_BACKEND = Setting("ringotel_crm.client.sms.RingotelChatBackend")
    PUSH_CALL_NOTES = Setting(False)
    FRAME_ANCESTORS = Setting[Sequence[str]](())

    # Fetching files
    FETCH_ALLOWED_HOSTS = Setting[Sequence[str] | None](None)
    FETCH_ALLOW_HTTP = Setting(False)
    FETCH_TIMEOUT = Setting(25)

    # Security
    CREDENTIAL_CACHE_SECONDS = Setting(300)
    AUTH_FAILURES_PER_MINUTE_BY_IP = Setting(20)
    AUTH_FAILURES_PER_MINUTE_BY_USERNAME = Setting(10)
    NUM_PROXIES = Setting(0)
    REQUESTS_PER_MINUTE = Setting(0)

    # Webhooks
    PROCESS_WEBHOOK_EVENTS = Setting(True)
    WEBHOOK_EVENT_RETENTION_DAYS = Setting(30)

    # Ringotel API
    RINGOTEL_API_KEY = EnvironmentSetting("")
    RINGOTEL_API_URL = Setting("https://shell.ringotel.co/api")
    ORGANIZATION_ID = Setting("")
    ORGANIZATION_DOMAIN = Setting("")

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all settings, sorted."""
        return sorted(name for name, value in vars(cls).items() if isinstance(value, Setting))


conf = AppSettings()
