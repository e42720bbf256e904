"""The two sides of a message, and the conversation to which it belongs."""

from __future__ import annotations

from django.db.models import QuerySet

from .. import phone
from ..backends import Backend
from ..models import Conversation, Message, RingotelUser
from ..records import MessageRecord
from . import locks
from .contacts.identify import identify
from .contacts.references import record_reference
from .sync import user_mapping

MAX_EXTENSION_DIGITS = 6
# Digits of extensions, where no extension is known.
USUAL_EXTENSION_LENGTHS = frozenset({2, 3, 4})


def is_outgoing(backend: Backend, record: MessageRecord) -> bool:
    """Return whether one of our users sent the message.

    Ringotel sends an extension as the sender of an outgoing message. The sender of an incoming one
    may be a name ("ACME") or a short code, and the receiver a number of the company that no setting
    lists.
    """
    if _is_ours(backend, record.sender):
        return True
    if _is_ours(backend, record.receiver):
        return False
    if (known := _remote_side(backend, record)) is not None:
        return known
    if _has_known_extension(backend, record.ringotel_user_id) or phone.candidates(record.sender):
        return False
    is_extension = _looks_like_extension(backend, record.sender)
    return is_extension and bool(phone.candidates(record.receiver))


def _is_ours(backend: Backend, number: str) -> bool:
    """Return whether this is a known extension or one of ``COMPANY_NUMBERS``."""
    if not number:
        return False
    if phone.explain(number).refusal == phone.Refusal.OWN:
        return True
    users = RingotelUser.objects.filter(tenant=backend.tenant, extension=number)
    return bool(user_mapping.resolve_agent(backend, extension=number)) or users.exists()


def _remote_side(backend: Backend, record: MessageRecord) -> bool | None:
    """Return whether the receiver is the outside number of a known chat session; None if the
    session is not known."""
    if not record.session_id:
        return None
    conversation = find_conversations(backend, record.session_id).first()
    keys = [_key(record.sender), _key(record.receiver)]
    if conversation is None or conversation.remote_number_normalized not in keys:
        return None
    return conversation.remote_number_normalized == keys[1]


def _has_known_extension(backend: Backend, ringotel_id: str) -> bool:
    users = RingotelUser.objects.filter(tenant=backend.tenant, ringotel_id=ringotel_id)
    return bool(ringotel_id) and users.exclude(extension="").exists()


def _looks_like_extension(backend: Backend, text: str) -> bool:
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_EXTENSION_DIGITS):
        return False
    lengths = {len(user.extension) for user in backend.users.records()} - {0}
    return len(text) in (lengths or USUAL_EXTENSION_LENGTHS)


def _key(number: str) -> str:
    return next((found.e164 for found in phone.numbers(number)), number)


def converse(backend: Backend, record: MessageRecord, *, is_outgoing: bool) -> Conversation:
    """Return the conversation of this message, created if necessary and updated."""
    sides = (record.sender, record.receiver)
    ours, theirs = sides if is_outgoing else sides[::-1]
    key = {
        "tenant": backend.tenant,
        "ringotel_user_id": record.ringotel_user_id or ours,
        "remote_number_normalized": _key(theirs),
    }
    locks.upsert(
        Conversation(**key, remote_number=theirs), key=list(key), update_field="updated_at"
    )
    conversation = Conversation.objects.get(**key)
    # Our own messages name the extension from which to reply; incoming ones may name a number.
    conversation.local_number = ours if is_outgoing else conversation.local_number or ours
    if not conversation.agent_id:
        id = user_mapping.agent_id(backend, record.ringotel_user_id)
        if agent := user_mapping.resolve_agent(backend, id=id, extension=ours):
            conversation.agent_id, conversation.agent_name = agent.id, agent.name[:255]
    if not conversation.contact_id and (contact := identify(backend, theirs)):
        conversation.contact_reference = record_reference(backend, contact)
    if record.session_id and record.at >= (conversation.last_at or record.at):
        conversation.session_id = record.session_id
    conversation.last_at = max(record.at, conversation.last_at or record.at)
    if not is_outgoing:
        conversation.unread_at = max(record.at, conversation.unread_at or record.at)
    conversation.save()
    return conversation


def find_extension(backend: Backend, conversation: Conversation) -> str:
    """Return the extension of our side, from which to reply; "" if it is not known."""
    ours = conversation.local_number
    is_company_number = phone.explain(ours).refusal == phone.Refusal.OWN
    if ours and not is_company_number and not phone.candidates(ours):
        return ours
    users = RingotelUser.objects.filter(
        tenant=backend.tenant, ringotel_id=conversation.ringotel_user_id
    )
    extension = users.values_list("extension", flat=True).first()
    if extension or not conversation.agent_id:
        return extension or ""
    agent = backend.users.resolve(id=conversation.agent_id)
    return agent.extension if agent else ""


def find_conversations(backend: Backend, session_id: str) -> QuerySet[Conversation]:
    """Return the conversations that had a message in this chat session."""
    messages = Message.objects.filter(tenant=backend.tenant, session_id=session_id)
    messages = messages.exclude(conversation=None).order_by()
    ids = list(messages.values_list("conversation", flat=True).distinct())
    return Conversation.objects.filter(pk__in=ids)
