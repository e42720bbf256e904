from __future__ import annotations

from django.contrib.auth.views import LoginView
from django.urls import include, path

from demo_project.hostcrm.views import PersonView

urlpatterns = [
    path("login/", LoginView.as_view(template_name="ringotel_crm/app/login.html"), name="login"),
    path("people/<uuid:pk>/", PersonView.as_view(), name="person"),
    path("ringotel/", include("ringotel_crm.urls")),
]
