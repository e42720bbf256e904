"""Replies from the CRM, and how they reach the outside number.

A backend is named in ``RINGOTEL_CRM["SMS_BACKEND"]``. Each reply is stored with an idempotency key
before it is sent, and sent at most once: after a time-out its status stays "unknown".
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from .. import databases
from ..backends import Backend
from ..conf import conf
from ..exceptions import CRMError
from ..models import Conversation, Message
from ..services import messages
from ..services.conversations import find_extension
from .api import Ringotel
from .transport import InvalidResponse, RingotelConnectionError, RingotelError

CarrierStatus = Message.CarrierStatus

logger = logging.getLogger(__name__)


class SMSRejected(CRMError):
    """The message was not sent. Any other exception leaves that unknown."""

    code = "sms_rejected"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingSMS:
    """A reply to be sent.

    ``number`` is the outside number, E.164 where it can be read. ``extension`` is that of the
    agent, ``""`` if it is not known. ``key`` is the same whenever the same reply is sent.
    """

    key: str
    text: str
    number: str
    extension: str
    conversation: Conversation


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryReceipt:
    """What a carrier reports about a message, which ``key`` or ``carrier_id`` identifies."""

    status: Message.CarrierStatus
    key: str = ""
    carrier_id: str = ""
    error: str = ""


class SMSBackend(ABC):
    """Base class of SMS backends."""

    # Status of a reply after send() has returned.
    accepted_status: ClassVar[Message.CarrierStatus] = CarrierStatus.ACCEPTED
    # Whether a reply that was accepted is copied into the agent's Ringotel chat.
    copies_to_chat: ClassVar[bool] = True

    def get_help_text(self) -> str:
        """Return the text below the field for a reply."""
        return ""

    @abstractmethod
    def send(self, sms: OutgoingSMS) -> str:
        """Send a message and return the carrier's id of it, ``""`` if it has none.

        Raise :class:`SMSRejected` if the message was certainly not sent. Any other exception, such
        as a time-out, marks the message as "unknown"; it is never sent again.
        """

    def read_receipts(self, request: HttpRequest) -> Iterable[DeliveryReceipt]:
        """Return the receipts in a request of the carrier to ``/ringotel/sms/receipts/``.

        Check the signature of the request, and raise ``PermissionDenied`` if it is wrong.
        """
        raise Http404


class RingotelChatBackend(SMSBackend):
    """Write replies into the agent's Ringotel chat. Nothing is sent to the outside number."""

    accepted_status = CarrierStatus.CHAT
    copies_to_chat = False

    def get_help_text(self) -> str:
        if not conf.RINGOTEL_API_KEY:
            return _(
                "A reply cannot be sent yet. It takes an SMS carrier (setting SMS_BACKEND), or, to "
                "write it into the agent's Ringotel chat, an account key (RINGOTEL_API_KEY)."
            )
        return _(
            "The text is written into the agent's Ringotel chat. It is not sent to the outside "
            "number: that takes an SMS carrier (setting SMS_BACKEND)."
        )

    def send(self, sms: OutgoingSMS) -> str:
        try:
            write_copy(sms)
        except (InvalidResponse, RingotelConnectionError):
            raise
        except RingotelError as exc:
            raise SMSRejected(exc.message) from exc
        return ""


def get_sms_backend() -> SMSBackend:
    """Return an instance of the backend in the settings. Raises ``ImproperlyConfigured``."""
    try:
        backend_class = import_string(conf.SMS_BACKEND)
    except ImportError as exc:
        raise ImproperlyConfigured(f'RINGOTEL_CRM["SMS_BACKEND"]: {exc}') from exc
    if not (isinstance(backend_class, type) and issubclass(backend_class, SMSBackend)):
        raise ImproperlyConfigured(
            f'RINGOTEL_CRM["SMS_BACKEND"]: {conf.SMS_BACKEND!r} is not a subclass of SMSBackend.'
        )
    return backend_class()


@databases.fresh_reads()
def send_reply(backend: Backend, conversation: Conversation, text: str, *, key: str) -> Message:
    """Store a reply and send it, unless a reply with this idempotency key exists; return it with
    its status."""
    reply, is_new = messages.create_reply(
        conversation, key, text, timezone.now(), author=backend.actor.user
    )
    if not is_new:
        return reply
    sms_backend = get_sms_backend()
    sms = OutgoingSMS(
        key=key,
        text=text,
        number=conversation.remote_number_normalized,
        extension=find_extension(backend, conversation),
        conversation=conversation,
    )
    try:
        carrier_id = sms_backend.send(sms)
    except SMSRejected as exc:
        messages.record_receipt(CarrierStatus.FAILED, key=key, error=exc.message)
    except Exception as exc:  # noqa: BLE001 - the backend is the site's own
        # Neither the text of the exception nor the traceback: they may contain numbers.
        logger.warning("Sending reply %s: %s", reply.pk, type(exc).__name__)
        error = exc.message if isinstance(exc, CRMError) else type(exc).__name__
        messages.record_receipt(CarrierStatus.UNKNOWN, key=key, error=error)
    else:
        messages.record_receipt(sms_backend.accepted_status, key=key, carrier_id=carrier_id)
        if sms_backend.copies_to_chat and conf.RINGOTEL_API_KEY:
            _try_to_copy(sms, reply)
    reply.refresh_from_db()
    return reply


def _try_to_copy(sms: OutgoingSMS, reply: Message) -> None:
    try:
        write_copy(sms)
    except CRMError as exc:
        logger.warning("Reply %s is not in the agent's chat: %s", reply.pk, exc.code)


def write_copy(sms: OutgoingSMS) -> None:
    """Write a reply into the agent's chat, once, and store Ringotel's ids. Raises
    ``RingotelError``.

    Raises :class:`SMSRejected` if that failed before the text was written.
    """
    if not sms.extension:
        raise SMSRejected(_("The agent's extension is not known. Enter it under Agents."))
    conversation, client = sms.conversation, Ringotel()
    session_id = conversation.session_id or open_session(client, sms.extension, conversation)
    written = client.write_message(
        extension=sms.extension,
        number=conversation.remote_number,
        text=sms.text,
        at=timezone.now(),
        session_id=session_id,
    )
    messages.join_copy(conversation, sms.key, written)


def open_session(client: Ringotel, extension: str, conversation: Conversation) -> str:
    """Open a chat session for a conversation that has none, store and return its id."""
    try:
        session_id = client.open_session(extension=extension, number=conversation.remote_number)
    except RingotelError as exc:
        raise SMSRejected(exc.message) from exc
    Conversation.objects.filter(pk=conversation.pk, session_id="").update(session_id=session_id)
    conversation.session_id = session_id
    return session_id
