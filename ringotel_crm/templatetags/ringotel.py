"""Template tags for pages of the host: ``{% load ringotel %}``."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from .. import phone
from ..models import Activity
from ..records import CallState
from ..services.calls.access import may_view_calls
from ..services.calls.click_to_call import call_link
from ..services.calls.states import call_state
from ..services.calls.timeline import activities_for
from ..services.recordings.store import recordings_playable_by

register = template.Library()


def _strip_url() -> str:
    """Return the URL of the calls on the user's phone.

    Returns "" on a site without the URLs of this app: the script then does nothing.
    """
    try:
        return reverse("ringotel_crm:ring-strip")
    except NoReverseMatch:
        return ""


# Shows the strip with the calls of the user's phone, on any page.
RING_STRIP = forms.Media(
    css={"all": ["ringotel_crm/ring_strip.css"]},
    js=[
        forms.Script(  # type: ignore[list-item]
            "ringotel_crm/ring_strip.js",
            defer=True,
            **{
                "data-url": lazy(_strip_url, str)(),
                "data-label": gettext_lazy("Calls on your phone"),
            },
        )
    ],
)


@register.simple_tag(takes_context=True)
def ringotel_ring_strip(context: template.Context) -> str:
    """Render the script and the style sheet of the strip, for the base template of a site.

    Renders nothing for users who may not view calls.
    """
    user = context.get("user") or getattr(context.get("request"), "user", None)
    if user is None or not (user.is_authenticated and may_view_calls(user)):
        return ""
    return str(RING_STRIP)


@register.inclusion_tag("ringotel_crm/timeline.html", takes_context=True)
def ringotel_timeline(context: template.Context, contact: Model, limit: int = 20) -> dict[str, Any]:
    """Render the latest ``limit`` calls of ``contact``, with the recordings the user may play.

    Permission to view the calls is not checked: include the tag only in pages that check permission
    to view the contact. Override the template ``ringotel_crm/timeline.html`` to change the markup.
    """
    request = context.get("request")
    user = context.get("user") or getattr(request, "user", None)
    calls = list(activities_for(contact).select_related("recording")[:limit])
    playable: set[int] = set()
    if user and user.is_authenticated:
        recordings = recordings_playable_by(user, request).filter(deletion_started=False)
        playable.update(recordings.filter(activity__in=calls).values_list("activity_id", flat=True))
    return {"calls": calls, "playable": playable}


@register.filter
def ringotel_length(seconds: float | None) -> str:
    """Format a duration in seconds as m:ss or h:mm:ss; "" for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def ringotel_status(call: Activity) -> str:
    """Return the state of the call in words, such as "live", "missed" or "no answer"."""
    return str(call_state(call).label)


@register.filter
def ringotel_state(call: Activity) -> CallState:
    """Return the state of the call; its ``value`` is for CSS classes, its ``label`` for texts."""
    return call_state(call)


@register.simple_tag
def ringotel_call(number: str | None, label: str = "") -> str:
    """Render a link that calls ``number``, given in any format; other text is rendered unchanged.

    The link leads to ``RINGOTEL_CRM["CLICK_TO_CALL_URL"]``, or to Ringotel if its API key is set.
    """
    text = str(number or "")
    numbers = phone.numbers(text)
    if not numbers:
        return format_html("{}", label or text)
    return call_link(numbers[0].e164, label)
