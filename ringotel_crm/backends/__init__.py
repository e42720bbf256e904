"""Backends: the interface to the mini-CRM or the host's own tables."""

from __future__ import annotations

from django.utils.module_loading import import_string

from ..conf import conf
from ..exceptions import InvalidBackend
from ..records import Actor
from .base import Backend

__all__ = ["Backend", "get_backend", "get_backend_class"]


def get_backend_class() -> type[Backend]:
    """Import the class named by ``RINGOTEL_CRM["BACKEND"]``.

    Raises :class:`~ringotel_crm.exceptions.InvalidBackend` if it cannot be imported or is not a
    subclass of :class:`Backend`.
    """
    path = conf.BACKEND
    setting = f'RINGOTEL_CRM["BACKEND"] = {path!r}'
    try:
        backend = import_string(path)
    except (ImportError, RuntimeError) as exc:  # RuntimeError: a model of an app not installed
        raise InvalidBackend(f"{setting} cannot be imported: {exc}") from exc
    if not (isinstance(backend, type) and issubclass(backend, Backend)):
        raise InvalidBackend(f"{setting} is not a subclass of ringotel_crm.backends.Backend.")
    return backend


def get_backend(actor: Actor) -> Backend:
    """Return a new backend for ``actor``. Raises as :func:`get_backend_class`."""
    return get_backend_class()(actor)
