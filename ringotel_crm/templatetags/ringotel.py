"""``{% load ringotel %}``: calls in a page of the host's own."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model
from django.utils.html import format_html

from .. import phone
from ..services.calls.click_to_call import call_link
from ..services.calls.timeline import activities_for
from ..services.recordings.store import recordings_playable_by

register = template.Library()


@register.inclusion_tag("ringotel_crm/timeline.html", takes_context=True)
def ringotel_timeline(context: template.Context, contact: Model, limit: int = 20) -> dict[str, Any]:
    """The latest calls of this contact, with recordings for a user who may hear them.

    The page decides who may see the contact; whoever does, sees the calls. Override the template of this name.
    """
    user = context.get("user") or getattr(context.get("request"), "user", None)
    calls = list(activities_for(contact).select_related("recording")[:limit])
    heard: set[int] = set()
    if user and user.is_authenticated:
        heard.update(
            recordings_playable_by(user)
            .filter(activity__in=calls, deletion_started=False)
            .values_list("activity_id", flat=True)
        )
    return {"calls": calls, "heard": heard}


@register.filter
def ringotel_length(seconds: float | None) -> str:
    """m:ss, or h:mm:ss."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.simple_tag
def ringotel_call(number: str | None, label: str = "") -> str:
    """A link that calls this number, in whatever notation it is; text that is no number is shown as it is.

    Where the link leads is ``RINGOTEL_CRM["CLICK_TO_CALL_URL"]``, else Ringotel where the account's key is set.
    """
    typed = str(number or "")
    found = phone.numbers(typed)
    if not found:
        return format_html("{}", label or typed)
    return call_link(found[0].e164, label)
