"""Recordings, and what must not be deleted."""

from __future__ import annotations

import uuid

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..media.storage import recording_storage
from .calls import Activity
from .tenant import tenant_field

FOLDER = "ringotel"
"""Where in the storage recordings are. Nothing else may be kept there: what no row names is deleted."""


def recording_path(recording: Recording, filename: str) -> str:
    """A storage name that gives away neither caller nor call; only the ending of ``filename`` is kept."""
    ending = filename.rpartition(".")[2]
    return f"{FOLDER}/{timezone.now():%Y/%m}/{uuid.uuid4().hex}.{ending}"


class Recording(models.Model):
    """The sound of a call: one current file for each. The row outlives the file and tells when that was deleted."""

    activity = models.OneToOneField(
        Activity, verbose_name=_("call"), on_delete=models.PROTECT, related_name="recording"
    )
    file = models.FileField(
        _("file"), storage=recording_storage, upload_to=recording_path, max_length=255, blank=True
    )
    content_type = models.CharField(_("content type"), max_length=64)
    codec = models.CharField(_("codec"), max_length=64, blank=True)
    size = models.PositiveBigIntegerField(_("size"), help_text=_("Bytes."))
    seconds = models.FloatField(_("length"), null=True, blank=True, help_text=_("Seconds."))
    sha256 = models.CharField(max_length=64, editable=False)
    peaks = models.BinaryField(
        null=True, editable=False
    )  # see ringotel_crm.media.waveform; None: not made yet
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    deletion_started = models.BooleanField(
        _("deletion started"),
        default=False,
        help_text=_("Its deletion has begun: nobody hears it any more."),
        editable=False,
    )
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["deleted_at", "created_at"], name="ringotel_recording_age"),
            models.Index(fields=["file"], name="ringotel_recording_file"),
        ]
        permissions = [
            ("listen_own_recording", _("Can listen to recordings of own calls")),
            (
                "listen_team_recording",
                _("Can listen to recordings of calls of users in the same group"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.activity} ({self.content_type})"


class LegalHold(models.Model):
    """While it stands, nothing that is kept of this contact's calls is deleted. A single call has a flag of its own."""

    tenant = tenant_field()
    contact_type = models.ForeignKey(
        ContentType,
        verbose_name=_("kind of contact"),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    contact_id = models.CharField(_("contact id"), max_length=255)
    reason = models.CharField(_("reason"), max_length=255)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["contact_type", "contact_id"], name="ringotel_held_contact")
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"  # which the admin's log keeps: not the reason, which may name somebody
