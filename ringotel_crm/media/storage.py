"""The storage of recordings and of the files of messages."""

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
    """Return ``STORAGES["ringotel_recordings"]``, or the default storage of the project."""
    try:
        return storages["ringotel_recordings"]
    except InvalidStorageError:
        return default_storage


@contextmanager
def translate_storage_errors() -> Iterator[None]:
    """Raise ``Unavailable`` for any error of the storage, such as a full disk."""
    try:
        yield
    except Exception as exc:
        logger.exception("A file could not be stored.")
        raise ServiceUnavailable(
            _("The recording cannot be stored now. Send it again later.")
        ) from exc


# Each maps seconds of validity, content type and content disposition to the arguments that the
# ``url()`` of a storage of django-storages takes.


def _s3_options(seconds: int, content_type: str, disposition: str) -> dict[str, Any]:
    parameters = {"ResponseContentType": content_type, "ResponseContentDisposition": disposition}
    return {"expire": seconds, "parameters": parameters}


def _google_options(seconds: int, content_type: str, disposition: str) -> dict[str, Any]:
    parameters = {
        "expiration": dt.timedelta(seconds=seconds),
        "response_type": content_type,
        "response_disposition": disposition,
    }
    return {"parameters": parameters}


def _azure_options(seconds: int, content_type: str, disposition: str) -> dict[str, Any]:
    parameters = {"content_type": content_type, "content_disposition": disposition}
    return {"expire": seconds, "parameters": parameters}


SIGNED_URL_OPTIONS: dict[str, Callable[[int, str, str], dict[str, Any]]] = {
    "storages.backends.s3": _s3_options,
    "storages.backends.gcloud": _google_options,
    "storages.backends.azure_storage": _azure_options,
}


def signed_url(
    storage: Storage, name: str, *, seconds: int, content_type: str, disposition: str
) -> str | None:
    """Return a URL of the file that needs no login and is valid for ``seconds`` seconds.

    Returns None if the storage does not sign URLs.
    """
    for base in type(storage).__mro__:
        options = SIGNED_URL_OPTIONS.get(base.__module__)
        if options and getattr(storage, "querystring_auth", True):
            return storage.url(name, **options(seconds, content_type, disposition))
    return None
