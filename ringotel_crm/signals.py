"""What happened, for a host that wants to know. Sent after the commit, with ``send_robust``:
a receiver that fails is logged and spoils nothing."""

from __future__ import annotations

from django.dispatch import Signal

# activity: models.Activity. A call was seen for the first time.
call_started = Signal()

# activity: models.Activity, previous: (content type or None, id) it pointed to before.
call_assigned = Signal()

# activity: models.Activity. Subject or comment changed through a door.
call_updated = Signal()

# activity: models.Activity. The call is over; sent once.
call_stopped = Signal()

# recording: models.Recording. The file is in the storage.
recording_stored = Signal()

# recording: models.Recording. Its bytes are gone from the storage.
recording_deleted = Signal()

# contact: records.ContactRecord, backend: the backend that holds it.
contact_created = Signal()

# contact: records.ContactRecord, backend: the backend that holds it.
contact_updated = Signal()

# merge: services.merge.Merge, backend: the backend that holds both. ``merge.source`` is not there any more.
contact_merged = Signal()

# event: models.WebhookEvent. It is kept, and nothing has been made of it yet: the place to hand it to a worker.
event_stored = Signal()

# message: models.Message. A text or file came, or was sent by one of our users. Sent once.
message_stored = Signal()

# The two below ask, while the work goes on, whatever else may hold something about a person. backend: where;
# person: services.people.Person. A receiver answers with a dict, and its error stops the work, which is then repeated.

# Erase what you hold, inside a transaction; answer how much it was: {"messages": 3}.
erase_person = Signal()

# Answer what you hold, as JSON can say it: {"messages": [{"at": "2026-11-22T17:30:00Z", "text": "..."}]}.
export_person = Signal()
