from __future__ import annotations

from django.apps import apps
from django.urls import include, path

from tests.projects.standalone import urls

urlpatterns = list(urls.urlpatterns)
if apps.is_installed("grappelli"):
    urlpatterns.append(path("grappelli/", include("grappelli.urls")))
