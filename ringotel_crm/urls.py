"""``path("ringotel/", include("ringotel_crm.urls"))``."""

from __future__ import annotations

from django.apps import apps
from django.urls import include, path

from .views.app import app, current, login
from .views.click_to_call import click_to_call
from .views.health import health, ready
from .views.invitation import invitation
from .views.messages import download_attachment
from .views.recordings import play, player, waveform_image
from .views.ring_strip import save_note, strip
from .views.screen_pop import pop
from .views.sms import receipts

app_name = "ringotel_crm"

urlpatterns = [
    path("", include("ringotel_crm.hooks.urls")),
    path("webhook/", include("ringotel_crm.webhooks.urls")),
    path("health/", health, name="health"),
    path("ready/", ready, name="ready"),
    path("pop/", pop, name="pop"),
    path("app/", app, name="app"),
    path("app/current/", current, name="app-current"),
    path("app/login/", login, name="app-login"),
    path("call/", click_to_call, name="call"),
    path("invitation/<uidb64>/<token>/", invitation, name="invitation"),
    path("calls/<int:pk>/note/", save_note, name="call-note"),
    path("strip/", strip, name="ring-strip"),
    path("messages/<int:pk>/file/", download_attachment, name="message-file"),
    path("sms/receipts/", receipts, name="sms-receipts"),
    path("recordings/<int:pk>/", play, name="recording"),
    path("recordings/<int:pk>/player/", player, name="player"),
    path("recordings/<int:pk>/waveform.svg", waveform_image, name="waveform"),
]

if apps.is_installed("oauth2_provider"):
    from .auth.oauth import AuthorizationView, TokenView

    urlpatterns += [
        path("oauth/authorize/", AuthorizationView.as_view(), name="authorize"),
        path("oauth/token/", TokenView.as_view(), name="token"),
    ]
