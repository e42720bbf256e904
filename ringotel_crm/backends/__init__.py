"""The seam: behind it are the mini-CRM, or the host's own tables."""

from __future__ import annotations

from django.utils.module_loading import import_string

from ..conf import conf
from ..exceptions import InvalidBackend
from ..records import Actor
from .base import Backend

__all__ = ["Backend", "get_backend", "get_backend_class"]


def get_backend_class() -> type[Backend]:
    """The class that ``RINGOTEL_CRM["BACKEND"]`` names; raises :class:`~ringotel_crm.exceptions.InvalidBackend`."""
    path = conf.BACKEND
    try:
        backend = import_string(path)
    except (
        ImportError,
        RuntimeError,
    ) as exc:  # RuntimeError: a model of an app that is not installed
        raise InvalidBackend(
            f'RINGOTEL_CRM["BACKEND"] = {path!r} cannot be imported: {exc}'
        ) from exc
    if not (isinstance(backend, type) and issubclass(backend, Backend)):
        raise InvalidBackend(
            f'RINGOTEL_CRM["BACKEND"] = {path!r} is not a subclass of ringotel_crm.backends.Backend.'
        )
    return backend


def get_backend(actor: Actor) -> Backend:
    """A fresh backend for this actor."""
    return get_backend_class()(actor)
