"""The page that calls a number."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import databases, phone
from ..backends import get_backend
from ..client.api import Ringotel
from ..client.presence import get_presence
from ..exceptions import CRMError, InvalidInput
from ..internal.permissions import has_perm
from ..models import Agent
from ..records import Actor, Presence
from ..services.calls.access import whom_to_ask
from ..services.contacts.identify import identify

# What can be dialled inside a PBX: extensions and feature codes.
INSIDE = re.compile(r"[0-9*#]{1,6}")
MAX_NUMBER_LENGTH = 64


class PhoneOffline(CRMError):
    """The Ringotel app of the user cannot ring."""

    code = "phone_offline"


def place_call(user: Any, text: str, *, force: bool = False) -> str:
    """Ring the phone of this Django user, then call the number from it. Return the dialled number.

    Raises ``InvalidInput`` if the user has no extension or ``text`` is not a number,
    :class:`PhoneOffline` if the user's Ringotel app cannot ring and ``force`` is false, and
    ``RingotelError``.
    """
    agent = Agent.objects.filter(user=user).first()
    if agent is None or not agent.extension:
        message = _("You have no extension yet. Ask an administrator to add one under Agents.")
        raise InvalidInput(message, fields={"extension": [message]})
    number = phone.e164(text) or text.strip()
    if not number.startswith("+") and not INSIDE.fullmatch(number):
        message = _("Enter a number that can be called.")
        raise InvalidInput(message, fields={"number": [message]})
    presence = None if force else get_presence().get(agent.extension)
    if presence is not None and not presence.can_ring:
        raise PhoneOffline(describe_offline(presence))
    contact = identify(get_backend(Actor(user=user, tenant=agent.tenant)), number)
    name = contact.name if contact else ""
    Ringotel().init_call(extension=agent.extension, number=number, name=name)
    return number


def find_presence(user: Any) -> Presence | None:
    """Return the live state of this Django user's phone; ``None`` if it is not known."""
    extension = Agent.objects.filter(user=user).values_list("extension", flat=True).first()
    return get_presence().get(extension) if extension else None


def describe_offline(presence: Presence) -> str:
    """Return the warning about a phone in this state."""
    return _("Your Ringotel app cannot ring (%(state)s).") % {"state": presence.label}


@databases.fresh_reads()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def click_to_call(request: HttpRequest) -> HttpResponse:
    """Ask on GET, and call on POST. The script of the call links reads the response as plain text.

    If the user's Ringotel app cannot ring, the page warns and offers a ``tel:`` link, and POST
    responds 409 unless it has ``force``.
    """
    if not has_perm(request.user, "ringotel_crm.place_call"):
        advice = whom_to_ask("Can place calls")
        return HttpResponse(advice, status=403, content_type="text/plain; charset=utf-8")
    if request.method != "POST":
        presence = find_presence(request.user)
        is_offline = presence is not None and not presence.can_ring
        context = {
            "number": request.GET.get("number", "")[:MAX_NUMBER_LENGTH],
            "is_offline": is_offline,
            "message": describe_offline(presence) if presence is not None and is_offline else "",
        }
        return render(request, "ringotel_crm/click_to_call.html", context)
    number = request.POST.get("number", "")[:MAX_NUMBER_LENGTH]
    try:
        number = place_call(request.user, number, force="force" in request.POST)
    except PhoneOffline as exc:
        status, message = 409, exc.message
    except CRMError as exc:
        status, message = 400 if exc.code == "invalid" else 502, exc.message
    else:
        shown = phone.display(number) or number
        status, message = 200, _("Pick up your phone to call %(number)s.") % {"number": shown}
    if request.headers.get("Accept") == "text/plain":
        return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
    context = {"number": number, "is_offline": status == 409, "message": message}
    return render(request, "ringotel_crm/click_to_call.html", context, status=status)
