"""Where recordings are kept."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.storage import InvalidStorageError, Storage, default_storage, storages
from django.utils.translation import gettext as _

from ..exceptions import ServiceUnavailable

logger = logging.getLogger(__name__)


def recording_storage() -> Storage:
    """``STORAGES["ringotel_recordings"]``, else the project's default storage."""
    try:
        return storages["ringotel_recordings"]
    except InvalidStorageError:
        return default_storage


@contextmanager
def translate_storage_errors() -> Iterator[None]:
    """``Unavailable`` instead of whatever a full disk or a broken storage raises."""
    try:
        yield
    except Exception as error:
        logger.exception("A file could not be stored.")
        raise ServiceUnavailable(
            _("The recording cannot be stored now. Send it again later.")
        ) from error


def _s3(seconds: int, content_type: str, disposition: str) -> dict[str, Any]:
    parameters = {"ResponseContentType": content_type, "ResponseContentDisposition": disposition}
    return {"expire": seconds, "parameters": parameters}


def _google(seconds: int, content_type: str, disposition: str) -> dict[str, Any]:
    expiration = dt.timedelta(seconds=seconds)
    parameters = {
        "expiration": expiration,
        "response_type": content_type,
        "response_disposition": disposition,
    }
    return {"parameters": parameters}


def _azure(seconds: int, content_type: str, disposition: str) -> dict[str, Any]:
    parameters = {"content_type": content_type, "content_disposition": disposition}
    return {"expire": seconds, "parameters": parameters}


# django-storages has three ways to ask for a signed URL.
SIGNED_URL_OPTIONS: dict[str, Callable[[int, str, str], dict[str, Any]]] = {
    "storages.backends.s3": _s3,
    "storages.backends.gcloud": _google,
    "storages.backends.azure_storage": _azure,
}


def signed_url(
    storage: Storage, name: str, *, seconds: int, content_type: str, disposition: str
) -> str | None:
    """A URL at which anybody has the file for so long; None where the storage gives out none."""
    for kind in type(storage).__mro__:
        if kind.__module__ in SIGNED_URL_OPTIONS and getattr(storage, "querystring_auth", True):
            url: str = storage.url(
                name, **SIGNED_URL_OPTIONS[kind.__module__](seconds, content_type, disposition)
            )
            return url
    return None
