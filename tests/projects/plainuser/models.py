from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Operator(AbstractBaseUser):
    login = models.CharField(max_length=100, unique=True)

    USERNAME_FIELD = "login"

    objects: Any = BaseUserManager()
