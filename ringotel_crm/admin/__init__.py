"""The admin, one module per model."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db.models import Model

from .. import models
from . import (
    agents,
    api_keys,
    audit,
    call_subjects,
    callbacks,
    calls,
    follow_ups,
    messages,
    notes,
    phone_index,
    recordings,
    ringotel_users,
    webhooks,
)

MODEL_ADMINS: list[tuple[type[Model], type[admin.ModelAdmin[Any]]]] = [
    (models.Activity, calls.ActivityAdmin),
    (models.Agent, agents.AgentAdmin),
    (models.ApiKey, api_keys.ApiKeyAdmin),
    (models.AuditEntry, audit.AuditEntryAdmin),
    (models.Callback, callbacks.CallbackAdmin),
    (models.CallSubject, call_subjects.CallSubjectAdmin),
    (models.Conversation, messages.ConversationAdmin),
    (models.FollowUp, follow_ups.FollowUpAdmin),
    (models.LegalHold, recordings.LegalHoldAdmin),
    (models.Note, notes.NoteAdmin),
    (models.PhoneIndex, phone_index.PhoneIndexAdmin),
    (models.Recording, recordings.RecordingAdmin),
    (models.RingotelUser, ringotel_users.RingotelUserAdmin),
    (models.Webhook, webhooks.WebhookAdmin),
    (models.WebhookEvent, webhooks.WebhookEventAdmin),
]


def register(site: AdminSite) -> None:
    """Register the models in ``site``. Models that it has registered already are left alone."""
    if not site.is_registered(models.Callback):
        callbacks.show_count_in_menu(site)
    for model, admin_class in MODEL_ADMINS:
        if not site.is_registered(model):
            site.register(model, admin_class)


register(admin.site)
