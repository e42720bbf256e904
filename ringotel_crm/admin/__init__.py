"""Staff pages, one module for each model."""

from __future__ import annotations

from . import agents, audit, calls, directory, keys, messages, notes, phoneindex, recordings, webhooks

__all__ = ["agents", "audit", "calls", "directory", "keys", "messages", "notes", "phoneindex", "recordings", "webhooks"]
