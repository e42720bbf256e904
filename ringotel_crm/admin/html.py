"""HTML fragments of the staff pages."""

from __future__ import annotations

import datetime as dt

from django.contrib.admin import AdminSite
from django.contrib.contenttypes.models import ContentType
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ..internal.admin_urls import admin_change_url
from ..models import Recording
from ..models.agents import user_name as user_name


def audio_player(recording: Recording, *, may_download: bool) -> str:
    """A player that loads the audio on demand."""
    if recording.deletion_started:
        return _("deleted")
    context = {"recording": recording, "may_download": may_download}
    return render_to_string("ringotel_crm/player.html", context)


def play_link(recording: Recording, name: str, text: str) -> str:
    """A one-line link to the recording; the script opens a player below it when clicked."""
    if recording.deletion_started:
        return text
    return format_html(
        '<a class="ringotel-play" href="{}" data-ringotel-player="{}" aria-label="{}">'
        '<span aria-hidden="true">▶</span> {}</a>',
        reverse("ringotel_crm:recording", args=[recording.pk]),
        reverse("ringotel_crm:player", args=[recording.pk]),
        f"{text}, {_('Play the recording of the call with %(name)s') % {'name': name}}",
        text,
    )


def local_time(time: dt.datetime | None) -> str:
    """A time in the site's time zone; the script converts it to the browser's. "" for None."""
    if time is None:
        return ""
    return format_html(
        '<time datetime="{}">{}</time>', time.isoformat(), localize(timezone.localtime(time))
    )


def badge(kind: str, text: str) -> str:
    """A coloured label. The colour repeats what the text states."""
    return format_html('<span class="ringotel-badge ringotel-{}">{}</span>', kind, text)


def object_link(url: str, text: str) -> str:
    """A link to an object's page, or the plain text if ``url`` is ""."""
    if url:
        return format_html('<a href="{}" dir="auto">{}</a>', url, text)
    return format_html("<bdi>{}</bdi>", text)


def object_url(site: AdminSite, content_type_id: int | None, object_id: str) -> str:
    """Return the URL of an object's page: in ``site`` if it shows the model, else in another site.

    Returns "" if the model does not exist or no site shows it.
    """
    model = (
        ContentType.objects.get_for_id(content_type_id).model_class() if content_type_id else None
    )
    return admin_change_url(model, object_id, site.name) if model else ""
