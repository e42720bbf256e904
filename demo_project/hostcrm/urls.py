"""What this CRM had, and the line that it got."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from demo_project.hostcrm.views import PersonView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("people/<uuid:pk>/", PersonView.as_view(), name="person"),
    path("ringotel/", include("ringotel_crm.urls")),
]
