"""The order of this app's models in the menu and on the index of an admin site."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .. import models

Entry: TypeAlias = dict[str, Any]

APP_LABEL = "ringotel_crm"
# The models of daily work come first, in this order.
ORDER = (
    models.Activity,
    models.Callback,
    models.FollowUp,
    models.Conversation,
    models.Recording,
    models.Note,
    models.Agent,
    models.CallSubject,
    models.LegalHold,
)
TECHNICAL = (
    models.ApiKey,
    models.AuditEntry,
    models.PhoneIndex,
    models.RingotelUser,
    models.Webhook,
    models.WebhookEvent,
)


def fold_technical_models(site: AdminSite) -> None:
    """Replace the technical models in the menu and on the index of ``site`` with one link.

    The link leads to the page of this app, which lists all models. Django has no other way to order
    the models of an app.
    """
    get_app_list = site.get_app_list

    def folded(request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Entry] = []
        for app in get_app_list(request, app_label):
            if app["app_label"] != APP_LABEL:
                apps.append(app)
            elif app_label:
                apps += _split(app)
            else:
                apps.append(_fold(app))
        return apps

    site.get_app_list = folded  # type: ignore[method-assign]


def _split(app: Entry) -> list[Entry]:
    """Return the app as two: with its daily and with its technical models."""
    daily, technical = _parts(app)
    apps = [{**app, "models": daily}, {**app, "models": technical, "name": _("Administration")}]
    return [part for part in apps if part["models"]]


def _fold(app: Entry) -> Entry:
    """Return the app with a link instead of its technical models."""
    daily, technical = _parts(app)
    if technical:
        # With a fragment, Django does not take the link for that of the current page.
        url = f"{app['app_url']}#{APP_LABEL}-{technical[0]['object_name'].lower()}"
        link = {"name": _("Administration"), "object_name": "Administration", "admin_url": url}
        permissions = {"add": False, "change": False, "delete": False, "view": True}
        daily.append({**technical[0], **link, "perms": permissions, "add_url": None})
    return {**app, "models": daily}


def _parts(app: Entry) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of the daily models, in order, and of the technical ones."""
    technical = [entry for entry in app["models"] if entry.get("model") in TECHNICAL]
    daily = [entry for entry in app["models"] if entry.get("model") not in TECHNICAL]
    return sorted(daily, key=_position), technical


def _position(entry: Entry) -> int:
    model = entry.get("model")
    return ORDER.index(model) if model in ORDER else len(ORDER)
