"""Detection of audio formats by content. File names and declared types are ignored.

Only headers are read, within fixed limits, whatever sizes a file states.
"""

from __future__ import annotations

import os
import re
from typing import IO, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import UnsupportedMediaType
from .audio_containers import CONTAINERS
from .audio_source import (
    Audio,
    Source,
    unsupported,
)
from .audio_streams import find_stream

# Some recorders write several ID3 tags.
MAX_ID3_TAGS = 8


def inspect(file: IO[bytes]) -> Audio:
    """Return the format of ``file``, which must be seekable and is rewound, also after an error.

    Bytes before the first frame of MPEG audio, AAC, Ogg, FLAC, AMR and GSM are skipped.
    Raises ``UnsupportedMediaType`` with the reason for anything that is not audio.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        return _inspect(file, size)
    except UnsupportedMediaType:
        raise
    except Exception as exc:  # mutagen raises many types of exceptions for damaged headers
        raise unsupported(_("The headers of this file are damaged or incomplete.")) from exc
    finally:
        file.seek(0)


def _inspect(file: IO[bytes], size: int) -> Audio:
    if not size:
        raise unsupported(_("The file is empty."))
    start = after_id3(file)
    head = Source(file, start, size).head
    for pattern, read in CONTAINERS.items():
        if re.match(pattern, head, re.DOTALL):
            return read(Source(file, start, size))
    # If the size in a tag is wrong, the audio may start before its end.
    positions = () if re.match(NEVER_AUDIO, head, re.DOTALL) else dict.fromkeys((start, 0))
    for position in positions:
        if audio := find_stream(file, position, size):
            return audio
    kinds = (kind for first, kind in OTHER_KINDS.items() if re.match(first, head, re.DOTALL))
    kind = next(kinds, _("a file of unknown kind"))
    raise unsupported(_("This is %(kind)s, not audio.") % {"kind": kind})


def after_id3(file: IO[bytes]) -> int:
    """Return the position after the ID3v2 tags at the beginning, by their headers."""
    start = 0
    for _number in range(MAX_ID3_TAGS):
        file.seek(start)
        tag = file.read(10)
        if len(tag) < 10 or not tag.startswith(b"ID3"):
            break
        # Seven bits in each of four bytes; some writers use all eight. A footer is 10 bytes more.
        bits = 8 if max(tag[6:]) > 0x7F else 7
        start += sum(byte << bits * place for place, byte in enumerate(reversed(tag[6:])))
        start += 20 if tag[5] & 0x10 else 10
    return start


# Other kinds of files, by their first bytes. Audio may begin with some of them by chance.
OTHER_KINDS: dict[bytes, Any] = {
    rb"PK\x03\x04|PK\x05\x06": gettext_lazy("a ZIP archive"),
    rb"Rar!|7z\xbc\xaf|\x1f\x8b|.{257}ustar": gettext_lazy("an archive"),
    rb"%PDF": gettext_lazy("a PDF document"),
    rb"MZ|\x7fELF": gettext_lazy("a program"),
    rb"\0\0\x01[\xb3\xba]|FLV\x01|G.{187}G.{187}G": gettext_lazy("video"),
    rb"\x89PNG|\xff\xd8\xff|GIF8": gettext_lazy("a picture"),
    rb"\s*<": gettext_lazy("HTML or XML"),
    rb"\s*[{[]": gettext_lazy("JSON"),
    rb"[\s!-~]+\Z": gettext_lazy("text"),
}
# Of these, what is not searched for frames: audio in it is not the recording itself.
NEVER_AUDIO = b"|".join([*list(OTHER_KINDS)[:5], rb"[\s!-~]+\Z"])
