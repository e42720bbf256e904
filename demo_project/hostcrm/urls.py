"""URLs of the site. Only the last line is for ringotel_crm."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from .views import PersonView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("people/<uuid:pk>/", PersonView.as_view(), name="person"),
    path("ringotel/", include("ringotel_crm.urls")),
]
