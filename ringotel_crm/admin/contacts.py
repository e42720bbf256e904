"""The contact's page: who that is, and what was said. For the mini-CRM's contacts and for a host's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from .. import phone
from ..backends import Backend
from ..backends.base import ContactDirectory
from ..backends.mapping import split
from ..backends.model import ModelContactDirectory
from ..models import Activity, Message, Note
from ..services.calls.access import may_view_calls, visible_calls
from ..services.calls.click_to_call import call_link
from ..services.calls.timeline import call_totals, calls_for_contacts
from ..services.messages import messages_with
from ..services.recordings.store import recordings_playable_by
from .base import MEDIA, backend_for

CALLS_SHOWN = 25
PEOPLE_SHOWN = 500


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]
    """What staff write."""

    class Meta:
        model = Note
        fields = ("text", "due")
        widgets = {
            "text": forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
            "due": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }


class RingotelContactAdminMixin:
    """Put before ``ModelAdmin``: the page of a contact gets a card and the timeline of calls and notes above its form.

    ::

        @admin.register(Person)
        class PersonAdmin(RingotelContactAdminMixin, admin.ModelAdmin): ...
    """

    change_form_template: Any = "admin/ringotel_crm/contact_change_form.html"
    admin_site: AdminSite
    model: Any

    def get_ringotel_contacts(self, request: HttpRequest, obj: Any) -> Iterable[Any]:
        """The contacts whose calls the page shows: this one. Override for a page that stands for several."""
        return [obj]

    def get_ringotel_numbers(self, request: HttpRequest, obj: Any) -> Sequence[str]:
        """The E.164 numbers on the card. Override for more than the backend tells."""
        contacts = backend_for(request).contacts
        return contacts.numbers(contacts.from_reference(type(obj), str(obj.pk)))

    def get_ringotel_details(self, obj: Any) -> Sequence[str]:
        """Lines under the name, such as company and title."""
        return []

    def get_ringotel_initial(self, request: HttpRequest, name: str, number: str) -> dict[str, str]:
        """The add form's fields for a stranger. Override where the mapping does not say which ones."""
        directory = next(d for d in directories(backend_for(request)) if d.model is self.model)
        if not issubclass(directory, ModelContactDirectory):
            return {}
        first, last, whole = (
            split(paths) for paths in (directory.first_name, directory.last_name, directory.name)
        )
        words = name.partition(" ")
        number_paths = (path for paths in directory.phones.values() for path in split(paths))
        found = {
            path: value
            for paths, value in ((first, words[0]), (last, words[2]))
            for path in paths[:1]
        }
        found |= {path: name for path in whole[:1] if not found}
        found |= dict.fromkeys(islice(number_paths, 1), number)
        return {path: value for path, value in found.items() if value and "__" not in path}

    @property
    def media(self) -> forms.Media:
        """Our own style and script."""
        media: forms.Media = super().media  # type: ignore[misc]
        return media + MEDIA

    def get_urls(self) -> list[URLPattern]:
        """Where notes are written."""
        meta = self.model._meta
        view = self.admin_site.admin_view(require_POST(self.ringotel_note))
        name = f"{meta.app_label}_{meta.model_name}_ringotel_note"
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<path:object_id>/ringotel-note/", view, name=name), *urls]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the card."""
        obj = kwargs.get("obj")
        if obj is not None and obj.pk:
            context["ringotel"] = self.ringotel_card(request, obj)
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def ringotel_card(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the templates show: five queries, however many calls there are."""
        people = {
            str(person.pk): person
            for person in islice(self.get_ringotel_contacts(request, obj), PEOPLE_SHOWN)
        }
        # Of several people the first tells the model; without any, the page stands for itself.
        person_type = ContentType.objects.get_for_model(next(iter(people.values()), obj))
        calls = calls_for_contacts(
            visible_calls(backend_for(request), request.user), [*people], person_type.pk
        )
        notes = Note.objects.filter(
            contact_type=ContentType.objects.get_for_model(obj), contact_id=str(obj.pk)
        ).select_related("author")
        meta = self.model._meta
        return {
            "facts": [fact for fact in self.get_ringotel_details(obj) if fact],
            "numbers": [call_link(number) for number in self.get_ringotel_numbers(request, obj)],
            "totals": call_totals(calls) if may_view_calls(request.user) else None,
            "timeline": timeline(
                with_recordings(calls, request.user)[:CALLS_SHOWN],
                notes[:CALLS_SHOWN],
                self.ringotel_messages(request, person_type.pk, [*people])[:CALLS_SHOWN],
            ),
            "is_shared": len(people) != 1
            or str(obj.pk) not in people
            or person_type.model_class() is not type(obj),
            "all_calls": call_list_url(
                contact_type=person_type.pk, contact_id__in=",".join([*people][:50])
            ),
            "note_form": NoteForm(prefix="note")
            if request.user.has_perm("ringotel_crm.add_note")
            else None,
            "note_url": reverse(
                f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_ringotel_note",
                args=[obj.pk],
            ),
            "may_finish": request.user.has_perm("ringotel_crm.change_note"),
        }

    def ringotel_messages(
        self, request: HttpRequest, kind: int, ids: Sequence[str]
    ) -> QuerySet[Message]:
        """Texts with these people, for who may read conversations."""
        if not request.user.has_perm("ringotel_crm.view_conversation"):
            return Message.objects.none()
        return messages_with(backend_for(request).tenant, kind, ids)

    def ringotel_note(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a note, or tick one off."""
        obj = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):  # type: ignore[attr-defined]
            raise PermissionDenied
        kind, key = ContentType.objects.get_for_model(obj), str(obj.pk)
        done = request.POST.get("done", "")
        if not request.user.has_perm(
            "ringotel_crm.change_note" if done else "ringotel_crm.add_note"
        ):
            raise PermissionDenied
        if done:
            open_notes = Note.objects.filter(contact_type=kind, contact_id=key, done_at=None)
            open_notes.filter(pk=int(done) if done.isdecimal() and len(done) < 19 else 0).update(
                done_at=timezone.now()
            )
        else:
            form = NoteForm(request.POST, prefix="note")
            if form.is_valid():
                form.instance.contact_type, form.instance.contact_id = kind, key
                form.instance.contact_name, form.instance.author = str(obj)[:255], request.user
                form.instance.tenant = backend_for(request).tenant
                form.save()
            else:
                self.message_user(request, _("The note was not kept: it needs a text."), "error")  # type: ignore[attr-defined]
        meta = self.model._meta
        url = reverse(
            f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change", args=[obj.pk]
        )
        return HttpResponseRedirect(f"{url}#ringotel-timeline")


