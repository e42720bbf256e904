"""Answering in writing."""

from __future__ import annotations

import uuid

from django.utils import timezone

from ..models import Conversation, Message
from ..services.messages import log_reply
from .api import Ringotel


def reply(conversation: Conversation, text: str) -> Message:
    """Send a text from our side of this conversation to theirs, and log it. Raises ``RingotelError``."""
    id = Ringotel().message(
        sender=conversation.local_number, receiver=conversation.remote_number, content=text
    )
    return log_reply(conversation, id or f"sent-{uuid.uuid4().hex}", text, timezone.now())
