"""Deletion of expired recordings, and of files without a row."""

from __future__ import annotations

import datetime as dt
import logging
import posixpath
from collections.abc import Iterator, Mapping

from django.core.files.storage import Storage
from django.db.models import Q, QuerySet
from django.utils import timezone

from ... import databases
from ...conf import conf
from ...media.storage import recording_storage
from ...models import Message, Recording, messages, recordings
from .store import delete_recording, not_held

logger = logging.getLogger(__name__)

PAGE = 500

# The models whose files are in each folder of the storage.
FOLDERS: dict[str, type[Recording | Message]] = {
    recordings.FOLDER: Recording,
    messages.FOLDER: Message,
}
# A retention setting: days, or days by tenant. None: for ever.
Days = int | Mapping[str, int | None] | None
# The key for all tenants that the setting does not name.
ANY_TENANT = "*"


def expired() -> QuerySet[Recording]:
    """Return recordings past ``RECORDING_RETENTION_DAYS``, and those whose deletion has started.

    Recordings under a legal hold are left out.
    """
    due = older_than(conf.RECORDING_RETENTION_DAYS, tenant="activity__tenant", time="created_at")
    return not_held(Recording.objects.filter(due | Q(deletion_started=True), deleted_at=None))


def older_than(days: Days, *, tenant: str, time: str) -> Q:
    """Return the condition of rows past ``days``; ``tenant`` and ``time`` name their columns."""
    ages = days if isinstance(days, Mapping) else {ANY_TENANT: days}
    due = Q(pk__in=[])
    for name, age in ages.items():
        if age is not None:
            others = Q(**{f"{tenant}__in": [other for other in ages if other != ANY_TENANT]})
            in_tenant = ~others if name == ANY_TENANT else Q(**{tenant: name})
            cutoff = timezone.now() - dt.timedelta(days=age)
            due |= in_tenant & Q(**{f"{time}__lt": cutoff})
    return due


def delete_expired() -> Iterator[bool]:
    """Delete expired recordings, and yield for each whether it was deleted.

    Failures are logged; these recordings are tried again in the next run.
    """
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
    """Yield the names of files without a row that are older than ``age``.

    The row of a younger file may not be written yet.
    """
    storage, latest = recording_storage(), timezone.now() - age
    for folder, model in _folders(storage):
        files = storage.listdir(folder)[1]
        for start in range(0, len(files), PAGE):
            paths = [f"{folder}/{name}" for name in files[start : start + PAGE]]
            rows = model._default_manager.filter(file__in=paths)
            known = set(rows.values_list("file", flat=True))
            yield from (
                path for path in paths if path not in known and _is_older(storage, path, latest)
            )


def missing_files() -> Iterator[Recording | None]:
    """Yield each recording whose file is missing from the storage, None for each of the others.

    Sends one request to the storage per recording.
    """
    storage = recording_storage()
    rows = Recording.objects.filter(deletion_started=False)
    for recording in databases.by_primary_key(rows):
        yield None if storage.exists(str(recording.file.name)) else recording


def abort_stale_uploads(age: dt.timedelta) -> int:
    """Abort uploads to S3 that began before ``age`` ago, and return their number.

    S3 keeps the parts of incomplete uploads and does not list them with the files.
    """
    storage, latest = recording_storage(), timezone.now() - age
    uploads = getattr(getattr(storage, "bucket", None), "multipart_uploads", None)
    if uploads is None:
        return 0
    prefixes = [posixpath.join(getattr(storage, "location", ""), folder, "") for folder in FOLDERS]
    found = [upload for prefix in prefixes for upload in uploads.filter(Prefix=prefix)]
    stale = [upload for upload in found if upload.initiated < latest]
    for upload in stale:
        upload.abort()
    return len(stale)


def _folders(storage: Storage) -> Iterator[tuple[str, type[Recording | Message]]]:
    """Yield the folder of each month, and the model whose files are in it."""
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
    except FileNotFoundError:  # deleted since it was listed
        return False
    if timezone.is_naive(modified):
        modified = timezone.make_aware(modified)
    return modified < latest
