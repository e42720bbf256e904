"""The sound of a call: kept once, heard by whom it concerns, and gone for good.

The order of steps is what keeps rows and files together, whenever a process is killed. A file is stored before its
row is written, and deleted after no row names it or its row says that nobody may hear it any more. So a row never
points to nothing, and what is left over is found by :mod:`~ringotel_crm.services.recordings.retention`.
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
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import signals
from ...backends import Backend, get_backend
from ...exceptions import UnderLegalHold
from ...media import audio
from ...media.storage import recording_storage, translate_storage_errors
from ...models import Activity, AuditEntry, LegalHold, Recording
from ...models.recordings import recording_path
from ...records import Actor, CallRef
from .. import locks
from ..audit import log_action
from ..calls.lifecycle import lock_call


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """A file for what comes in, gone when the block ends.

    Where recordings are kept in the file system it is made among them, and :func:`store_recording` renames it instead
    of copying it. What a killed process leaves of it is a file that no row names.
    """
    storage: Any = recording_storage()
    path = None
    if isinstance(storage, FileSystemStorage):
        path = Path(
            storage.path(storage.generate_filename(recording_path(Recording(), "recording.part")))
        )
    if not (
        path and path.parent.is_dir()
    ):  # the storage makes its folders itself, with the modes it is told
        with translate_storage_errors():
            file: IO[bytes] = TemporaryFile()  # noqa: SIM115
        with file:
            yield file
        return
    mode = storage.file_permissions_mode or 0o666
    with translate_storage_errors():
        file = open(path, "x+b", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    with file:
        file.temporary_file_path = lambda: str(path)  # type: ignore[attr-defined]  # Django's word for: take this one
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)


def store_recording(backend: Backend, ref: CallRef, file: IO[bytes]) -> Recording:
    """Attach ``file`` to the call: kept once however often it comes; another file takes the place of the first.

    A recording that was deleted does not come back. ``file`` is seekable and of a bounded size; one of
    :func:`temporary_file` is best. Raises ``WrongMediaType`` for what is not audio, ``NotFound``, ``Held`` and
    ``Unavailable``.
    """
    facts = audio.inspect(file)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    new = Recording(
        content_type=facts.content_type,
        codec=facts.codec,
        seconds=facts.duration,
        size=file.seek(0, 2),
        sha256=digest,
    )
    with transaction.atomic():
        new.activity = lock_call(backend, ref)
    if old := _existing_if_kept(new):
        return old

    # No lock is held meanwhile: the storage may be slow.
    storage, name = recording_storage(), _put(file, facts)
    new.file.name = name
    try:
        with transaction.atomic():
            lock_call(backend, CallRef(activity_id=str(new.activity.pk)))
            if kept := _existing_if_kept(new):  # it came twice at once
                transaction.on_commit(partial(storage.delete, name), robust=True)
                return kept
            if replaced := Recording.objects.filter(activity=new.activity).first():
                new.pk, new.created_at = replaced.pk, replaced.created_at
                transaction.on_commit(partial(storage.delete, str(replaced.file.name)), robust=True)
            new.save()
            signals.send_on_commit(signals.recording_stored, Recording, recording=new)
    except BaseException:
        # A connection that breaks while it commits does not tell whether it did: then the file stays, and is found
        # later if no row names it.
        with suppress(Exception):
            if not Recording.objects.filter(file=name).exists():
                storage.delete(name)
        raise
    return new


def _existing_if_kept(new: Recording) -> Recording | None:
    """The call's recording if it stays, because it is the same or was deleted; None if ``new`` may be stored."""
    old = Recording.objects.filter(activity=new.activity).first()
    if old is None or old.deletion_started or old.sha256 == new.sha256:
        return old
    if not not_held(Recording.objects.filter(pk=old.pk)).exists():
        raise UnderLegalHold(
            _("This call's recording is under a legal hold and cannot be replaced.")
        )
    return None


def _put(file: IO[bytes], facts: audio.Audio) -> str:
    """Store the file, whole or not at all. Its name in the storage."""
    storage = recording_storage()
    name = storage.generate_filename(recording_path(Recording(), f"recording{facts.extension}"))
    file.seek(0)
    content = File(file)
    content.content_type = facts.content_type  # type: ignore[attr-defined]  # cloud storages keep it beside the file
    if hasattr(file, "temporary_file_path"):
        content.temporary_file_path = file.temporary_file_path  # type: ignore[attr-defined]
    try:
        with translate_storage_errors():
            return storage.save(name, content)
    except BaseException:
        # A full disk leaves half a file behind.
        with suppress(Exception):
            storage.delete(name)
        raise


def not_held(recordings: QuerySet[Recording]) -> QuerySet[Recording]:
    """Those that no legal hold, on the call or on its contact, keeps from being deleted."""
    holds = LegalHold.objects.filter(
        tenant=OuterRef("activity__tenant"),
        contact_type=OuterRef("activity__contact_type"),
        contact_id=OuterRef("activity__contact_id"),
    )
    return recordings.filter(~Exists(holds), activity__legal_hold=False)


def delete_recording(recording: Recording, *, user: Any = None, reason: str = "") -> bool:
    """Delete the sound for good; the row keeps the fact. False if a legal hold forbids it.

    Can be said again: where the storage failed, or the process was killed, it goes on. Raises what the storage raises.
    """
    if not recording.deletion_started:
        free = not_held(Recording.objects.filter(pk=recording.pk, deletion_started=False))
        with transaction.atomic():
            # Another file may be taking its place at this moment.
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
        recording.deletion_started, recording.deleted_at, recording.file, recording.peaks = (
            True,
            timezone.now(),
            "",
            None,
        )
        recording.save(update_fields=["deleted_at", "file", "peaks"])
        signals.send_on_commit(signals.recording_deleted, Recording, recording=recording)
    return True


def recordings_playable_by(user: Any) -> QuerySet[Recording]:
    """The recordings that ``user`` may hear: all, those of calls of a user in one of his or her groups, or own ones;
    of a user who belongs to a tenant, only the tenant's."""
    backend = get_backend(Actor(user=user))
    recordings = Recording.objects.select_related("activity")
    if backend.tenant:
        recordings = recordings.filter(activity__tenant=backend.tenant)
    if user.has_perm("ringotel_crm.view_recording"):
        return recordings
    agents = []
    if user.has_perm("ringotel_crm.listen_own_recording"):
        agents.append(user)
    if user.has_perm("ringotel_crm.listen_team_recording"):
        agents += [user, *get_user_model()._default_manager.filter(groups__in=user.groups.all())]
    return recordings.filter(activity__agent_id__in=backend.users.user_ids_for(agents))
