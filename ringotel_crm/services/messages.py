"""Conversations in writing.

As with calls, what is told of a message comes in any order and more than once: its row is made by whichever comes
first, its status only moves forward, the latest edit counts, and what was withdrawn stays withdrawn.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from functools import partial

from django.core.files import File
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from .. import phone, signals
from ..backends import Backend
from ..conf import conf
from ..exceptions import CRMError, InvalidInput
from ..media.safe_fetch import download_to
from ..models import Conversation, Message
from ..records import MessageRecord
from . import locks
from .calls.lifecycle import set_contact
from .contacts.identify import identify
from .sync import user_mapping

FILE_ATTEMPTS = 5


def log_message(backend: Backend, record: MessageRecord) -> Message:
    """Put a message into its conversation, once, and fetch its file if it is one. Raises ``Invalid``."""
    with transaction.atomic():
        message = _lock(backend.tenant, record.id)
        if message.conversation_id is None:
            message.is_outgoing = _is_outgoing(backend, record)
            message.conversation = _get_conversation(
                backend, record, is_outgoing=message.is_outgoing
            )
            message.at = record.at
            if not message.deleted_at:
                message.text = message.text if message.edited_at else record.text
                message.file_url = record.file_url
            message.save()
            signals.send_on_commit(signals.message_stored, Message, message=message)
    if message.file_url and not message.file and not message.file_attempts:
        download_attachment(message)
    return message


def log_reply(conversation: Conversation, id: str, text: str, at: dt.datetime) -> Message:
    """Put what was sent from here into its conversation; Ringotel tells of it, too, and may have done so already."""
    with transaction.atomic():
        message = _lock(conversation.tenant, id)
        if message.conversation_id is None:
            message.conversation, message.is_outgoing, message.at = conversation, True, at
            if not message.deleted_at and not message.edited_at:
                message.text = text
            message.save()
            Conversation.objects.filter(pk=conversation.pk).update(last_at=at)
            signals.send_on_commit(signals.message_stored, Message, message=message)
    return message


def advance_message(backend: Backend, id: str, status: Message.Status) -> Message:
    """It was delivered, or read."""
    with transaction.atomic():
        message = _lock(backend.tenant, id)
        message.status = max(Message.Status(message.status), status, key=lambda status: status.rank)
        message.save()
    return message


def edit_message(backend: Backend, id: str, text: str, at: dt.datetime) -> Message:
    """It has another text since ``at``."""
    with transaction.atomic():
        message = _lock(backend.tenant, id)
        if not message.deleted_at and (message.edited_at is None or message.edited_at <= at):
            message.text, message.edited_at = text, at
            message.save()
    return message


def delete_message(backend: Backend, id: str, at: dt.datetime) -> Message:
    """It was withdrawn: that there was one stays, what it said does not."""
    with transaction.atomic():
        message = _lock(backend.tenant, id)
        _delete_content(message, at)
    return message


def _delete_content(message: Message, at: dt.datetime) -> None:
    if message.file:
        transaction.on_commit(
            partial(message.file.storage.delete, str(message.file.name)), robust=True
        )
    message.text = message.file_url = message.file_error = ""
    message.file = None
    message.deleted_at = min(at, message.deleted_at or at)
    message.save()


def _lock(tenant: str, id: str) -> Message:
    """The row of this message, made if there is none, locked until the transaction ends; first in the transaction."""
    if not id:
        raise InvalidInput(
            _("A message id is expected."), fields={"messageid": [_("A message id is expected.")]}
        )
    locks.upsert(
        Message(tenant=tenant, message_id=id),
        key=["tenant", "message_id"],
        update_field="updated_at",
    )
    return Message.objects.select_related("conversation").get(tenant=tenant, message_id=id)


def _is_outgoing(backend: Backend, record: MessageRecord) -> bool:
    """Whether one of ours sent it: who sends from an extension, or to a number of somebody else."""
    if backend.users.resolve(extension=record.sender):
        return True
    if backend.users.resolve(extension=record.receiver) or phone.candidates(record.sender):
        return False
    return bool(phone.candidates(record.receiver))


def _get_conversation(
    backend: Backend, record: MessageRecord, *, is_outgoing: bool
) -> Conversation:
    """The conversation of this message, made if there is none."""
    ours, theirs = (
        (record.sender, record.receiver) if is_outgoing else (record.receiver, record.sender)
    )
    key = {
        "tenant": backend.tenant,
        "ringotel_user_id": record.ringotel_user_id or ours,
        "remote_number_normalized": phone.e164(theirs) or theirs,
    }
    locks.upsert(
        Conversation(**key, remote_number=theirs), key=list(key), update_field="updated_at"
    )
    conversation = Conversation.objects.get(**key)
    # Our side is told by our own messages, from where an answer goes out again, else by theirs.
    conversation.local_number = ours if is_outgoing else conversation.local_number or ours
    if not conversation.agent_id:
        id = user_mapping.agent_id(backend, record.ringotel_user_id)
        if agent := backend.users.resolve(id=id, extension=ours):
            conversation.agent_id, conversation.agent_name = agent.id, agent.name[:255]
    if not conversation.contact_id and (contact := identify(backend, theirs)):
        set_contact(conversation, backend, contact)
    conversation.last_at = max(record.at, conversation.last_at or record.at)
    conversation.save()
    return conversation


def messages_with(tenant: str, contact_type: int, contact_ids: Sequence[str]) -> QuerySet[Message]:
    """The messages with these contacts, the latest first."""
    conversations = {
        "conversation__contact_type": contact_type,
        "conversation__contact_id__in": contact_ids,
    }
    found = Message.objects.filter(tenant=tenant, **conversations)
    return (
        found.exclude(conversation__contact_id="")
        .select_related("conversation")
        .order_by("-at", "-pk")
    )


def messages_to_download() -> QuerySet[Message]:
    """Messages whose file is still to be fetched; given up after :data:`FILE_ATTEMPTS`."""
    return (
        Message.objects.exclude(file_url="")
        .filter(file="", file_attempts__lt=FILE_ATTEMPTS)
        .order_by("pk")
    )


def download_attachment(message: Message) -> bool:
    """Fetch the file of a message, under the same guards as recordings. Why it failed is written down with it."""
    Message.objects.filter(pk=message.pk).update(file_attempts=F("file_attempts") + 1)
    with tempfile.TemporaryFile() as file:
        try:
            download_to(file, message.file_url, max_bytes=conf.RECORDING_MAX_BYTES, field="content")
        except CRMError as exc:
            Message.objects.filter(pk=message.pk).update(file_error=exc.message[:255])
            return False
        file.seek(0)
        message.file.save("file", File(file), save=False)
    name = str(message.file.name)
    # Unless it was withdrawn, or fetched by another, in the meantime.
    still = Message.objects.filter(pk=message.pk, file="").exclude(file_url="")
    if not still.update(file=name, file_error=""):
        message.file.storage.delete(name)
        return False
    return True
