"""Staff of a tenant see the rows of their tenant only."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import Settings

from ringotel_crm.minicrm.backend import MiniCRMBackend
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import (
    Agent,
    ApiKey,
    CallSubject,
    Conversation,
    LegalHold,
    Message,
    Note,
    PhoneIndex,
    Recording,
    RingotelUser,
    Webhook,
    WebhookEvent,
)
from ringotel_crm.services.audit import log_action
from tests.factories import make_user
from tests.fixtures.admin import make_call

ADMIN = "/admin/ringotel_crm/"


class NorthBackend(MiniCRMBackend):
    @cached_property
    def tenant(self) -> str:
        return "north"


def make_rows(tenant: str) -> None:
    """Create a row of each kind. Its texts and names contain the tenant."""
    contact: dict[str, Any] = {
        "tenant": tenant,
        "contact_type": ContentType.objects.get_for_model(Contact),
        "contact_id": "1",
        "contact_name": f"Notreal {tenant}",
    }
    Note.objects.create(text=f"note {tenant}", **contact)
    LegalHold.objects.create(reason=f"hold {tenant}", **contact)
    conversation = Conversation.objects.create(remote_number="+442079460001", **contact)
    Message.objects.create(
        conversation=conversation,
        tenant=tenant,
        message_id=tenant,
        file=ContentFile(b"photo", name="photo.jpg"),
    )
    call = make_call(call_id=f"call-{tenant}", tenant=tenant, contact_name=f"Notreal {tenant}")
    Recording.objects.create(activity=call, file="x.mp3", size=1, content_type="audio/mpeg")
    PhoneIndex.objects.create(
        tenant=tenant,
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=f"key-{tenant}",
        e164="+442079460001",
    )
    user = make_user(tenant)
    Agent.objects.create(user=user, extension="500", tenant=tenant)
    CallSubject.objects.create(name="Sales", tenant=tenant)
    RingotelUser.objects.create(name=tenant, ringotel_id=tenant, tenant=tenant)
    ApiKey.objects.issue(name=tenant, user=user, tenant=tenant)
    webhook = Webhook.objects.create(name=tenant, user=user, tenant=tenant)
    WebhookEvent.objects.create(webhook=webhook, body="{}")
    log_action("export", "call", f"key-{tenant}", user=None, tenant=tenant)


@pytest.mark.parametrize(
    "model",
    [
        *("activity", "agent", "apikey", "auditentry", "callsubject", "conversation", "legalhold"),
        *("note", "phoneindex", "recording", "ringoteluser", "webhook", "webhookevent"),
    ],
)
def test_list_has_no_rows_of_another_tenant(
    boss: Client, settings: Settings, model: str, media_root: Any
) -> None:
    make_rows("north")
    make_rows("south")
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.NorthBackend"}

    [row] = boss.get(f"{ADMIN}{model}/").context["cl"].result_list

    owner = getattr(row, "activity", None) or getattr(row, "webhook", None) or row
    assert owner.tenant == "north"


def test_file_of_a_message_of_another_tenant_is_not_found(
    boss: Client, settings: Settings, media_root: Any
) -> None:
    make_rows("north")
    make_rows("south")
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.NorthBackend"}

    north, south = (
        boss.get(f"/ringotel/messages/{Message.objects.get(tenant=tenant).pk}/file/")
        for tenant in ("north", "south")
    )

    assert b"".join(north) == b"photo"
    assert south.status_code == 404


def test_new_rows_belong_to_the_tenant(boss: Client, settings: Settings) -> None:
    CallSubject.objects.create(name="Sales", tenant="south")
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.NorthBackend"}
    una = make_user("una")

    boss.post(f"{ADMIN}agent/add/", {"user": una.pk, "extension": "500"})
    boss.post(f"{ADMIN}apikey/add/", {"user": una.pk, "name": "desk"})
    answers = [boss.post(f"{ADMIN}callsubject/add/", {"name": "Sales"}) for _ in range(2)]

    assert (Agent.objects.get().tenant, ApiKey.objects.get().tenant) == ("north", "north")
    assert [answer.status_code for answer in answers] == [302, 200]
    assert CallSubject.objects.get(tenant="north").name == "Sales"
