"""Users for colleagues: creating them with an extension and a role, and inviting them."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from .. import databases
from ..auth.groups import get_group
from ..models import Agent

logger = logging.getLogger(__name__)


def add_colleague(role: str, *, extension: str, email: str, tenant: str, **names: str) -> Any:
    """Create a staff user without a password, with an extension and the group of ``role``.

    The user logs in with the e-mail address. ``names``: ``first_name`` and ``last_name``, which are
    left out if the user model has no such fields. Raises Django's ``ValidationError``.
    """
    model: Any = get_user_model()
    columns = {field.name for field in model._meta.concrete_fields}
    values = {**names, model.get_email_field_name(): email, "is_staff": True}
    user = model(**{name: value for name, value in values.items() if name in columns})
    setattr(user, model.USERNAME_FIELD, email)
    user.set_unusable_password()
    with databases.atomic(model), databases.atomic():
        user.full_clean()
        user.save()
        user.groups.add(get_group(role))
        agent = Agent(user=user, extension=extension, tenant=tenant)
        agent.full_clean()
        agent.save()
    return user


def is_invitable(user: Any, *, by: Any) -> bool:
    """Return whether ``user`` has never had a password, and no permission that ``by`` lacks.

    An invitation must not take over an account, and its link gives the permissions of ``user``.
    """
    if user.has_usable_password() or user.last_login or getattr(user, "is_superuser", False):
        return False
    return bool(by.has_perms(user.get_all_permissions()))


def invitation_path(user: Any) -> str:
    """Return the path of the page where the user chooses a password. Works once, for the time of
    ``PASSWORD_RESET_TIMEOUT``.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return reverse("ringotel_crm:invitation", args=[uid, token])


def send_invitation(user: Any, url: str) -> bool:
    """Send the invitation with this URL by e-mail. Return whether the mail server accepted it."""
    text = _(
        "Hello,\n\nan account was created for you. Choose a password here:\n\n%(url)s\n\n"
        "Then log in with your e-mail address."
    )
    address = getattr(user, user.get_email_field_name())
    try:
        send_mail(_("Your account"), text % {"url": url}, None, [address])
    except Exception:
        logger.exception("Could not send an invitation.")
        return False
    return True
