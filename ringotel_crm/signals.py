"""Signals.

Sent with ``send_robust()`` after commit, unless noted: a receiver that raises an exception is
logged and does not affect the request or the other receivers. ``sender`` is the class of the
object.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.dispatch import Signal

from . import databases

#: The first start of a call was received. ``activity``: :class:`~ringotel_crm.models.Activity`.
call_started = Signal()

#: A call was assigned to another contact. ``activity``; ``previous``: content type (or ``None``)
#: and id of the contact that it referred to before.
call_assigned = Signal()

#: Subject or comment of a call were changed through the API. ``activity``.
call_updated = Signal()

#: A call has ended; sent once. ``activity``.
call_stopped = Signal()

#: The file of a recording was stored. ``recording``: :class:`~ringotel_crm.models.Recording`.
recording_stored = Signal()

#: The file of a recording was deleted from the storage. ``recording``.
recording_deleted = Signal()

#: ``contact``: :class:`~ringotel_crm.records.ContactRecord`; ``backend``: the contact's backend.
contact_created = Signal()

#: ``contact``, ``backend``, as for :data:`contact_created`.
contact_updated = Signal()

#: Two contacts were merged. ``merge``: ``services.contacts.merge.Merge``; its ``source`` is
#: deleted. ``backend``.
contact_merged = Signal()

#: A webhook event was stored and not processed yet; a receiver may pass it to a task queue.
#: Sent after the response. ``event``: :class:`~ringotel_crm.models.WebhookEvent`.
event_stored = Signal()

#: A message or file was sent or received; sent once. ``message``:
#: :class:`~ringotel_crm.models.Message`.
message_stored = Signal()

#: Erase the data that the receiver holds about a person. Sent in a transaction before the calls and
#: the contact are erased; an exception rolls it back and stops the erasure, and the signal is sent
#: again when the erasure is repeated. ``backend``; ``person``:
#: ``services.privacy.subjects.DataSubject``.
#: Return counts: ``{"invoices": 3}``.
erase_person = Signal()

#: Export the data that the receiver holds about a person. ``backend``, ``person``, as for
#: :data:`erase_person`. Return JSON-compatible rows:
#: ``{"invoices": [{"at": "2026-11-22T17:30:00Z", "text": "..."}]}``.
export_person = Signal()


def send_on_commit(signal: Signal, sender: type[Any], **arguments: Any) -> None:
    """Send ``signal`` after the current transaction commits, or immediately outside of one."""
    databases.on_commit(partial(signal.send_robust, sender=sender, **arguments))
