"""Recordings that have to go: those that are too old, and files that belong to no row."""

from __future__ import annotations

import datetime as dt
import logging
import posixpath
from collections.abc import Iterator, Mapping

from django.core.files.storage import Storage
from django.db.models import Q, QuerySet
from django.utils import timezone

from ...conf import conf
from ...media.storage import recording_storage
from ...models import Message, Recording, messages, recordings
from .store import delete_recording, not_held

logger = logging.getLogger(__name__)

PAGE = 500

FOLDERS: dict[str, type[Recording | Message]] = {
    recordings.FOLDER: Recording,
    messages.FOLDER: Message,
}
"""Whose files are in which folder."""

ANY_TENANT = "*"
"""The key in ``RECORDING_RETENTION_DAYS`` that stands for the tenants which it does not name."""


def expired() -> QuerySet[Recording]:
    """Recordings that are older than the settings allow, those whose deletion was begun, and none that is held."""
    days = conf.RECORDING_RETENTION_DAYS
    ages = days if isinstance(days, Mapping) else {ANY_TENANT: days}
    due = Q(deletion_started=True)
    for tenant, age in ages.items():
        if age is not None:
            named = Q(activity__tenant__in=[name for name in ages if name != ANY_TENANT])
            in_tenant = ~named if tenant == ANY_TENANT else Q(activity__tenant=tenant)
            due |= in_tenant & Q(created_at__lt=timezone.now() - dt.timedelta(days=age))
    return not_held(Recording.objects.filter(due, deleted_at=None))


def delete_expired() -> Iterator[bool]:
    """Delete them one by one, and tell of each whether it went well. What fails is logged, and due again next time."""
    last = 0
    while page := list(
        expired().filter(pk__gt=last).select_related("activity").order_by("pk")[:PAGE]
    ):
        for recording in page:
            last = recording.pk
            try:
                yield delete_recording(recording, reason="retention")
            except Exception:
                logger.exception("Recording %s could not be deleted.", recording.pk)
                yield False


def orphaned_files(age: dt.timedelta) -> Iterator[str]:
    """The names of files in the storage that no row names, and that are older: a younger one may yet get its row."""
    storage, latest = recording_storage(), timezone.now() - age
    for folder, model in _folders(storage):
        files = storage.listdir(folder)[1]
        for start in range(0, len(files), PAGE):
            paths = [f"{folder}/{name}" for name in files[start : start + PAGE]]
            known = set(
                model._default_manager.filter(file__in=paths).values_list("file", flat=True)
            )
            yield from (
                path for path in paths if path not in known and _is_older(storage, path, latest)
            )


def missing_files() -> Iterator[Recording | None]:
    """Every recording that lost its file, and None for each that has one: this asks the storage for each."""
    storage = recording_storage()
    for recording in (
        Recording.objects.filter(deletion_started=False).order_by("pk").iterator(chunk_size=PAGE)
    ):
        yield None if storage.exists(str(recording.file.name)) else recording


def abort_stale_uploads(age: dt.timedelta) -> int:
    """S3 keeps the parts of an upload that was never completed, and shows them nowhere. Returns how many there were."""
    storage, latest = recording_storage(), timezone.now() - age
    uploads = getattr(getattr(storage, "bucket", None), "multipart_uploads", None)
    if uploads is None:
        return 0
    prefixes = [posixpath.join(getattr(storage, "location", ""), folder, "") for folder in FOLDERS]
    stale = [
        upload
        for prefix in prefixes
        for upload in uploads.filter(Prefix=prefix)
        if upload.initiated < latest
    ]
    for upload in stale:
        upload.abort()
    return len(stale)


def _folders(storage: Storage) -> Iterator[tuple[str, type[Recording | Message]]]:
    """Those of the months, as rows name them, and the model of these rows."""
    for top, model in FOLDERS.items():
        try:
            years = [year for year in storage.listdir(top)[0] if year.isdecimal()]
        except FileNotFoundError:
            continue
        for year in years:
            yield from (
                (f"{top}/{year}/{month}", model) for month in storage.listdir(f"{top}/{year}")[0]
            )


def _is_older(storage: Storage, path: str, latest: dt.datetime) -> bool:
    try:
        modified = storage.get_modified_time(path)
    except FileNotFoundError:  # meanwhile
        return False
    return (modified if timezone.is_aware(modified) else timezone.make_aware(modified)) < latest
