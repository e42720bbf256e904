"""The admin, one module for each model."""

from __future__ import annotations

from . import (
    agents,
    api_keys,
    audit,
    call_subjects,
    calls,
    messages,
    notes,
    phone_index,
    recordings,
    ringotel_users,
    webhooks,
)

__all__ = [
    "agents",
    "api_keys",
    "audit",
    "call_subjects",
    "calls",
    "messages",
    "notes",
    "phone_index",
    "recordings",
    "ringotel_users",
    "webhooks",
]
