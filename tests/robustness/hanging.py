"""A storage that hangs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class HangingStorage(FileSystemStorage):
    """Block writes while a file named ``hangs`` exists next to the folder."""

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        while Path(self.location).with_name("hangs").exists():
            time.sleep(0.1)
        return super().save(name, content, max_length)
