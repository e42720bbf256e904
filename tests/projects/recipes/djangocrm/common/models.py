"""The fields of DjangoCRM that the recipe maps."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class UserProfile(models.Model):
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="profile"
    )
    pbx_number = models.CharField(max_length=20, default="", blank=True)

    def __str__(self) -> str:
        return str(self.user)
