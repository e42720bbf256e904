"""The command ``ringotel_set_extension``."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ringotel_crm.models import Agent
from tests.factories import make_user


def test_extension_is_set_changed_and_removed(db: None) -> None:
    una = make_user("una")

    call_command("ringotel_set_extension", "una", "101", verbosity=0)
    assert Agent.objects.get(user=una).extension == "101"
    call_command("ringotel_set_extension", "una", "102", phone="+442079460100", verbosity=0)
    agent = Agent.objects.get(user=una)
    assert (agent.extension, agent.phone) == ("102", "+442079460100")
    call_command("ringotel_set_extension", "una", verbosity=0)
    assert not Agent.objects.exists()


def test_unknown_user_and_used_extension_are_refused(db: None) -> None:
    make_user("una", extension="101")
    make_user("bob")

    with pytest.raises(CommandError, match="No user has the name cyd"):
        call_command("ringotel_set_extension", "cyd", "102")
    with pytest.raises(CommandError, match="already exists"):
        call_command("ringotel_set_extension", "bob", "101")
    with pytest.raises(CommandError, match="at most 64 characters"):
        call_command("ringotel_set_extension", "bob", "1" * 65)
