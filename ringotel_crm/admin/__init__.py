"""The admin, one module per model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin

from .. import models
from . import (
    agents,
    api_keys,
    audit,
    call_subjects,
    callbacks,
    calls,
    follow_ups,
    legal_holds,
    menu,
    messages,
    notes,
    phone_index,
    recordings,
    ringotel_users,
    webhooks,
)
from .sites import ModelAdmins, register_models

MODEL_ADMINS: ModelAdmins = [
    (models.Activity, calls.ActivityAdmin),
    (models.Agent, agents.AgentAdmin),
    (models.ApiKey, api_keys.ApiKeyAdmin),
    (models.AuditEntry, audit.AuditEntryAdmin),
    (models.Callback, callbacks.CallbackAdmin),
    (models.CallSubject, call_subjects.CallSubjectAdmin),
    (models.Conversation, messages.ConversationAdmin),
    (models.FollowUp, follow_ups.FollowUpAdmin),
    (models.LegalHold, legal_holds.LegalHoldAdmin),
    (models.Note, notes.NoteAdmin),
    (models.PhoneIndex, phone_index.PhoneIndexAdmin),
    (models.Recording, recordings.RecordingAdmin),
    (models.RingotelUser, ringotel_users.RingotelUserAdmin),
    (models.Webhook, webhooks.WebhookAdmin),
    (models.WebhookEvent, webhooks.WebhookEventAdmin),
]


def register(site: AdminSite, *bases: type[ModelAdmin[Any]]) -> None:
    """Register all models in ``site``, with those of the mini-CRM if it is installed.

    ``bases`` are base classes that a theme requires. Models that are registered with an admin class
    of the host are left alone.
    """
    _register(site, *bases)
    if apps.is_installed("ringotel_crm.minicrm"):
        # By name, because imports point down.
        minicrm = import_module("ringotel_crm.minicrm.admin")
        register_models(site, minicrm.MODEL_ADMINS, *bases)


def _register(site: AdminSite, *bases: type[ModelAdmin[Any]]) -> None:
    if not site.is_registered(models.Callback):
        callbacks.show_count_in_menu(site)
        menu.fold_technical_models(site)
    register_models(site, MODEL_ADMINS, *bases)


# Without the admin, the package is imported for its helpers.
if apps.is_installed("django.contrib.admin"):
    _register(admin.site)
