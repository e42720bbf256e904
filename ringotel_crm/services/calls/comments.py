"""Comments that are typed while others may edit them, too."""

from __future__ import annotations

import re
from typing import TypeAlias

from ... import databases, signals
from ...models import Activity
from .. import locks
from .lifecycle import write_locked
from .merging import set_values

# Forms and phones send different ones.
NEWLINE = re.compile(r"\r\n?")

# The part of a text that was replaced, as start and end, and its replacement.
Edit: TypeAlias = tuple[int, int, str]


def edit_comment(call: Activity, text: str, *, base: str) -> Activity:
    """Replace the comment ``base`` of a call by ``text``, and return the call.

    What others have written since is kept. The phone does not overwrite an edited comment. Raises
    ``Activity.DoesNotExist``.
    """
    with databases.atomic():
        activity = locks.lock_row(Activity.objects.filter(pk=call.pk), "updated_at")
        if activity is None:
            raise Activity.DoesNotExist
        comment = merge_texts(base, text, activity.comment)
        if write_locked(activity, lambda activity: set_values(activity, comment=comment)):
            signals.send_on_commit(signals.call_updated, Activity, activity=activity)
    return activity


def merge_texts(base: str, mine: str, theirs: str) -> str:
    """Return the text with both edits of ``base``, that to ``mine`` and that to ``theirs``.

    For example, ``merge_texts("Offer", "Offer sent", "Urgent: Offer")`` is "Urgent: Offer sent". If
    both replace the same part, ``theirs`` is followed by the replacement from ``mine``. A repeated
    request changes nothing: ``theirs`` contains ``mine`` already.
    """
    base, mine, theirs = (NEWLINE.sub("\n", text) for text in (base, mine, theirs))
    if base == theirs:
        return mine
    if base == mine or re.search(rf"(?<!\w){re.escape(mine.strip())}(?!\w)", theirs):
        return theirs
    start, end, added = _edit(base, mine)
    their_start, their_end, their_added = _edit(base, theirs)
    is_same_part = (start, end) == (their_start, their_end)
    if end <= their_start and (not is_same_part or their_added.startswith("\n")):
        return f"{base[:start]}{added}{base[end:their_start]}{their_added}{base[their_end:]}"
    if their_end <= start and not is_same_part:
        return f"{base[:their_start]}{their_added}{base[their_end:start]}{added}{base[end:]}"
    return f"{theirs}\n{added.strip()}".rstrip()


def _edit(old: str, new: str) -> Edit:
    """Return what to replace in ``old`` to get ``new``: all but their common start and end."""
    start, shortest = 0, min(len(old), len(new))
    while start < shortest and old[start] == new[start]:
        start += 1
    same_end = 0
    while same_end < shortest - start and old[-1 - same_end] == new[-1 - same_end]:
        same_end += 1
    return start, len(old) - same_end, new[start : len(new) - same_end]
