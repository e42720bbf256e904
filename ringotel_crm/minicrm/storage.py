"""Keep the rows of a file between its preview and its import."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from import_export.tmp_storages import TempFolderStorage

PREFIX = "ringotel-import-"
MAX_AGE = 24 * 3600  # seconds


class PrivateTempStorage(TempFolderStorage):  # type: ignore[misc]
    """Temporary files with random names, readable by the process's user, deleted after a day."""

    def save(self, data: bytes) -> None:
        """Write a new file, and set ``name``."""
        self.save_lines([data])

    def save_lines(self, lines: Iterable[bytes]) -> None:
        """Write a new file line by line, and set ``name``."""
        self.name = f"{PREFIX}{secrets.token_hex(16)}"
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):  # another user's, or deleted by another process
                if path.stat().st_mtime < time.time() - MAX_AGE:
                    path.unlink()
        with open(self.get_full_path(), "xb", opener=_open_private) as file:
            file.writelines(lines)

    def get_full_path(self) -> str:
        """Raise ``FileNotFoundError`` for a name that :meth:`save` did not make."""
        if not re.fullmatch(f"{PREFIX}[0-9a-f]{{32}}", self.name):
            raise FileNotFoundError(self.name)
        return super().get_full_path()  # type: ignore[no-any-return]


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def save(lines: Iterable[bytes]) -> str:
    """Store the lines of a file and return its name."""
    storage = _storage()
    if isinstance(storage, PrivateTempStorage):
        storage.save_lines(lines)
    else:
        storage.save(b"".join(lines))
    return str(storage.name)


def read(name: str) -> Iterator[bytes]:
    """Yield the lines of a stored file. Raises ``OSError`` if it was deleted."""
    storage = _storage(name)
    if isinstance(storage, PrivateTempStorage):
        with open(storage.get_full_path(), "rb") as file:
            yield from file
        return
    data = storage.read()
    if data is None:
        raise FileNotFoundError(name)
    yield from BytesIO(data)


def delete(name: str) -> None:
    """Delete a stored file, if it still exists."""
    with suppress(OSError):
        _storage(name).remove()


def _storage(name: str | None = None) -> Any:
    """Return the storage of ``IMPORT_EXPORT_TMP_STORAGE_CLASS``, else the private one."""
    chosen = getattr(settings, "IMPORT_EXPORT_TMP_STORAGE_CLASS", PrivateTempStorage)
    storage = import_string(chosen) if isinstance(chosen, str) else chosen
    return storage(name=name, read_mode="rb")
