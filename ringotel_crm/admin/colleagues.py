"""The page that adds a colleague: user, extension, role and invitation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..auth.groups import roles_given_by
from ..exceptions import CRMError
from ..models import Agent
from ..onboarding.colleagues import add_colleague, invitation_path, send_invitation
from .base import backend_for, render_page
from .html import user_name

PERMISSION = "ringotel_crm.add_colleague"
EXTENSION = Agent._meta.get_field("extension")


class ColleagueForm(forms.Form):
    """Form for a new user with an extension. The roles are those the user may give."""

    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=150)
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=150, required=False)
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=150,
        help_text=gettext_lazy("Receives the invitation, and is the name to log in with."),
    )
    extension = forms.CharField(
        label=gettext_lazy("Extension"),
        max_length=EXTENSION.max_length,
        help_text=EXTENSION.help_text,
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"))

    def __init__(self, tenant: str, roles: list[str], data: Any = None) -> None:
        super().__init__(data)
        self.tenant = tenant
        self.fields["role"].choices = [(role, _(role)) for role in roles]  # type: ignore[attr-defined]
        columns = {field.name for field in get_user_model()._meta.concrete_fields}
        for name in {"first_name", "last_name"} - columns:
            del self.fields[name]

    def clean_email(self) -> str:
        """Refuse the address of an existing user."""
        email: str = self.cleaned_data["email"]
        model = get_user_model()
        column = model.get_email_field_name()
        columns = {field.name for field in model._meta.concrete_fields}
        names = {model.USERNAME_FIELD, column} & columns
        if any(
            model._default_manager.filter(**{f"{name}__iexact": email}).exists() for name in names
        ):
            raise ValidationError(
                _("A user with this e-mail address exists. Add an agent for this user instead.")
            )
        return email

    def clean_extension(self) -> str:
        """Refuse the extension of another agent."""
        extension: str = self.cleaned_data["extension"]
        if Agent.objects.filter(tenant=self.tenant, extension=extension).exists():
            raise ValidationError(_("Another agent has this extension."))
        return extension

    def save(self) -> Any:
        """Create the user. Returns None after adding an error."""
        try:
            return add_colleague(tenant=self.tenant, **self.cleaned_data)
        except CRMError as exc:
            self.add_error(None, exc.message)
        except ValidationError as exc:
            for name, errors in exc.error_dict.items():
                self.add_error(name if name in self.fields else None, errors)
        return None


def colleague_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """GET shows the form. POST creates the user, and shows the link of the invitation once."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    roles = roles_given_by(request.user)
    data = request.POST if request.method == "POST" else None
    form = ColleagueForm(backend_for(request).tenant, roles, data)
    context: dict[str, Any] = {"title": _("Add a colleague"), "submit": _("Add"), "form": form}
    if not roles:
        context["problem"] = _(
            "You cannot give a role. Ask a superuser, or add the user as your site does it."
        )
    if not form.is_valid() or not (user := form.save()):
        return render_page(request, model_admin, "form_page.html", context)
    model_admin.log_addition(request, user.ringotel_agent, _("Added as a colleague."))
    return render_page(request, model_admin, "colleague_result.html", invite(request, user))


def invite(request: HttpRequest, user: Any) -> dict[str, Any]:
    """Send an invitation. Return the context of the page that shows its link."""
    url = request.build_absolute_uri(invitation_path(user))
    return {
        "title": user_name(user),
        "url": url,
        "email": getattr(user, user.get_email_field_name()),
        "is_sent": send_invitation(user, url),
    }
