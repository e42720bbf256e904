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

#: A hook, a webhook or ``ringotel_pull_calls`` has logged the start of a call; sent once. If the
#: end of a call arrives first, :data:`call_stopped` is sent before. ``activity``:
#: :class:`~ringotel_crm.models.Activity`.
call_started = Signal()

#: AssignActivity, or a user who selected the call, has assigned it to another contact or to none.
#: ``activity``; ``previous``: content type (or ``None``) and id of the contact that it referred to
#: before. Not sent when the start of a call identifies the caller, when a contact is deleted, nor
#: for calls that are linked in bulk, with one statement: the earlier calls of a number that a
#: contact gets, the other calls of a number whose contact is corrected, and undoing either.
#: Merging sends :data:`contact_merged` instead.
call_assigned = Signal()

#: Subject or comment of a call were received with UpdateActivity, or edited on a page of the CRM.
#: ``activity``.
call_updated = Signal()

#: A call has ended, or ``ringotel_close_stale_calls`` has closed it; sent once. More complete
#: values of the end may be received later. ``activity``.
call_stopped = Signal()

#: The file of a recording was stored, also one that replaces another. ``recording``:
#: :class:`~ringotel_crm.models.Recording`.
recording_stored = Signal()

#: The file of a recording was deleted from the storage: by a user, by an erasure, or at the end of
#: its retention. ``recording``.
recording_deleted = Signal()

#: CreateContact, or the import of a file into mapped models, has created a contact. Contacts that
#: are created in the admin or by your own code send Django's ``post_save`` only. ``contact``:
#: :class:`~ringotel_crm.records.ContactRecord`; ``backend``: the contact's backend.
contact_created = Signal()

#: UpdateContact has changed a contact, CreateContact or an import has completed an existing one, or
#: a number was added or moved on the page that assigns calls. ``contact``, ``backend``, as for
#: :data:`contact_created`.
contact_updated = Signal()

#: Two contacts were merged. ``merge``: ``services.contacts.merge.Merge``; its ``source`` is
#: deleted. ``backend``.
contact_merged = Signal()

#: A webhook event was stored and not processed yet; a receiver may pass it to a task queue.
#: Sent after the response. ``event``: :class:`~ringotel_crm.models.WebhookEvent`.
event_stored = Signal()

#: A message was received, before its file is downloaded, or a reply is about to be sent; sent once.
#: ``message``: :class:`~ringotel_crm.models.Message`.
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
