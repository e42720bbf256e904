"""Follow-ups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ..internal.parsing import parse_key
from ..models import FollowUp
from ..services.calls.click_to_call import call_link
from ..services.follow_ups import all_follow_ups, assignable_users, mark_done, reopen
from .base import LargeTableAdmin, admin_url, backend_for
from .html import badge, local_time, object_link, object_url, user_name
from .undo import message_with_undo, redirect_back

# Follow-ups that are marked as done at once.
MAX_UNDO = 100
CHANGE_LIST = "ringotel_crm_followup_changelist"
TEXT_WIDGET = forms.Textarea(attrs={"rows": 2, "cols": 40, "dir": "auto"})
DATE_WIDGET = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class UserChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A choice of users by their names."""

    def label_from_instance(self, obj: Any) -> str:
        return user_name(obj)


class StateFilter(admin.SimpleListFilter):
    """Filter by day and state. Without a value, the open follow-ups are listed."""

    title = _("due")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("overdue", _("Overdue")),
            ("today", _("Today")),
            ("later", _("Later")),
            ("done", _("Done")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name the first choice, which is not all rows."""
        for index, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": gettext("All open")} if index == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> QuerySet[FollowUp]:
        today = timezone.localdate()
        match self.value():
            case "overdue":
                return queryset.filter(done_at=None, due__lt=today)
            case "today":
                return queryset.filter(done_at=None, due=today)
            case "later":
                return queryset.filter(done_at=None, due__gt=today)
            case "done":
                return queryset.exclude(done_at=None)
        return queryset.filter(done_at=None)


class PersonFilter(admin.SimpleListFilter):
    """Filter by the person who has to do it."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("me", _("Mine")), ("none", _("No person"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> QuerySet[FollowUp]:
        match self.value():
            case "me":
                return queryset.filter(assignee=request.user.pk)
            case "none":
                return queryset.filter(assignee=None)
        return queryset


class AssigneeForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that accepts the current person, who may have left since."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields.get("assignee")
        if field and self.instance.assignee_id:
            users = get_user_model()._default_manager
            field.queryset |= users.filter(pk=self.instance.assignee_id)


class FollowUpAdmin(LargeTableAdmin):
    """Follow-ups. They are added on the page of a call or of a contact."""

    form = AssigneeForm

    empty_message = _("Add the first follow-up on the page of a call or a contact.")
    list_display = ("text_line", "about", "due_on", "person", "done_button")
    list_filter = (PersonFilter, StateFilter)
    list_select_related = ("assignee", "activity", "done_by")
    sortable_by = ("due_on",)
    fields = ("about", "text", "due", "assignee", "created", "done")
    readonly_fields = ("about", "created", "done")
    actions = ("finish",)
    empty_value_display = ""

    # Columns and read-only fields

    @admin.display(description=_("text"))
    def text_line(self, follow_up: FollowUp) -> str:
        return format_html('<span dir="auto">{}</span>', follow_up)

    @admin.display(description=_("contact"))
    def about(self, follow_up: FollowUp) -> str:
        """The contact, or the number of a call without one."""
        row, call = follow_up.activity or follow_up, follow_up.activity
        url = object_url(self.admin_site, row.contact_type_id, row.contact_id)
        name = object_link(url if row.contact_id else "", row.contact_name)
        if call is None:
            return name
        number = call_link(call.outside_e164) if call.outside_e164 else call.display_number
        number = format_html('<bdi class="ringotel-number">{}</bdi>', number)
        return format_html("{}<br>{}", name, number) if row.contact_name else number

    @admin.display(description=_("due"), ordering="due")
    def due_on(self, follow_up: FollowUp) -> str:
        day = date_format(follow_up.due, "SHORT_DATE_FORMAT")
        if not follow_up.is_overdue:
            return day
        return format_html("{} {}", day, badge("missed", gettext("overdue")))

    @admin.display(description=_("person"))
    def person(self, follow_up: FollowUp) -> str:
        return format_html("<bdi>{}</bdi>", user_name(follow_up.assignee))

    @admin.display(description=_("created"))
    def created(self, follow_up: FollowUp) -> str:
        return _by(follow_up.created_at, follow_up.created_by)

    @admin.display(description=_("done"))
    def done(self, follow_up: FollowUp) -> str:
        return _by(follow_up.done_at, follow_up.done_by)

    @admin.display(description=_("done"))
    def done_button(self, follow_up: FollowUp) -> str:
        """A button that posts the form of the list to another page, or when it was done."""
        if follow_up.done_at:
            return self.done(follow_up)
        return format_html(
            '<button class="ringotel-tool" name="follow_up" value="{}" formaction="{}"'
            ' aria-label="{}">{}</button>',
            follow_up.pk,
            admin_url(self.admin_site, "ringotel_crm_followup_done"),
            gettext("Mark as done: %(text)s") % {"text": follow_up},
            gettext("Mark as done"),
        )

    # Permissions

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        columns = self.list_display
        return columns if self.has_change_permission(request) else columns[:-1]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[FollowUp]:
        return all_follow_ups(backend_for(request))

    # Forms

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return follow_up_field(db_field, request) or super().formfield_for_dbfield(
            db_field, request, **kwargs
        )

    # Marking as done

    @admin.action(description=_("Mark follow-up as done"), permissions=["change"])
    def finish(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> None:
        finish(request, self.admin_site, queryset)

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs to which the buttons post."""

        def page(route: str, name: str, view: Any) -> Any:
            wrapped = self.admin_site.admin_view(require_POST(view))
            return path(route, wrapped, name=f"ringotel_crm_followup_{name}")

        return [
            page("done/", "done", self.done_view),
            page("reopen/", "reopen", self.reopen_view),
            *super().get_urls(),
        ]

    def done_view(self, request: HttpRequest) -> HttpResponse:
        """Mark the posted follow-ups as done, and return to the page of the button."""
        finish(request, self.admin_site, self._posted(request))
        return redirect_back(request, admin_url(self.admin_site, CHANGE_LIST))

    def reopen_view(self, request: HttpRequest) -> HttpResponse:
        """Undo that the posted follow-ups were marked as done."""
        count = reopen(self._posted(request))
        text = ngettext("%(count)d follow-up is open.", "%(count)d follow-ups are open.", count)
        self.message_user(request, text % {"count": count}, "success")
        return redirect_back(request, admin_url(self.admin_site, CHANGE_LIST))

    def _posted(self, request: HttpRequest) -> QuerySet[FollowUp]:
        if not self.has_change_permission(request):
            raise PermissionDenied
        keys = map(parse_key, request.POST.getlist("follow_up")[:MAX_UNDO])
        return self.get_queryset(request).filter(pk__in=keys)


def finish(request: HttpRequest, site: AdminSite, follow_ups: QuerySet[FollowUp]) -> None:
    """Mark open ``follow_ups`` as done, at most :data:`MAX_UNDO`, with a message to undo it."""
    ids = list(follow_ups.filter(done_at=None).values_list("pk", flat=True)[:MAX_UNDO])
    if not ids:
        messages.info(request, gettext("No follow-up is open."))
        return
    count = mark_done(FollowUp.objects.filter(pk__in=ids), request.user)
    text = ngettext(
        "%(count)d follow-up marked as done.", "%(count)d follow-ups marked as done.", count
    )
    url = admin_url(site, "ringotel_crm_followup_reopen")
    message_with_undo(request, text % {"count": count}, url, [("follow_up", id) for id in ids])


class FollowUpForm(AssigneeForm):
    """A follow-up on the page of its call, with a box to mark it as done."""

    is_done = forms.BooleanField(label=_("Done"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_done"].initial = self.instance.done_at is not None


class FollowUpFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The follow-ups of a call. New ones are created by :attr:`user`."""

    user: Any

    def save_new(self, form: Any, commit: bool = True) -> Any:
        form.instance.tenant, form.instance.created_by = self.instance.tenant, self.user
        return self.save_existing(form, form.instance, commit)

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        is_done = form.cleaned_data["is_done"]
        if is_done != (obj.done_at is not None):
            obj.done_at, obj.done_by = (timezone.now(), self.user) if is_done else (None, None)
        return form.save(commit=commit)


class FollowUpInline(admin.TabularInline):  # type: ignore[type-arg]
    """The follow-ups of a call, saved together with the other fields of the page."""

    model = FollowUp
    form = FollowUpForm
    formset = FollowUpFormSet
    fields = ("text", "due", "assignee", "is_done")
    extra = 1
    can_delete = False

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.user = request.user
        return formset

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return follow_up_field(db_field, request) or super().formfield_for_dbfield(
            db_field, request, **kwargs
        )


def follow_up_field(db_field: Any, request: HttpRequest) -> Any:
    """Return the form field of a column of a follow-up, None for Django's own."""
    match db_field.name:
        case "text":
            return db_field.formfield(widget=TEXT_WIDGET)
        case "due":
            return db_field.formfield(widget=DATE_WIDGET, validators=db_field.validators)
        case "assignee":
            users = assignable_users(backend_for(request), request.user)
            return db_field.formfield(
                form_class=UserChoiceField, queryset=users, initial=request.user.pk
            )
    return None


def _by(time: dt.datetime | None, user: Any) -> str:
    """A time and the user's name; "" without a time."""
    name = user_name(user)
    return format_html("{} <bdi>{}</bdi>", local_time(time), name) if time else ""
