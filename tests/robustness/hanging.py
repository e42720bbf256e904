"""A storage that hangs while a file called ``hangs`` exists next to its folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class HangingStorage(FileSystemStorage):
    """Takes its time."""

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        while Path(self.location).with_name("hangs").exists():
            time.sleep(0.1)
        return super().save(name, content, max_length)
