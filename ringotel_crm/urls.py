"""``path("ringotel/", include("ringotel_crm.urls"))``."""

from __future__ import annotations

from django.apps import apps
from django.urls import include, path

from .client.views import place_call
from .playback import picture, play
from .webhooks.files import download

app_name = "ringotel_crm"

urlpatterns = [
    path("", include("ringotel_crm.framework.urls")),
    path("webhook/", include("ringotel_crm.webhooks.urls")),
    path("call/", place_call, name="call"),
    path("messages/<int:pk>/file/", download, name="message-file"),
    path("recordings/<int:pk>/", play, name="recording"),
    path("recordings/<int:pk>/waveform.svg", picture, name="waveform"),
]

if apps.is_installed("oauth2_provider"):
    from .auth.oauth import AuthorizationView, TokenView

    urlpatterns += [
        path("oauth/authorize/", AuthorizationView.as_view(), name="authorize"),
        path("oauth/token/", TokenView.as_view(), name="token"),
    ]

if apps.is_installed("django.contrib.admin"):
    from .admin.pop import pop

    urlpatterns.append(path("pop/", pop, name="pop"))