def with_recordings(calls: QuerySet[Activity], user: Any) -> QuerySet[Activity]:
    """Each with its recording, and whether ``user`` may hear it, in the same query."""
    heard = recordings_playable_by(user).filter(activity=OuterRef("pk"), deletion_started=False)
    return calls.select_related("recording").annotate(
        ringotel_audible=Exists(heard.select_related(None).values("pk"))
    )


Entry: TypeAlias = tuple[dt.datetime, Activity | None, Note | None, Message | None]


def timeline(
    calls: Iterable[Activity], notes: Iterable[Note], messages: Iterable[Message]
) -> list[Entry]:
    """Calls, notes and messages by time, the latest first."""
    entries: list[Entry] = [
        *((call.start or call.created_at, call, None, None) for call in calls),
        *((note.created_at, None, note, None) for note in notes),
        *((message.at, None, None, message) for message in messages if message.at),
    ]
    return sorted(entries, key=lambda entry: entry[0], reverse=True)


def call_list_url(**query: Any) -> str:
    """The list of calls, narrowed."""
    return f"{reverse('admin:ringotel_crm_activity_changelist')}?{urlencode(query)}"


def directories(backend: Backend) -> list[type[ContactDirectory]]:
    """Those of the contacts, which may be of several models."""
    return [
        member
        for member in backend.contacts.component_classes()
        if issubclass(member, ContactDirectory) and member.model
    ]


def contact_admins(site: AdminSite, backend: Backend) -> list[ModelAdmin[Any]]:
    """The admins of the CRM's contacts, as far as they have some."""
    models = [directory.model for directory in directories(backend)]
    return [site.get_model_admin(model) for model in models if model and site.is_registered(model)]


def search_contacts(request: HttpRequest, site: AdminSite, text: str) -> Iterator[QuerySet[Any]]:
    """Of each model, the contacts by number in any notation, else by what their own admin searches; some come twice."""
    if not text.strip() or "\0" in text:
        return
    contacts = backend_for(request).contacts
    numbers = phone.candidates(text)
    held = (
        [contacts.to_reference(contact.id) for _number, contact in contacts.find(numbers)]
        if numbers
        else []
    )
    for model_admin in contact_admins(site, backend_for(request)):
        if not model_admin.has_view_permission(request):
            continue
        rows = model_admin.get_queryset(request)
        if numbers:
            rows = rows.filter(pk__in={key for model, key in held if model is model_admin.model})
        else:
            rows, _may_repeat = model_admin.get_search_results(request, rows, text)
        yield rows


def add_contact_url(
    request: HttpRequest, site: AdminSite, *, name: str = "", number: str = ""
) -> str:
    """The form for a new contact, filled in; "" where there is none, or not for this person."""
    backend = backend_for(request)
    creating = [directory.model for directory in directories(backend) if directory.can_create]
    for model_admin in contact_admins(site, backend):
        if model_admin.model not in creating or not model_admin.has_add_permission(request):
            continue
        meta = model_admin.model._meta
        url = reverse(f"{site.name}:{meta.app_label}_{meta.model_name}_add")
        initial: dict[str, str] = {}
        if isinstance(model_admin, RingotelContactAdminMixin):
            initial = model_admin.get_ringotel_initial(request, name, phone.display(number))
        return f"{url}?{urlencode(initial)}" if initial else url
    return ""
