"""Conversations in writing."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..media.storage import recording_storage
from ..records import RankedChoices
from .contact_reference import ContactReferenceModel
from .fields import IdentifierField, ReversedDigitsField, SearchField, tenant_field
from .search import prefix_index


class Conversation(ContactReferenceModel):
    """All messages between one of our users and one outside number, in any number of Ringotel's
    chat sessions."""

    tenant = tenant_field()
    ringotel_user_id = IdentifierField(
        max_length=64, editable=False, help_text="Ringotel's id of the user, else our number."
    )
    local_number = models.CharField(
        _("our number"), max_length=64, blank=True, help_text=_("Number or extension.")
    )
    remote_number_normalized = IdentifierField(
        max_length=64, editable=False, help_text="E.164 where it can be read, else as sent."
    )
    remote_number = models.CharField(_("their number"), max_length=64)
    remote_number_reversed = ReversedDigitsField(source="remote_number_normalized")
    contact_name_normalized = SearchField(source="contact_name", max_length=255)
    agent_id = IdentifierField(_("agent id"), max_length=255, blank=True)
    agent_name = models.CharField(_("agent"), max_length=255, blank=True)
    session_id = IdentifierField(
        max_length=64, blank=True, editable=False, help_text="Ringotel's latest chat session."
    )
    last_at = models.DateTimeField(_("last message"), null=True, blank=True)
    # When the chat was last read, in the app or here, and when something unread last came into it.
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    unread_at = models.DateTimeField(null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ("-last_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ringotel_user_id", "remote_number_normalized"],
                name="ringotel_unique_conversation",
            )
        ]
        indexes = [
            models.Index(
                fields=["contact_type", "contact_id", "-last_at"], name="ringotel_conv_contact"
            ),
            models.Index(fields=["-last_at", "-id"], name="ringotel_conv_last"),
            models.Index(fields=["remote_number_normalized"], name="ringotel_conv_number"),
            prefix_index("remote_number_reversed", name="ringotel_conv_digits"),
            prefix_index("contact_name_normalized", name="ringotel_conv_name"),
        ]
        permissions = [("send_message", _("Can send messages"))]

    def __str__(self) -> str:
        return self.contact_name or phone.display(self.remote_number_normalized)

    @property
    def is_unread(self) -> bool:
        """Whether the latest incoming message was read neither in the Ringotel app nor here."""
        return self.unread_at is not None and (
            self.read_at is None or self.read_at < self.unread_at
        )


# Folder of message files in the storage. It holds nothing else: files without a row are deleted.
FOLDER = "ringotel-messages"


def attachment_path(message: Message, filename: str) -> str:
    """Return a storage name that reveals neither the file's name nor the sender."""
    return f"{FOLDER}/{timezone.now():%Y/%m}/{uuid.uuid4().hex}"


class Message(models.Model):
    """A text or a file, in either direction. An event that arrives before its message creates a row
    without conversation.

    ``status`` is what the Ringotel app reports, ``carrier_status`` what happened to a text that was
    sent from here.
    """

    class Status(RankedChoices):
        """What the Ringotel app reports. Only moves forward."""

        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("received by the app")
        READ = "read", _("read in the app")

    class CarrierStatus(RankedChoices):
        """What is known of the way of a text to the outside number. Only moves forward."""

        UNKNOWN = "unknown", _("unknown whether it was sent")
        CHAT = "chat", _("only in the agent's Ringotel chat")
        ACCEPTED = "accepted", _("accepted by the SMS carrier")
        FAILED = "failed", _("not sent")
        DELIVERED = "delivered", _("delivered to the phone")

    tenant = tenant_field()
    message_id = IdentifierField(
        max_length=255, editable=False, help_text="Ringotel's id of the message."
    )
    session_id = IdentifierField(
        max_length=64, blank=True, editable=False, help_text="Ringotel's id of the chat session."
    )
    conversation = models.ForeignKey(
        Conversation,
        verbose_name=_("conversation"),
        on_delete=models.CASCADE,
        null=True,
        related_name="messages",
    )
    is_outgoing = models.BooleanField(_("sent by us"), default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        help_text="The user who replied in the CRM.",
    )
    text = models.TextField(_("text"), blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.SENT
    )
    carrier_status = models.CharField(
        _("delivery"), max_length=16, choices=CarrierStatus.choices, blank=True, editable=False
    )
    carrier_id = IdentifierField(
        max_length=128, blank=True, editable=False, help_text="The SMS carrier's id of the message."
    )
    carrier_error = models.CharField(_("reason"), max_length=255, blank=True, editable=False)
    idempotency_key = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001 - unique
    at = models.DateTimeField(_("time"), null=True, blank=True)
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)
    file_url = models.TextField(
        _("file's address"), blank=True, help_text=_("Where Ringotel keeps the file.")
    )
    file = models.FileField(
        _("file"),
        storage=recording_storage,
        upload_to=attachment_path,
        max_length=255,
        blank=True,
        editable=False,
    )
    file_error = models.CharField(_("download error"), max_length=255, blank=True)
    file_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "message_id"], name="ringotel_unique_message"
            ),
            models.UniqueConstraint(
                fields=["tenant", "idempotency_key"], name="ringotel_unique_idempotency_key"
            ),
        ]
        indexes = [
            models.Index(fields=["session_id"], name="ringotel_message_session"),
            models.Index(fields=["carrier_id"], name="ringotel_message_carrier"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def delivery(self) -> str:
        """What is known of the way of this message, in words."""
        if not self.carrier_status:
            return str(self.Status(self.status).label)
        label = str(self.CarrierStatus(self.carrier_status).label)
        return f"{label}: {self.carrier_error}" if self.carrier_error else label
