from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from ringotel_crm.models import Activity
from ringotel_crm.records import Direction, Status
from tests.factories import at, make_user


@pytest.fixture
def boss(db: None) -> Client:
    """Somebody who may do everything."""
    client = Client()
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def groups(db: None) -> None:
    """The ready-made ones."""
    call_command("ringotel_create_groups", verbosity=0)


def make_call(n: int = 1, **fields: Any) -> Activity:
    """An answered call from the nth number."""
    defaults: dict[str, Any] = {
        "call_id": f"call-{n}",
        "direction": Direction.INBOUND,
        "status": Status.ANSWERED,
        "caller_number": f"+44207946{n:04}",
        "caller_e164": f"+44207946{n:04}",
        "start": at(9, n % 60),
        "end": at(10, n % 60),
        "duration": 75,
    }
    return Activity.objects.create(**{**defaults, **fields})


def login_as(group: str, username: str) -> Client:
    """A client of a staff member who is in this group only."""
    user = make_user(username, is_staff=True)
    user.groups.add(Group.objects.get(name=f"Ringotel {group}"))
    client = Client()
    client.force_login(user)
    return client
