"""The only reader of ``settings.RINGOTEL_CRM``.

One typed property for each key. Nothing is cached: a value is read when it is needed, so that
``override_settings`` works everywhere and no process has to be told of a change.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings


class AppSettings:
    """``RINGOTEL_CRM`` with its defaults. Upper-case properties are the known keys."""

    def _get(self, name: str, default: Any) -> Any:
        return getattr(settings, "RINGOTEL_CRM", {}).get(name, default)

    @classmethod
    def names(cls) -> list[str]:
        """The known keys, in alphabetical order."""
        return sorted(name for name, value in vars(cls).items() if isinstance(value, property))

    @property
    def BACKEND(self) -> str:
        """Dotted path of the class that answers for contacts, organizations and users. Default: the mini-CRM's."""
        value: str = self._get("BACKEND", "ringotel_crm.minicrm.backend.MiniCRMBackend")
        return value

    @property
    def DEFAULT_REGION(self) -> str | None:
        """ISO 3166 code ("IE") by which national numbers are read; None, the default, reads international
        ones only."""
        value: str | None = self._get("DEFAULT_REGION", None)
        return value

    @property
    def COMPANY_NUMBERS(self) -> Sequence[str]:
        """The company's own numbers, in any notation. They never identify a contact. Default: none."""
        value: Sequence[str] = self._get("COMPANY_NUMBERS", ())
        return value

    @property
    def IGNORED_NUMBERS(self) -> Sequence[str]:
        """Numbers, in any notation, that never identify a contact. Default: none."""
        value: Sequence[str] = self._get("IGNORED_NUMBERS", ())
        return value

    @property
    def SHARED_NUMBER_RULE(self) -> str:
        """Who is shown when several contacts share a number: ``"recent_call"`` (the default), ``"recently_updated"`` or
        ``"oldest"``. Ties go to the lowest id."""
        value: str = self._get("SHARED_NUMBER_RULE", "recent_call")
        return value

    @property
    def DOCUMENT_ID(self) -> str:
        """The ``id`` of the document that Ringotel follows, unique among its CRMs. Default: ``"ringotel-crm"``."""
        value: str = self._get("DOCUMENT_ID", "ringotel-crm")
        return value

    @property
    def DOCUMENT_NAME(self) -> str:
        """The ``name`` of the CRM in Ringotel's portal. Default: ``"Django CRM"``."""
        value: str = self._get("DOCUMENT_NAME", "Django CRM")
        return value

    @property
    def LOGO_URL(self) -> str:
        """Absolute URL of the logo in Ringotel's portal; empty: the one that this app ships."""
        value: str = self._get("LOGO_URL", "")
        return value

    @property
    def VARIABLE_NAMES(self) -> Mapping[str, str]:
        """New names of the document's variables, for all hooks or for one: ``{"contact_url": "link"}``,
        ``{"FindContact.phone": "number"}``. If both request and answer of that one hook have the variable, it is the
        request's that gets the name. Default: none."""
        value: Mapping[str, str] = self._get("VARIABLE_NAMES", {})
        return value

    @property
    def RECORDING_MAX_BYTES(self) -> int:
        """The size of the longest recording that is taken, in bytes. Default: 200 MiB."""
        value: int = self._get("RECORDING_MAX_BYTES", 200 * 1024 * 1024)
        return value

    @property
    def STALE_CALL_MINUTES(self) -> int:
        """After how many minutes without news an open call is closed with the status "end unknown". Default: 240.

        A real end that comes later replaces this one."""
        value: int = self._get("STALE_CALL_MINUTES", 240)
        return value

    @property
    def RECORDING_DELIVERY(self) -> str:
        """Who sends a recording to the browser: "auto" (the storage by a signed URL if it can,
        else Django), "django", "x_accel_redirect" (nginx) or "x_sendfile" (Apache, lighttpd). Default: "auto"."""
        value: str = self._get("RECORDING_DELIVERY", "auto")
        return value

    @property
    def RECORDING_INTERNAL_URL(self) -> str:
        """With ``RECORDING_DELIVERY`` "x_accel_redirect": nginx's internal location of the storage's folder.
        Default: ``"/ringotel-recordings/"``."""
        value: str = self._get("RECORDING_INTERNAL_URL", "/ringotel-recordings/")
        return value

    @property
    def RECORDING_RETENTION_DAYS(self) -> int | Mapping[str, int | None] | None:
        """After how many days recordings are deleted; None keeps them. By tenant: ``{"acme": 90, "*": 365}``, where
        "*" stands for every other tenant. Default: None."""
        value: int | Mapping[str, int | None] | None = self._get("RECORDING_RETENTION_DAYS", None)
        return value

    @property
    def FETCH_ALLOWED_HOSTS(self) -> Sequence[str] | None:
        """The hosts from which files are fetched: ``["files.example.com", ".example.org"]``, a leading dot with all
        below; None: any that is public. Default: None."""
        value: Sequence[str] | None = self._get("FETCH_ALLOWED_HOSTS", None)
        return value

    @property
    def FETCH_ALLOW_HTTP(self) -> bool:
        """Whether files are also fetched over plain HTTP. Default: False."""
        value: bool = self._get("FETCH_ALLOW_HTTP", False)
        return value

    @property
    def FETCH_TIMEOUT(self) -> int:
        """How long fetching a file may take in all, in seconds; less than your server's own time limit. Default: 25."""
        value: int = self._get("FETCH_TIMEOUT", 25)
        return value

    @property
    def CLICK_TO_CALL_URL(self) -> str:
        """Where a click on a number leads, with ``{number}`` for E.164. Default: where ``RINGOTEL_API_KEY`` is set Ringotel
        lets the user's phone ring, else ``"tel:{number}"``, which the computer's own telephone program opens."""
        value: str = self._get("CLICK_TO_CALL_URL", "")
        return value

    @property
    def CREDENTIAL_CACHE_SECONDS(self) -> int:
        """How long a verified Basic password is remembered, in seconds; 0 pays for the hash each time. Default: 300.

        A changed password and a deactivated user are out at once all the same."""
        value: int = self._get("CREDENTIAL_CACHE_SECONDS", 300)
        return value

    @property
    def AUTH_FAILURES_PER_MINUTE_BY_IP(self) -> int:
        """How many times a minute one address may fail to authenticate; after that it is answered 429. 0: no limit.
        Default: 20. Where ``CACHES`` is not shared, each process counts its own."""
        value: int = self._get("AUTH_FAILURES_PER_MINUTE_BY_IP", 20)
        return value

    @property
    def AUTH_FAILURES_PER_MINUTE_BY_USERNAME(self) -> int:
        """The same for each user name that one address tries by HTTP Basic, and each OAuth2 client. Default: 10."""
        value: int = self._get("AUTH_FAILURES_PER_MINUTE_BY_USERNAME", 10)
        return value

    @property
    def NUM_PROXIES(self) -> int:
        """How many proxies of yours stand before Django and add to ``X-Forwarded-For``: so many places from its end is
        the client's address. 0, the default, does not believe that header."""
        value: int = self._get("NUM_PROXIES", 0)
        return value

    @property
    def REQUESTS_PER_MINUTE(self) -> int:
        """How many requests a minute each key, or user, may send to the hooks; one more is answered 429. 0: no limit,
        the default."""
        value: int = self._get("REQUESTS_PER_MINUTE", 0)
        return value

    @property
    def MAX_PAGE_SIZE(self) -> int:
        """The largest ``?limit=`` of the list hooks; a larger one is an error. Default: 1000."""
        value: int = self._get("MAX_PAGE_SIZE", 1000)
        return value

    @property
    def PROCESS_WEBHOOK_EVENTS(self) -> bool:
        """Whether a webhook's event is processed by the server that took it in, as soon as its answer has left.
        False: ``manage.py ringotel_process_events`` does it, or a worker of yours. Default: True."""
        value: bool = self._get("PROCESS_WEBHOOK_EVENTS", True)
        return value

    @property
    def WEBHOOK_EVENT_RETENTION_DAYS(self) -> int:
        """For how many days the events of webhooks are kept. Default: 30."""
        value: int = self._get("WEBHOOK_EVENT_RETENTION_DAYS", 30)
        return value

    @property
    def RINGOTEL_API_KEY(self) -> str:
        """The key of the Ringotel account, which may do everything there. Default: the environment variable
        ``RINGOTEL_API_KEY``, else none: then messages are refused and Ringotel cannot be called."""
        value: str = self._get("RINGOTEL_API_KEY", os.environ.get("RINGOTEL_API_KEY", ""))
        return value

    @property
    def RINGOTEL_API_URL(self) -> str:
        """Where Ringotel is called. Default: ``"https://shell.ringotel.co/api"``."""
        value: str = self._get("RINGOTEL_API_URL", "https://shell.ringotel.co/api")
        return value

    @property
    def ORGANIZATION_ID(self) -> str:
        """Ringotel's id of the organization. Default: none."""
        value: str = self._get("ORGANIZATION_ID", "")
        return value

    @property
    def ORGANIZATION_DOMAIN(self) -> str:
        """Ringotel's domain of the organization, such as ``"newcompany123"``. Default: none."""
        value: str = self._get("ORGANIZATION_DOMAIN", "")
        return value


conf = AppSettings()
