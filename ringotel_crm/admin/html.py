"""Html."""

from __future__ import annotations

import datetime as dt

from django.contrib.admin.utils import quote
from django.contrib.contenttypes.models import ContentType
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.translation import gettext as _

from .. import phone
from ..models import Activity, Recording


def audio_player(recording: Recording) -> str:
    """A player that loads nothing before it is asked to, and the picture of the sound under it."""
    if recording.deletion_started:
        return _("deleted")
    return format_html(
        '<audio controls preload="none" src="{}"></audio><br>'
        '<img src="{}" alt="" loading="lazy" width="300" height="40">',
        reverse("ringotel_crm:recording", args=[recording.pk]),
        reverse("ringotel_crm:waveform", args=[recording.pk]),
    )


def play_link(recording: Recording, name: str, text: str) -> str:
    """One line high: a link to the sound, out of which the script makes a player once it is pressed."""
    if recording.deletion_started:
        return text
    return format_html(
        '<a class="ringotel-play" href="{}" aria-label="{}"><span aria-hidden="true">▶</span> {}</a>',
        reverse("ringotel_crm:recording", args=[recording.pk]),
        f"{text}, {_('Play the recording of the call with %(name)s') % {'name': name}}",
        text,
    )


def display_number(call: Activity) -> str:
    """The number outside, for people. What a phone says for a number that is hidden is no number."""
    number = call.outside_number
    is_hidden = phone.explain(number).refusal in (phone.Refusal.EMPTY, phone.Refusal.WITHHELD)
    return _("number withheld") if is_hidden else phone.display(number)


def local_time(time: dt.datetime | None) -> str:
    """A time in the site's zone, which the script turns into the one of who looks at it."""
    if time is None:
        return ""
    return format_html(
        '<time datetime="{}">{}</time>', time.isoformat(), localize(timezone.localtime(time))
    )


def badge(kind: str, text: str) -> str:
    """A word in a colour. The colour says nothing that the word does not say."""
    return format_html('<span class="ringotel-badge ringotel-{}">{}</span>', kind, text)


def admin_change_url(content_type_id: int | None, object_id: str) -> str:
    """The page of an object in the admin; "" where it has none."""
    model = (
        ContentType.objects.get_for_id(content_type_id).model_class() if content_type_id else None
    )
    if model is None:
        return ""
    try:
        return reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_change",
            args=[quote(object_id)],
        )
    except NoReverseMatch:
        return ""
