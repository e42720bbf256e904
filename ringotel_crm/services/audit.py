"""Audit log."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from .. import databases
from ..models import AuditEntry, Recording

# Players request a recording in parts. A user's requests within this time are logged once.
PLAYBACK_WINDOW = dt.timedelta(minutes=30)


def log_action(
    action: str, kind: str, object_id: str, *, user: Any, tenant: str, **details: Any
) -> AuditEntry:
    """Create an entry. ``user`` is None for actions of the system."""
    user_id, user_name = (str(user.pk), user.get_username()) if user else ("", "")
    return AuditEntry.objects.create(
        action=action,
        kind=kind,
        object_id=object_id,
        user_id=user_id,
        user_name=user_name[:255],
        tenant=tenant,
        details=details,
    )


@databases.fresh_reads()
def log_playback(recording: Recording, *, user: Any, download: bool) -> None:
    """Log once per :data:`PLAYBACK_WINDOW` that ``user`` plays or downloads a recording."""
    action = AuditEntry.Action.DOWNLOADED if download else AuditEntry.Action.LISTENED
    subject = {"action": action, "kind": AuditEntry.Kind.RECORDING, "object_id": str(recording.pk)}
    since = timezone.now() - PLAYBACK_WINDOW
    if not AuditEntry.objects.filter(**subject, user_id=str(user.pk), at__gte=since).exists():
        log_action(**subject, user=user, tenant=recording.activity.tenant)
