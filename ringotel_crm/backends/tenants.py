"""Whether an actor needs a tenant, and which tenants there are."""

from __future__ import annotations

from typing import Any

from .base import Backend
from .mapping import resolve_path
from .model_rows import ModelDirectory

# Tenants that a message names.
MAX_TENANTS = 20


def lacks_tenant(backend: Backend) -> bool:
    """Return whether the contacts belong to tenants, and the actor of ``backend`` to none of
    them.
    """
    return bool(_tenant_directories(backend)) and not backend.tenant


def tenant_keys(backend: Backend) -> list[str]:
    """Return the keys of up to :data:`MAX_TENANTS` tenants, sorted."""
    directory = _tenant_directories(backend)[0]
    *along, last = resolve_path(directory.model, directory.tenant)
    model, column = directory.model, last.name
    if last.is_relation:
        model, column = last.related_model, last.target_field.name
    elif along:
        model = last.model
    keys = model._default_manager.order_by(column).values_list(column, flat=True).distinct()
    return [str(key) for key in keys[:MAX_TENANTS] if key is not None]


def _tenant_directories(backend: Backend) -> list[Any]:
    return [
        component
        for component in backend.contact_directory.component_classes()
        if issubclass(component, ModelDirectory) and component.tenant
    ]
