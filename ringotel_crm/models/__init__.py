"""What is always ours: calls, recordings, keys, the index of numbers. No door and no backend is known here."""

from __future__ import annotations

from .agents import Agent
from .audit import AuditEntry
from .calls import Activity
from .directory import CallSubject, DirectoryEntry, Progress, RemoteUser
from .keys import ApiKey
from .legs import CallLeg
from .locks import Lock
from .messages import Conversation, Message
from .notes import Note
from .phoneindex import PhoneIndex
from .recordings import LegalHold, Recording
from .relations import CallRelation
from .webhooks import Webhook, WebhookEvent, WebhookToken

__all__ = [
    "Activity",
    "Agent",
    "ApiKey",
    "AuditEntry",
    "CallLeg",
    "CallRelation",
    "CallSubject",
    "Conversation",
    "DirectoryEntry",
    "LegalHold",
    "Lock",
    "Message",
    "Note",
    "PhoneIndex",
    "Progress",
    "Recording",
    "RemoteUser",
    "Webhook",
    "WebhookEvent",
    "WebhookToken",
]
