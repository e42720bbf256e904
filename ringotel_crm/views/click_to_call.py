"""The page behind the buttons that call a number."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import phone
from ..exceptions import CRMError
from .calling import place_call as call

NUMBER_LENGTH = 64


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required("ringotel_crm.place_call", raise_exception=True)
def place_call(request: HttpRequest) -> HttpResponse:
    """Asks, and on POST calls and says what happened. The script behind the buttons takes the text alone."""
    if request.method != "POST":
        return render(
            request,
            "ringotel_crm/click_to_call.html",
            {"number": request.GET.get("number", "")[:NUMBER_LENGTH]},
        )
    number = request.POST.get("number", "")[:NUMBER_LENGTH]
    try:
        number = call(request.user, number)
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
