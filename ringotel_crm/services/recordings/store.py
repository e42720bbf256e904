"""Storing, deleting and listing recordings.

The order of the steps keeps rows and files consistent if a process is killed. A file is stored
before its row is written. It is deleted after its row was marked as deleted, or names another file.
So every row that is not marked has its file, and
:mod:`~ringotel_crm.services.recordings.retention` finds the files without a row.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import databases, signals
from ...backends import Backend, get_backend
from ...exceptions import UnderLegalHold
from ...internal.permissions import has_perm
from ...media import audio
from ...media.audio_source import Audio
from ...media.storage import recording_storage, translate_storage_errors
from ...models import Activity, AuditEntry, LegalHold, Recording
from ...models.recordings import recording_path
from ...records import Actor, CallRef
from .. import locks
from ..audit import log_action
from ..calls.lifecycle import lock_call


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """Return a file for an upload, deleted at the end of the block.

    If recordings are stored in the file system, the file is created in their folder, so that
    :func:`store_recording` renames it instead of copying it. If the process is killed, the file is
    left without a row. Raises ``Unavailable``.
    """
    storage: Any = recording_storage()
    path = None
    if isinstance(storage, FileSystemStorage):
        name = storage.generate_filename(recording_path(Recording(), "recording.part"))
        path = Path(storage.path(name))
    if not (path and path.parent.is_dir()):  # the storage creates its folders, with their modes
        with translate_storage_errors():
            file: IO[bytes] = TemporaryFile()  # noqa: SIM115
        with file:
            yield file
        return
    mode = storage.file_permissions_mode or 0o666
    with translate_storage_errors():
        file = open(path, "x+b", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    with file:
        # By this method, file system storages recognize a file that they may move.
        file.temporary_file_path = lambda: str(path)  # type: ignore[attr-defined]
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)


@databases.fresh_reads()
def store_recording(backend: Backend, ref: CallRef, file: IO[bytes]) -> Recording:
    """Attach ``file`` to the call, and return its recording.

    The same file is stored once, another file replaces the first one, and a deleted recording is
    not restored. ``file`` must be seekable, preferably one of :func:`temporary_file`. Raises
    ``WrongMediaType`` if it is not audio, ``NotFound``, ``Held`` and ``Unavailable``.
    """
    facts = audio.inspect(file)
    new = Recording(
        content_type=facts.content_type,
        codec=facts.codec,
        seconds=facts.duration,
        sha256=hashlib.file_digest(file, "sha256").hexdigest(),  # type: ignore[arg-type]
        size=file.seek(0, os.SEEK_END),
    )
    with databases.atomic():
        new.activity = lock_call(backend, ref)
    if old := _existing_if_kept(new):
        return old

    # Outside of a transaction, since the storage may be slow.
    new.file.name = name = _save_file(file, facts)
    is_written = False
    try:
        with databases.atomic():
            recording = _save_row(backend, new)
            is_written = True
    except BaseException:
        # If the connection breaks during the commit, its outcome is unknown, and the database may
        # still complete it: the file stays, and retention finds it if it has no row.
        if not is_written:
            with suppress(Exception):
                recording_storage().delete(name)
        raise
    return recording


def _save_row(backend: Backend, new: Recording) -> Recording:
    """Write the row of a stored file, unless another request did; delete the file without a row.

    Must be the first statement of the transaction.
    """
    storage = recording_storage()
    lock_call(backend, CallRef(activity_id=str(new.activity.pk)))
    if kept := _existing_if_kept(new):
        databases.on_commit(partial(storage.delete, str(new.file.name)), robust=True)
        return kept
    if replaced := Recording.objects.filter(activity=new.activity).first():
        new.pk, new.created_at = replaced.pk, replaced.created_at
        databases.on_commit(partial(storage.delete, str(replaced.file.name)), robust=True)
    new.save()
    signals.send_on_commit(signals.recording_stored, Recording, recording=new)
    return new


def _existing_if_kept(new: Recording) -> Recording | None:
    """Return the call's recording if it is the same or was deleted; None if ``new`` may replace it.

    Raises ``Held``.
    """
    old = Recording.objects.filter(activity=new.activity).first()
    if old is None or old.deletion_started or old.sha256 == new.sha256:
        return old
    if not not_held(Recording.objects.filter(pk=old.pk)).exists():
        raise UnderLegalHold(
            _("This call's recording is under a legal hold and cannot be replaced.")
        )
    return None


def _save_file(file: IO[bytes], facts: Audio) -> str:
    """Store the whole file, and return its name in the storage. Raises ``Unavailable``."""
    storage = recording_storage()
    name = storage.generate_filename(recording_path(Recording(), f"recording{facts.extension}"))
    file.seek(0)
    content = File(file)
    content.content_type = facts.content_type  # type: ignore[attr-defined]  # for cloud storages
    if hasattr(file, "temporary_file_path"):
        content.temporary_file_path = file.temporary_file_path  # type: ignore[attr-defined]
    try:
        with translate_storage_errors():
            return storage.save(name, content)
    except BaseException:
        # After an error, such as a full disk, a part of the file may exist.
        with suppress(Exception):
            storage.delete(name)
        raise


def not_held(recordings: QuerySet[Recording]) -> QuerySet[Recording]:
    """Return the recordings without a legal hold, on the call or on its contact."""
    holds = LegalHold.objects.filter(
        tenant=OuterRef("activity__tenant"),
        contact_type=OuterRef("activity__contact_type"),
        contact_id=OuterRef("activity__contact_id"),
    )
    return recordings.filter(~Exists(holds), activity__legal_hold=False)


@databases.fresh_reads()
def delete_recording(recording: Recording, *, user: Any = None, reason: str = "") -> bool:
    """Delete the file; the row remains, marked as deleted. Returns False under a legal hold.

    Can be repeated after an error or a killed process. Raises any error of the storage.
    """
    if not recording.deletion_started:
        free = not_held(Recording.objects.filter(pk=recording.pk, deletion_started=False))
        with databases.atomic():
            # Another request may be replacing the file.
            locks.lock_row(Activity.objects.filter(pk=recording.activity_id), "updated_at")
            if not free.update(deletion_started=True):
                return Recording.objects.filter(pk=recording.pk, deletion_started=True).exists()
            log_action(
                AuditEntry.Action.DELETED,
                AuditEntry.Kind.RECORDING,
                str(recording.pk),
                user=user,
                tenant=recording.activity.tenant,
                reason=reason,
            )
    recording.refresh_from_db()
    if recording.file:
        recording_storage().delete(str(recording.file.name))
        recording.deletion_started, recording.deleted_at = True, timezone.now()
        recording.file, recording.peaks = "", None
        recording.save(update_fields=["deleted_at", "file", "peaks"])
        signals.send_on_commit(signals.recording_deleted, Recording, recording=recording)
    return True


def may_play(user: Any) -> bool:
    """Return whether ``user`` may play any recordings, at least own ones."""
    names = ("view_recording", "listen_own_recording", "listen_team_recording")
    return any(has_perm(user, f"ringotel_crm.{name}") for name in names)


def recordings_playable_by(user: Any, request: Any = None) -> QuerySet[Recording]:
    """Return the recordings that ``user`` may play in ``request``, by permission.

    These are all recordings, those of users who share a group with ``user``, or own ones; for a
    user who belongs to a tenant, only the tenant's.
    """
    backend = get_backend(Actor(user=user, request=request))
    recordings = Recording.objects.select_related("activity")
    if backend.tenant:
        recordings = recordings.filter(activity__tenant=backend.tenant)
    if has_perm(user, "ringotel_crm.view_recording"):
        return recordings
    agents = []
    if has_perm(user, "ringotel_crm.listen_own_recording"):
        agents.append(user)
    if has_perm(user, "ringotel_crm.listen_team_recording") and hasattr(user, "groups"):
        agents += [user, *get_user_model()._default_manager.filter(groups__in=user.groups.all())]
    return recordings.filter(activity__agent_id__in=backend.users.user_ids_for(agents))
