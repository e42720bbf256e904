"""Who did what."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from ..models import AuditEntry, Recording

PLAYBACK_WINDOW = dt.timedelta(minutes=30)
"""Players ask for a recording in many pieces: requests of one user within this time are one play."""


def log_action(
    action: str, kind: str, object_id: str, *, user: Any, tenant: str, **details: Any
) -> AuditEntry:
    """Write it down. ``user`` is None where the system itself acts."""
    return AuditEntry.objects.create(
        action=action,
        kind=kind,
        object_id=object_id,
        user_id=str(user.pk) if user else "",
        user_name=user.get_username()[:255] if user else "",
        tenant=tenant,
        details=details,
    )


def log_playback(recording: Recording, *, user: Any, download: bool) -> None:
    """Write down that ``user`` hears or downloads it, once for each play, from wherever in the file it begins."""
    action = AuditEntry.Action.DOWNLOADED if download else AuditEntry.Action.LISTENED
    subject = {"action": action, "kind": AuditEntry.Kind.RECORDING, "object_id": str(recording.pk)}
    since = timezone.now() - PLAYBACK_WINDOW
    if not AuditEntry.objects.filter(**subject, user_id=str(user.pk), at__gte=since).exists():
        log_action(**subject, user=user, tenant=recording.activity.tenant)
