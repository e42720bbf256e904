from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("ringotel/", include("ringotel_crm.urls"))]
