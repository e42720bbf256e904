"""The page of ``urls``, with the toolkit's own and somewhere to log in."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from tests.auth import urls

urlpatterns = [
    *urls.urlpatterns,
    path("admin/", admin.site.urls),
    path("ringotel/", include("ringotel_crm.urls")),
]
