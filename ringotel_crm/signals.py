"""Signals. Sent with ``send_robust`` after commit, unless noted: a receiver that raises is logged and affects nothing.

``sender`` is the class of the object that the signal is about.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

#: A call was seen for the first time. ``activity``: :class:`~ringotel_crm.models.Activity`.
call_started = Signal()

#: A call was assigned to another contact. ``activity``; ``previous``: the content type (or ``None``) and
#: id of the contact that it referred to before.
call_assigned = Signal()

#: Subject or comment of a call were changed through the API. ``activity``.
call_updated = Signal()

#: A call has ended; sent once. ``activity``.
call_stopped = Signal()

#: The file of a recording is in the storage. ``recording``: :class:`~ringotel_crm.models.Recording`.
recording_stored = Signal()

#: The file of a recording was deleted from the storage. ``recording``.
recording_deleted = Signal()

#: ``contact``: :class:`~ringotel_crm.records.ContactRecord`; ``backend``: the backend that holds it.
contact_created = Signal()

#: ``contact``, ``backend``, as for :data:`contact_created`.
contact_updated = Signal()

#: Two contacts were merged. ``merge``: ``services.contacts.merge.Merge``, whose ``source`` is deleted; ``backend``.
contact_merged = Signal()

#: A webhook event was stored and not processed yet: hand it to a worker here. Sent inside the request.
#: ``event``: :class:`~ringotel_crm.models.WebhookEvent`.
event_stored = Signal()

#: A message or file was received, or sent by a user; sent once. ``message``: :class:`~ringotel_crm.models.Message`.
message_stored = Signal()

#: Erase what the receiver holds about a person. Sent inside the transaction of the erasure; an exception rolls it back.
#: ``backend``; ``person``: ``services.privacy.subjects.DataSubject``. Return counts: ``{"messages": 3}``.
erase_person = Signal()

#: Export what the receiver holds about a person. ``backend``, ``person``, as for :data:`erase_person`.
#: Return JSON-compatible rows: ``{"messages": [{"at": "2026-11-22T17:30:00Z", "text": "..."}]}``.
export_person = Signal()


def send_on_commit(signal: Signal, sender: type[Any], **arguments: Any) -> None:
    """Send ``signal`` when the current transaction commits, or at once outside of one."""
    transaction.on_commit(partial(signal.send_robust, sender=sender, **arguments))
