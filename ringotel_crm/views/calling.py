"""Click to call."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from .. import phone
from ..backends import get_backend
from ..client.api import Ringotel
from ..exceptions import InvalidInput
from ..models import Agent
from ..records import Actor
from ..services.contacts.identify import identify

# What can be dialled inside a PBX: extensions and feature codes.
INSIDE = re.compile(r"[0-9*#]{1,6}")


def place_call(user: Any, text: str) -> str:
    """Let the phone of this Django user ring, and then the number; the number that is called.

    Raises ``Invalid`` where the user has no extension or the text is not a number, and ``RingotelError``.
    """
    agent = Agent.objects.filter(user=user).first()
    if agent is None or not agent.extension:
        message = _("You have no extension: ask for one to be entered under Agents.")
        raise InvalidInput(message, fields={"extension": [message]})
    number = next((found.e164 for found in phone.numbers(text)), text.strip())
    if not number.startswith("+") and not INSIDE.fullmatch(number):
        message = _("This is not a number that can be called.")
        raise InvalidInput(message, fields={"number": [message]})
    contact = identify(get_backend(Actor(user=user, tenant=agent.tenant)), number)
    Ringotel().init_call(
        extension=agent.extension, number=number, name=contact.name if contact else ""
    )
    return number
