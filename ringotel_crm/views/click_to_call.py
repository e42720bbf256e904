"""The page behind the buttons that call a number."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import phone
from ..backends import get_backend
from ..client.api import Ringotel
from ..exceptions import CRMError, InvalidInput
from ..models import Agent
from ..records import Actor
from ..services.contacts.identify import identify

NUMBER_LENGTH = 64


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
    number = phone.e164(text) or text.strip()
    if not number.startswith("+") and not INSIDE.fullmatch(number):
        message = _("This is not a number that can be called.")
        raise InvalidInput(message, fields={"number": [message]})
    contact = identify(get_backend(Actor(user=user, tenant=agent.tenant)), number)
    Ringotel().init_call(
        extension=agent.extension, number=number, name=contact.name if contact else ""
    )
    return number


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("ringotel_crm.place_call", raise_exception=True)
def click_to_call(request: HttpRequest) -> HttpResponse:
    """Asks, and on POST calls and says what happened. The script behind the buttons takes the text alone."""
    if request.method != "POST":
        return render(
            request,
            "ringotel_crm/click_to_call.html",
            {"number": request.GET.get("number", "")[:NUMBER_LENGTH]},
        )
    number = request.POST.get("number", "")[:NUMBER_LENGTH]
    try:
        number = place_call(request.user, number)
        status, said = (
            200,
            _("Your phone rings; then %(number)s is called.")
            % {"number": phone.display(number) or number},
        )
    except CRMError as exc:
        status, said = 400 if exc.code == "invalid" else 502, exc.message
    if request.headers.get("Accept") == "text/plain":
        return HttpResponse(said, status=status, content_type="text/plain; charset=utf-8")
    return render(
        request, "ringotel_crm/click_to_call.html", {"number": number, "said": said}, status=status
    )
