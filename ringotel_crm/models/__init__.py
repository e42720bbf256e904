"""Models that the app always stores itself, whichever backend holds the contacts."""

from __future__ import annotations

from .address_book import AddressBookLink
from .agents import Agent
from .api_keys import ApiKey
from .audit import AuditEntry
from .call_legs import CallLeg
from .call_relation import CallRelation
from .call_subjects import CallSubject
from .call_totals import AgentTotal, HourTotal
from .callbacks import Callback
from .calls import Activity
from .checkpoints import Checkpoint
from .follow_ups import FollowUp
from .locks import Lock
from .messages import Conversation, Message
from .notes import Note
from .phone_index import PhoneIndex
from .recordings import LegalHold, Recording
from .ringotel_users import RingotelUser
from .webhooks import Webhook, WebhookEvent, WebhookEventKey, WebhookToken

__all__ = [
    "Activity",
    "AddressBookLink",
    "Agent",
    "AgentTotal",
    "ApiKey",
    "AuditEntry",
    "CallLeg",
    "CallRelation",
    "CallSubject",
    "Callback",
    "Checkpoint",
    "Conversation",
    "FollowUp",
    "HourTotal",
    "LegalHold",
    "Lock",
    "Message",
    "Note",
    "PhoneIndex",
    "Recording",
    "RingotelUser",
    "Webhook",
    "WebhookEvent",
    "WebhookEventKey",
    "WebhookToken",
]
