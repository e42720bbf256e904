"""Keep the rows of a file between its preview and its import."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
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
    """Files of the temporary folder with random names, readable by this user only, deleted after a day."""

    def save(self, data: bytes) -> None:
        """Write a new file, and set ``name``."""
        self.name = f"{PREFIX}{secrets.token_hex(16)}"
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):  # another user's, or deleted by another process
                if path.stat().st_mtime < time.time() - MAX_AGE:
                    path.unlink()
        with open(
            self.get_full_path(), "xb", opener=lambda path, flags: os.open(path, flags, 0o600)
        ) as file:
            file.write(data)

    def get_full_path(self) -> str:
        """Raise ``FileNotFoundError`` for a name that :meth:`save` did not make."""
        if not re.fullmatch(f"{PREFIX}[0-9a-f]{{32}}", self.name):
            raise FileNotFoundError(self.name)
        return super().get_full_path()  # type: ignore[no-any-return]


def save(data: bytes) -> str:
    """Store ``data`` and return the name of the file."""
    storage = _storage()
    storage.save(data)
    return str(storage.name)


def lines(name: str) -> Iterator[bytes]:
    """Return the lines of a stored file. Raises ``FileNotFoundError`` if it was deleted."""
    data = _storage(name).read()
    if data is None:
        raise FileNotFoundError(name)
    return iter(BytesIO(data))


def delete(name: str) -> None:
    """Delete a stored file, if it still exists."""
    with suppress(OSError):
        _storage(name).remove()


def _storage(name: str | None = None) -> Any:
    """Return the storage that the site has chosen in ``IMPORT_EXPORT_TMP_STORAGE_CLASS``, else the private one."""
    chosen = getattr(settings, "IMPORT_EXPORT_TMP_STORAGE_CLASS", PrivateTempStorage)
    storage = import_string(chosen) if isinstance(chosen, str) else chosen
    return storage(name=name, read_mode="rb")
