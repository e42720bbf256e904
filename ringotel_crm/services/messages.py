"""Conversations in writing.

Ringotel may deliver the events of a message more than once, late, or out of order. Each function
creates the message on first contact, keyed by (tenant, message id), and merges the event into it:
the status only moves forward, the latest edit counts, and a deleted message stays empty.

A reply from the CRM is stored before it is sent, under an id of its own, as "unknown whether it was
sent". Ringotel's id of the copy in the agent's chat replaces that id, whether it comes with the
answer or with the webhook's echo.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.core.files import File
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from .. import databases, signals
from ..backends import Backend
from ..conf import conf
from ..exceptions import CRMError, InvalidInput
from ..media.safe_fetch import download_to
from ..models import Conversation, Message
from ..records import MessageRecord, WrittenMessage
from . import locks
from .conversations import converse, find_conversations, is_outgoing

FILE_ATTEMPTS = 5
# Start of the id of a reply as long as Ringotel's id is not known.
REPLY = "reply-"
# Between a reply and the webhook's echo of its copy.
ECHO_TOLERANCE = dt.timedelta(minutes=15)
MAX_CARRIER_ID = 128
# The conversations that are unread, as Conversation.is_unread.
UNREAD = Q(unread_at__isnull=False) & (Q(read_at=None) | Q(read_at__lt=F("unread_at")))


@databases.fresh_reads()
def log_message(backend: Backend, record: MessageRecord) -> Message:
    """Log a message in its conversation, once, and download its file if it has one. Raises
    ``InvalidInput``."""
    with databases.atomic():
        message = _lock(backend.tenant, record.id)
        if message.conversation_id is None:
            message.is_outgoing = is_outgoing(backend, record)
            conversation = converse(backend, record, is_outgoing=message.is_outgoing)
            reply = _find_reply(conversation, message, record)
            message = reply or message
            message.conversation, message.session_id = conversation, record.session_id
            message.at = message.at or record.at
            if not message.deleted_at:
                message.text = message.text if message.edited_at else record.text
                message.file_url = record.file_url
            read_at = conversation.read_at
            if read_at and read_at >= record.at and not message.is_outgoing:
                message.status = Message.Status.READ
            message.save()
            if reply is None:
                _announce(message)
    if message.file_url and not message.file and not message.file_attempts:
        download_attachment(message)
    return message


def _announce(message: Message) -> None:
    signals.send_on_commit(signals.message_stored, Message, message=message)


def advance_message(backend: Backend, id: str, status: Message.Status) -> Message:
    """Set the status of a message, unless it has a later one. Raises ``InvalidInput``."""
    with databases.atomic():
        message = _lock(backend.tenant, id)
        message.status = max(Message.Status(message.status), status, key=lambda status: status.rank)
        message.save()
    return message


def mark_read(backend: Backend, session_id: str, at: dt.datetime) -> None:
    """Mark the incoming messages of a chat session as read at this time. An unknown session is
    ignored."""
    messages = Message.objects.filter(tenant=backend.tenant, session_id=session_id)
    conversations = find_conversations(backend, session_id)
    conversations.filter(Q(read_at=None) | Q(read_at__lt=at)).update(read_at=at)
    messages.filter(is_outgoing=False, at__lte=at).update(status=Message.Status.READ)


def mark_conversation_read(conversation: Conversation) -> None:
    """Mark a conversation as read in the CRM. What its messages are in the app stays."""
    unread = Conversation.objects.filter(UNREAD, pk=conversation.pk)
    unread.update(read_at=F("unread_at"))


def mark_unread(backend: Backend, session_id: str, at: dt.datetime) -> None:
    """Mark the conversation of a chat session as unread since this time. An unknown session is
    ignored."""
    conversations = find_conversations(backend, session_id)
    conversations.filter(Q(unread_at=None) | Q(unread_at__lt=at)).update(unread_at=at)


def edit_message(backend: Backend, id: str, text: str, at: dt.datetime) -> Message:
    """Replace the text of a message as of ``at``. Raises ``InvalidInput``."""
    with databases.atomic():
        message = _lock(backend.tenant, id)
        if not message.deleted_at and (message.edited_at is None or message.edited_at <= at):
            message.text, message.edited_at = text, at
            message.save()
    return message


def delete_message(backend: Backend, id: str, at: dt.datetime) -> Message:
    """Delete the content of a message, and keep the row. Raises ``InvalidInput``."""
    with databases.atomic():
        message = _lock(backend.tenant, id)
        _delete_content(message, at)
    return message


def _delete_content(message: Message, at: dt.datetime) -> None:
    if message.file:
        delete = partial(message.file.storage.delete, str(message.file.name))
        databases.on_commit(delete, robust=True)
    message.text = message.file_url = message.file_error = ""
    message.file = None
    message.deleted_at = min(at, message.deleted_at or at)
    message.save()


def _lock(tenant: str, id: str) -> Message:
    """Return the row of this message, created if necessary and locked until the transaction ends.

    Must be the first statement of the transaction.
    """
    if not id:
        message = _("Enter a message id.")
        raise InvalidInput(message, fields={"messageid": [message]})
    locks.upsert(
        Message(tenant=tenant, message_id=id),
        key=["tenant", "message_id"],
        update_field="updated_at",
    )
    return Message.objects.select_related("conversation").get(tenant=tenant, message_id=id)


# Replies


@databases.fresh_reads()
def create_reply(
    conversation: Conversation, key: str, text: str, at: dt.datetime, *, author: Any = None
) -> tuple[Message, bool]:
    """Store a reply before it is sent. Return it, and whether it is the first with this idempotency
    key. Messages that were received before it count as read."""
    reply, is_new = Message.objects.get_or_create(
        tenant=conversation.tenant,
        idempotency_key=key,
        defaults={
            "message_id": f"{REPLY}{key}",
            "conversation": conversation,
            "session_id": conversation.session_id,
            "is_outgoing": True,
            "author": author,
            "text": text,
            "at": at,
            "carrier_status": Message.CarrierStatus.UNKNOWN,
        },
    )
    if is_new:
        Conversation.objects.filter(pk=conversation.pk).update(last_at=at)
        mark_conversation_read(conversation)
        _announce(reply)
    return reply, is_new


def record_receipt(
    status: Message.CarrierStatus, *, key: str = "", carrier_id: str = "", error: str = ""
) -> bool:
    """Set the carrier's status of a reply, unless it has a later one. Return whether the reply
    exists.

    The reply is found by its idempotency key, or by the carrier's id, which is stored with it.
    """
    carrier_id = carrier_id[:MAX_CARRIER_ID]
    named = {"idempotency_key": key} if key else {"carrier_id": carrier_id}
    with databases.atomic():
        found = Message.objects.filter(**named) if key or carrier_id else Message.objects.none()
        reply = locks.lock_row(found, "updated_at")
        if reply is None:
            return False
        reply.carrier_id = carrier_id or reply.carrier_id
        _set_carrier_status(reply, status, error)
        reply.save()
    return True


def _set_carrier_status(reply: Message, status: Message.CarrierStatus, error: str = "") -> None:
    old = Message.CarrierStatus(reply.carrier_status or Message.CarrierStatus.UNKNOWN)
    if status.rank >= old.rank:
        reply.carrier_status, reply.carrier_error = status, error[:255]


@databases.fresh_reads()
def join_copy(conversation: Conversation, key: str, written: WrittenMessage) -> None:
    """Give a reply Ringotel's ids of its copy in the agent's chat, and make it one message with the
    echo, if any."""
    if written.session_id:
        # Unless a webhook event has named another session since.
        same = Conversation.objects.filter(pk=conversation.pk, session_id=conversation.session_id)
        same.update(session_id=written.session_id)
    reply_key = {"tenant": conversation.tenant, "idempotency_key": key}
    if written.id:
        with databases.atomic():
            echo = _lock(conversation.tenant, written.id)
            reply = Message.objects.filter(**reply_key).first()
            if reply and reply.pk != echo.pk:
                _join(reply, echo)
    if session_id := written.session_id or conversation.session_id:
        Message.objects.filter(**reply_key).update(session_id=session_id)


def _find_reply(conversation: Conversation, echo: Message, record: MessageRecord) -> Message | None:
    """Return the reply that this message is the echo of, joined with it; None if there is no such
    reply."""
    replies = conversation.messages.exclude(carrier_status=Message.CarrierStatus.FAILED).filter(
        message_id__startswith=REPLY,
        is_outgoing=True,
        text=record.text,
        at__range=(record.at - ECHO_TOLERANCE, record.at + ECHO_TOLERANCE),
    )
    reply = replies.order_by("at", "pk").first() if echo.is_outgoing and record.text else None
    if reply:
        _join(reply, echo)
        _set_carrier_status(reply, Message.CarrierStatus.CHAT)
    return reply


def _join(reply: Message, echo: Message) -> None:
    """Merge a locked ``echo`` into ``reply`` and delete it."""
    reply.message_id = echo.message_id
    reply.status = max(
        Message.Status(reply.status), Message.Status(echo.status), key=lambda status: status.rank
    )
    if echo.edited_at:
        reply.text, reply.edited_at = echo.text, echo.edited_at
    echo.delete()
    reply.save()
    if echo.deleted_at:
        _delete_content(reply, echo.deleted_at)


# Files and lists


def messages_with(tenant: str, contact_type: int, contact_ids: Sequence[str]) -> QuerySet[Message]:
    """Return the messages with these contacts, latest first."""
    conversations = {
        "conversation__contact_type": contact_type,
        "conversation__contact_id__in": contact_ids,
    }
    found = Message.objects.filter(tenant=tenant, **conversations).exclude(
        conversation__contact_id=""
    )
    return found.select_related("conversation").order_by("-at", "-pk")


def messages_to_download() -> QuerySet[Message]:
    """Return messages whose file is still to be downloaded, in at most :data:`FILE_ATTEMPTS`
    attempts."""
    missing = Message.objects.exclude(file_url="").filter(file="")
    return missing.filter(file_attempts__lt=FILE_ATTEMPTS).order_by("pk")


def download_attachment(message: Message) -> bool:
    """Download the file of a message, under the same limits as recordings; return whether it is
    stored.

    The reason of a failure is stored with the message.
    """
    messages = Message.objects.filter(pk=message.pk)
    messages.update(file_attempts=F("file_attempts") + 1)
    with tempfile.TemporaryFile() as file:
        try:
            limit = conf.RECORDING_MAX_BYTES
            download_to(file, message.file_url, max_bytes=limit, field="content")
        except CRMError as exc:
            messages.update(file_error=exc.message[:255])
            return False
        file.seek(0)
        message.file.save("file", File(file), save=False)
    name = str(message.file.name)
    # The message may have been deleted, or its file downloaded by another process, in the meantime.
    still_missing = messages.filter(file="").exclude(file_url="")
    if not still_missing.update(file=name, file_error=""):
        message.file.storage.delete(name)
        return False
    return True
