"""Conversations in writing."""

from __future__ import annotations

import uuid

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..media.storage import recording_storage
from .tenant import tenant_field


class Conversation(models.Model):
    """All messages between one of our users and one number. The contact is a generic reference, as a call's."""

    tenant = tenant_field()
    ringotel_user_id = models.CharField(
        max_length=64, editable=False, help_text="Ringotel's id of the user, else our number."
    )
    local_number = models.CharField(
        _("our number"), max_length=64, blank=True, help_text=_("Number or extension.")
    )
    remote_number_normalized = models.CharField(
        max_length=64, editable=False, help_text="E.164 where it can be read, else as sent."
    )
    remote_number = models.CharField(_("their number"), max_length=64)
    agent_id = models.CharField(_("agent id"), max_length=255, blank=True)
    agent_name = models.CharField(_("agent"), max_length=255, blank=True)
    contact_type = models.ForeignKey(
        ContentType,
        verbose_name=_("kind of contact"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    contact_id = models.CharField(_("contact id"), max_length=255, blank=True)
    contact = GenericForeignKey("contact_type", "contact_id")
    contact_name = models.CharField(_("contact"), max_length=255, blank=True)
    last_at = models.DateTimeField(_("last message"), null=True, blank=True)
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
        ]
        permissions = [("send_message", _("Can send messages"))]

    def __str__(self) -> str:
        return self.contact_name or self.remote_number_normalized


FOLDER = "ringotel-messages"
"""Where in the storage files of messages are, and nothing else: what no row names is deleted."""


def attachment_path(message: Message, filename: str) -> str:
    """A storage name that gives nothing away."""
    return f"{FOLDER}/{timezone.now():%Y/%m}/{uuid.uuid4().hex}"


class Message(models.Model):
    """A text or a file, in either direction. What is told of it early makes a stub without a conversation."""

    class Status(models.TextChoices):
        """How far it came; only forward."""

        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        READ = "read", _("read")

        @property
        def rank(self) -> int:
            """The place in the order."""
            return list(type(self)).index(self)

    tenant = tenant_field()
    message_id = models.CharField(
        max_length=255, editable=False, help_text="Ringotel's id of the message."
    )
    conversation = models.ForeignKey(
        Conversation,
        verbose_name=_("conversation"),
        on_delete=models.CASCADE,
        null=True,
        related_name="messages",
    )
    is_outgoing = models.BooleanField(_("sent by us"), default=False)
    text = models.TextField(_("text"), blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.SENT
    )
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
    file_error = models.CharField(_("why there is no file"), max_length=255, blank=True)
    file_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("at", "id")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message_id"], name="ringotel_unique_message")
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
