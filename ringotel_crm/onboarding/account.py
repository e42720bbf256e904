"""What is set up between this site and a Ringotel account, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..backends import Backend
from ..client import NotConfigured, Ringotel, RingotelError
from ..client.sms import RingotelChatBackend, get_sms_backend
from ..conf import conf
from ..hooks.document import site_path
from ..models import RingotelUser, Webhook, WebhookEvent
from ..records import RingotelConnection, RingotelUserRecord, RingotelUserStatus
from ..services.sync import user_mapping

POP_PATH, APP_PATH = "pop", "app"
# Ringotel fills in these queries.
POP_QUERY = "caller=$caller$&name=$caller_name$&called=$called$"
APP_QUERY = (
    "userid=$userid$&domain=$domain$&number=$number$"
    "&username=$username$&email=$email$&mobile=$mobile$"
)
NAMES_SHOWN = 10
_SET = gettext_lazy('Set RINGOTEL_CRM["%(name)s"] to %(value)s.')
_RUN = gettext_lazy("Run “manage.py %(command)s”.")


class Level(StrEnum):
    """How urgent a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A fact about the connection. ``advice`` is what to do about it, ``""`` if nothing has to be
    done."""

    subject: str
    text: str
    level: Level = Level.OK
    advice: str = ""


def guess_base_url() -> str:
    """Return the probable address of this site."""
    hosts = (host.lstrip(".") for host in settings.ALLOWED_HOSTS if host.strip("*."))
    return f"https://{next(hosts, 'crm.example.com')}"


def get_page_urls(base_url: str) -> dict[str, str]:
    """Return the addresses to enter in a connection of Ringotel, by their labels."""
    return {
        "Screen pop URL": f"{base_url}{site_path(POP_PATH)}?{POP_QUERY}",
        "Custom page URL": f"{base_url}{site_path(APP_PATH)}?{APP_QUERY}",
    }


def check_account(
    backend: Backend, *, base_url: str = "", timeout: float | None = None
) -> list[Finding]:
    """Compare the site with the Ringotel account. Each request waits for ``timeout`` seconds at
    most."""
    return [
        *_check_ringotel(backend, base_url, timeout),
        *_check_webhooks(backend),
        *_check_replies(),
    ]


def _check_ringotel(backend: Backend, base_url: str, timeout: float | None) -> Iterator[Finding]:
    try:
        client = Ringotel(timeout=timeout)
        if not conf.ORGANIZATION_ID:
            yield _choose_organization(client)
            return
        yield from _check_organization(client)
        connections = client.get_connections()
        yield from _check_connections(connections, base_url)
        yield from _check_users(backend, client.get_users(with_ai_agents=True))
    except NotConfigured as exc:
        text = _("The account's key is not set.")
        yield Finding(subject=_("Key"), level=Level.ERROR, text=text, advice=exc.message)
    except RingotelError as exc:
        advice = _("Check the key in Ringotel's portal, and that this server can reach %(url)s.")
        yield Finding(
            subject=_("Ringotel"),
            level=Level.ERROR,
            text=exc.message,
            advice=advice % {"url": conf.RINGOTEL_API_URL},
        )


def _choose_organization(client: Ringotel) -> Finding:
    lines = [
        f'{one.name}: "ORGANIZATION_ID": "{one.id}", "ORGANIZATION_DOMAIN": "{one.domain}"'
        for one in client.get_organizations()
    ]
    return Finding(
        subject=_("Organization"),
        level=Level.ERROR,
        text=_("The organization is not chosen."),
        advice=_("Set in RINGOTEL_CRM: %(lines)s") % {"lines": "; ".join(lines)},
    )


def _check_organization(client: Ringotel) -> Iterator[Finding]:
    organization = client.get_organization()
    yield Finding(subject=_("Organization"), text=f"{organization.name} ({organization.domain})")
    if organization.domain.lower() != conf.ORGANIZATION_DOMAIN.lower():
        text = _('The settings name another domain, "%(domain)s".') % {
            "domain": conf.ORGANIZATION_DOMAIN
        }
        advice = _SET % {"name": "ORGANIZATION_DOMAIN", "value": f'"{organization.domain}"'}
        yield Finding(subject=_("Domain"), level=Level.ERROR, text=text, advice=advice)


def _check_connections(
    connections: Sequence[RingotelConnection], base_url: str
) -> Iterator[Finding]:
    if not connections:
        text = _("The organization has no connection.")
        advice = _("Add one in Ringotel's portal.")
        yield Finding(subject=_("Connections"), level=Level.ERROR, text=text, advice=advice)
    urls = get_page_urls(base_url)
    for connection in connections:
        yield _check_numbers(connection)
        if connection.is_enabled:
            yield from _check_pages(connection, urls)


def _check_numbers(connection: RingotelConnection) -> Finding:
    formats = {
        "": _("numbers as the PBX sends them"),
        "e164": _("numbers in E.164"),
        "national": _("national numbers"),
        "national0": _("national numbers with a leading zero"),
    }
    subject = _("Connection %(name)s") % {"name": connection.name or connection.id}
    text = formats.get(connection.inbound_format, connection.inbound_format)
    if not connection.is_enabled:
        return Finding(subject=subject, level=Level.WARNING, text=_("disabled"))
    if connection.inbound_format.startswith("national") and not conf.DEFAULT_REGION:
        advice = _SET % {"name": "DEFAULT_REGION", "value": _("the country of the numbers")}
        return Finding(subject=subject, level=Level.ERROR, text=text, advice=advice)
    return Finding(subject=subject, text=text)


def _check_pages(connection: RingotelConnection, urls: dict[str, str]) -> Iterator[Finding]:
    subject = _("Connection %(name)s") % {"name": connection.name or connection.id}
    advice = _("Enter in the settings of the connection: %(url)s")
    if site_path(POP_PATH) not in connection.popup_url:
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("The screen pop does not open this site."),
            advice=advice % {"url": urls["Screen pop URL"]},
        )
    if not any(site_path(APP_PATH) in url for url in connection.page_urls):
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("No custom page shows this site in the app."),
            advice=advice % {"url": urls["Custom page URL"]},
        )
    elif not conf.FRAME_ANCESTORS:
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("The app may not be able to show the custom page in a frame."),
            advice=_SET % {"name": "FRAME_ANCESTORS", "value": _("the origin of the Ringotel app")},
        )


def _check_users(backend: Backend, users: Sequence[RingotelUserRecord]) -> Iterator[Finding]:
    people = [
        user for user in users if user.is_person and user.status != RingotelUserStatus.ATTACHED
    ]
    rows = RingotelUser.objects.filter(tenant=backend.tenant, owner=None)
    confirmed = set(rows.filter(confirmed=True).values_list("ringotel_id", flat=True))
    known = set(rows.values_list("ringotel_id", flat=True))
    unconfirmed = [user.name for user in people if user.id not in confirmed]
    text = _("%(confirmed)d of %(count)d Ringotel users are mapped to users of this site.")
    subject = _("Users")
    yield Finding(
        subject=subject,
        text=text % {"confirmed": len(people) - len(unconfirmed), "count": len(people)},
    )
    if unconfirmed:
        is_read = all(user.id in known for user in people)
        advice = _("Confirm or enter them in the admin under Ringotel users.")
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("Not mapped: %(names)s") % {"names": _join(unconfirmed)},
            advice=advice if is_read else _RUN % {"command": "ringotel_map_users"},
        )
    if missing := [user.name for user in user_mapping.users_to_create(backend, users)]:
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("Without a Ringotel user: %(names)s") % {"names": _join(missing)},
            advice=_RUN % {"command": "ringotel_map_users --create --dry-run"},
        )


def _join(names: Iterable[str]) -> str:
    names = list(names)
    rest = len(names) - NAMES_SHOWN
    more = ngettext("%(count)d more", "%(count)d more", rest) % {"count": rest}
    return ", ".join([*names[:NAMES_SHOWN], *([more] if rest > 0 else [])])


def _check_webhooks(backend: Backend) -> Iterator[Finding]:
    subject = _("Webhook")
    webhooks = Webhook.objects.filter(tenant=backend.tenant)
    events = WebhookEvent.objects.filter(webhook__in=webhooks)
    last = events.order_by("-received_at").first()
    if not webhooks:
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("No webhook exists: Ringotel cannot report calls and messages."),
            advice=_RUN % {"command": "ringotel_connect_webhook"},
        )
    elif last is None:
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=_("No event has been received yet."),
            advice=_("Enter the webhook's URL in Ringotel's portal, then make a call."),
        )
    else:
        time = localize(timezone.localtime(last.received_at))
        text = _("Last event: %(method)s, %(time)s") % {"method": last.method, "time": time}
        yield Finding(subject=subject, text=text)
    if failed := events.filter(status=WebhookEvent.Status.FAILED).count():
        text = ngettext("%(count)d event failed.", "%(count)d events failed.", failed)
        yield Finding(
            subject=subject,
            level=Level.WARNING,
            text=text % {"count": failed},
            advice=_RUN % {"command": "ringotel_process_events --failed"},
        )


def _check_replies() -> Iterator[Finding]:
    sms_backend = get_sms_backend()
    is_default = isinstance(sms_backend, RingotelChatBackend)
    yield Finding(
        subject=_("Replies to messages"),
        text=sms_backend.get_help_text() if is_default else type(sms_backend).__name__,
    )
