"""Messages that offer to undo what was done."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _


def message_with_undo(
    request: HttpRequest, text: str, url: str, fields: Iterable[tuple[str, object]]
) -> None:
    """Add a success message with a button that posts ``fields`` to ``url``."""
    hidden = format_html_join(
        "",
        '<input type="hidden" name="{}" value="{}">',
        [("csrfmiddlewaretoken", get_token(request)), *fields],
    )
    message = format_html(
        '{} <form class="ringotel-undo" method="post" action="{}">{}'
        '<button class="ringotel-link">{}</button></form>',
        *(text, url, hidden, _("Undo")),
    )
    messages.success(request, message)


def redirect_back(request: HttpRequest, default: str) -> HttpResponse:
    """Redirect to the page of this site from which the form was sent, else to ``default``."""
    url = request.headers.get("Referer", "")
    is_safe = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(url if is_safe else default)
