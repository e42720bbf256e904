"""URLs of the webhooks. The trailing slash is optional."""

from __future__ import annotations

from django.urls import path

from .views import receive

urlpatterns = [
    path("<slug:name>/", receive, name="webhook"),
    path("<slug:name>", receive),
]
