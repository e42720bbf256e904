"""An admin site with the pages of the app, for example in ``admin.py`` of one of your apps."""

from __future__ import annotations

from django.contrib.admin import AdminSite

from ringotel_crm.admin import register

site = AdminSite(name="staff")  # in the URLconf: path("staff/", site.urls)
register(site)
