"""Text ids are compared exactly on every database: case, accents and trailing spaces count."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.models import (
    Activity,
    Agent,
    ApiKey,
    CallLeg,
    Conversation,
    Message,
    Recording,
    Webhook,
)
from ringotel_crm.models.fields import ExactCharField
from tests.api import Api
from tests.factories import make_user, number
from tests.media.audio_samples import sample
from tests.webhooks.sender import Sender, make_webhook, started

pytestmark = pytest.mark.django_db

# Of these, every value is written in one way.
NORMALIZED = ("e164", "idempotency_key")

# Equal by the default collation of MariaDB.
IDS = ["AbCdEf01", "aBcDeF01", "ABCDEF01", "ábcdef01", "ａbcdef01"]


@pytest.mark.parametrize("model", list(apps.get_app_config("ringotel_crm").get_models()))
def test_unique_text_and_ids_are_exact(model: Any) -> None:
    keys = {name for constraint in model._meta.constraints for name in constraint.fields}
    for field in model._meta.concrete_fields:
        is_id = field.name in keys or field.unique or field.name.endswith("_id")
        is_text = isinstance(field, models.CharField) and not field.choices
        if is_id and is_text and field.name not in NORMALIZED:
            assert isinstance(field, ExactCharField), field


def test_calls_are_distinct(api: Api) -> None:
    ids = [
        api.id("CreateActivity", {"call_id": call_id, "caller_number": number(place)})
        for place, call_id in enumerate(IDS)
    ]
    assert len(set(ids)) == len(IDS)
    api.ok("UpdateActivity", {"call_id": IDS[0], "subject": "first"})
    assert Activity.objects.get(subject="first").call_id == IDS[0]


def test_recordings_are_distinct(api: Api) -> None:
    for call_id, name in (("AbCdEf01", "pcm.wav"), ("aBcDeF01", "alaw.wav")):
        response = api.send(
            "UpdateCallRecording", sample(name), "audio/wav", query=f"call_id={call_id}"
        )
        assert response.status_code == 200
    codecs = dict(Recording.objects.values_list("activity__call_id", "codec"))
    assert codecs == {"AbCdEf01": "pcm", "aBcDeF01": "alaw"}


def test_trailing_spaces_are_significant() -> None:
    sender = Sender(make_webhook())
    sender.send(*(started(call_id=call_id) for call_id in ("c1", "c1 ")))
    assert sorted(Activity.objects.values_list("call_id", flat=True)) == ["c1", "c1 "]


def test_messages_and_conversations_are_distinct() -> None:
    sender = Sender(make_webhook())
    params = {"to": "200", "content": "Hello", "type": 1, "userid": "u-1"}
    for place, message_id in enumerate(IDS):
        message = {**params, "messageid": message_id, "from": number(place)}
        sender.send({"method": "message", "params": message})
    sender.send(
        {
            "method": "message",
            "params": {**params, "userid": "U-1", "messageid": "m", "from": number(0)},
        }
    )
    assert set(Message.objects.values_list("message_id", flat=True)) == {*IDS, "m"}
    assert Conversation.objects.count() == len(IDS) + 1


def test_legs_of_a_call_are_distinct() -> None:
    sender = Sender(make_webhook())
    sender.send(*(started(call_id="c1", extension=extension) for extension in ("a1", "A1")))
    assert set(CallLeg.objects.values_list("extension", flat=True)) == {"a1", "A1"}


def test_users_are_found_by_their_own_extension(api: Api) -> None:
    users = {
        extension: make_user(f"user-{place}", extension)
        for place, extension in enumerate(("a1", "A1"))
    }
    for extension, user in users.items():
        api.ok("CreateActivity", {"call_id": f"call {extension}", "extension": extension})
        assert Activity.objects.get(call_id=f"call {extension}").agent_id == str(user.pk)
    api.ok("CreateActivity", {"call_id": "other", "extension": "Á1"})
    assert Activity.objects.get(call_id="other").agent_id == ""


def test_tenants_are_distinct() -> None:
    user = service_user("tests")
    for tenant in ("acme", "ACME"):
        _key, token = ApiKey.objects.issue(name=f"key of {tenant}", user=user, tenant=tenant)
        Api(token).id("CreateActivity", {"call_id": "c1", "subject": tenant})
    assert sorted(Activity.objects.values_list("tenant", flat=True)) == ["ACME", "acme"]


def test_names_of_keys_are_distinct() -> None:
    user = service_user("tests")
    tokens = [ApiKey.objects.issue(name=name, user=user)[1] for name in ("Desk", "desk")]
    assert [Api(token).call("Users").status_code for token in tokens] == [200, 200]


def test_names_of_webhooks_are_distinct() -> None:
    token, other = make_webhook("Support"), make_webhook("support")
    assert Webhook.objects.count() == 2
    body = {"api_token": token, **started()}
    assert Sender(token, "Support").post(body).status_code == 200
    assert Sender(token, "support").post(body).status_code == 403
    assert Sender(other, "support").post({**body, "api_token": other}).status_code == 200


def test_searches_ignore_case(admin_client: Client) -> None:
    user = User.objects.get(username="admin")
    Agent.objects.create(user=user, extension="Desk 5")
    page = admin_client.get("/admin/ringotel_crm/agent/", {"q": "dESK"})
    assert page.context["cl"].result_count == 1
    for lookup in ("iexact", "icontains", "istartswith", "iendswith"):
        assert Agent.objects.filter(**{f"extension__{lookup}": "DESK 5"}).exists()


@pytest.mark.skipif(connection.vendor != "mysql", reason="only these have such collations")
def test_columns_are_compared_without_padding() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
            " AND TABLE_NAME = 'ringotel_crm_activity' AND COLUMN_NAME = 'call_id'"
        )
        assert cursor.fetchone()[0] in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")


def test_largest_ids_of_a_database_with_distributed_ids_are_found(api: Api) -> None:
    # Not the largest one: MariaDB would have no id left for the tests that follow.
    call = Activity.objects.create(pk=2**62, call_id="c1")
    api.ok("UpdateActivity", {"id": str(call.pk), "subject": "Order"})
    call.refresh_from_db()
    assert call.subject == "Order"
    api.refused("UpdateActivity", {"id": str(2**63), "subject": "Order"}, 404)
