"""The URLs of ``urls``, of the app with OAuth2, and of the admin for its login page."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from tests.auth import urls

urlpatterns = [
    *urls.urlpatterns,
    path("admin/", admin.site.urls),
    path("ringotel/", include("ringotel_crm.urls")),
]
