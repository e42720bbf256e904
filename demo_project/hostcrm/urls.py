"""URLs of the site. Only the last line is for ringotel_crm."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

from .views import PersonView

admin.site.site_header = admin.site.site_title = "Ringotel CRM"
admin.site.index_title = _("My desk")

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("people/<uuid:pk>/", PersonView.as_view(), name="person"),
    path("ringotel/", include("ringotel_crm.urls")),
]
