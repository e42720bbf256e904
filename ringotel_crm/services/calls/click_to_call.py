"""Where a click on a number leads."""

from __future__ import annotations

from urllib.parse import quote

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ... import phone
from ...conf import conf


def call_url(e164: str) -> str:
    """``RINGOTEL_CRM["CLICK_TO_CALL_URL"]``, else the page that calls by Ringotel, else the computer's own telephone program."""
    if conf.CLICK_TO_CALL_URL:
        return conf.CLICK_TO_CALL_URL.replace("{number}", e164)
    if conf.RINGOTEL_API_KEY:
        return f"{reverse('ringotel_crm:call')}?number={quote(e164)}"
    return f"tel:{e164}"


def call_link(e164: str, label: str = "") -> str:
    """The number as people read it, or ``label``, as a link that calls it."""
    shown = phone.display(e164)
    title = _("Call %(number)s") % {"number": shown}
    return format_html(
        '<a class="ringotel-call" href="{}" title="{}">{}</a>',
        call_url(e164),
        title,
        label or shown,
    )
