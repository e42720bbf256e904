"""Recordings and legal holds."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..media.storage import recording_storage
from .calls import Activity
from .contact_reference import RequiredContactReferenceModel
from .fields import tenant_field

# Storage folder of recordings. It must hold nothing else: files without a row are deleted.
FOLDER = "ringotel"


def recording_path(recording: Recording, filename: str) -> str:
    """Return a storage name that identifies neither caller nor call.

    Only the extension of ``filename`` is kept.
    """
    extension = filename.rpartition(".")[2]
    return f"{FOLDER}/{timezone.now():%Y/%m}/{uuid.uuid4().hex}.{extension}"


class Recording(models.Model):
    """The recording of a call. The row outlives the file and keeps the time of its deletion."""

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
    sha256 = models.CharField("SHA-256", max_length=64, editable=False)
    # Waveform, see ringotel_crm.media.waveform; None until it is computed.
    peaks = models.BinaryField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    deletion_started = models.BooleanField(
        _("deletion started"),
        default=False,
        help_text=_("Deletion has started; the recording can no longer be played."),
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
            ("listen_own_recording", _("Can listen to own recordings")),
            ("listen_team_recording", _("Can listen to recordings of users in the same group")),
            ("download_recording", _("Can download recordings")),
        ]

    def __str__(self) -> str:
        return f"{self.activity} ({self.content_type})"


class LegalHold(RequiredContactReferenceModel):
    """Prevents the deletion of a contact's data. ``Activity.legal_hold`` does so for one call."""

    tenant = tenant_field()
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
        return f"#{self.pk}"  # the admin's log keeps it, and the reason may name a person
