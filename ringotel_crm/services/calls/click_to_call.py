"""Click-to-call links."""

from __future__ import annotations

from urllib.parse import quote

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ... import phone
from ...conf import conf


def call_url(e164: str) -> str:
    """Return the URL that calls a number.

    It is ``CLICK_TO_CALL_URL`` if set, or else the page that calls through Ringotel's API if its
    key is set, or else a ``tel:`` link.
    """
    if conf.CLICK_TO_CALL_URL:
        return conf.CLICK_TO_CALL_URL.replace("{number}", e164)
    if conf.RINGOTEL_API_KEY:
        return f"{reverse('ringotel_crm:call')}?number={quote(e164)}"
    return f"tel:{e164}"


def call_link(e164: str, label: str = "") -> str:
    """Return a link that calls a number, with ``label`` or the formatted number as its text."""
    number = phone.display(e164)
    title = _("Call %(number)s") % {"number": number}
    return format_html(
        '<a class="ringotel-call" href="{}" title="{}">{}</a>',
        call_url(e164),
        title,
        label or number,
    )
