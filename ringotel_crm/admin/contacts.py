"""The page of a contact, for the mini-CRM's contacts and for models of the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..backends.mapping import split
from ..backends.model import ModelContactDirectory
from ..models import Message, Note
from ..services.calls.access import may_view_calls, visible_calls
from ..services.calls.click_to_call import call_link
from ..services.calls.timeline import call_totals, calls_for_contacts
from ..services.contacts.phone_index import keys_ending_in
from ..services.contacts.references import object_reference
from ..services.messages import messages_with
from .base import MEDIA, admin_url, backend_for
from .contact_search import contact_directories
from .timeline import call_list_url, timeline, with_recordings

# Per kind of entry in the timeline.
MAX_ENTRIES = 25
MAX_CONTACTS = 500
MAX_CONTACTS_IN_URL = 50


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form that adds a note to a contact."""

    class Meta:
        model = Note
        fields = ("text", "due")
        widgets = {
            "text": forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
            "due": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }


class RingotelContactAdminMixin:
    """Add a card and a timeline of calls, notes and messages above the form of a contact.

    List it before ``ModelAdmin``::

        @admin.register(Person)
        class PersonAdmin(RingotelContactAdminMixin, admin.ModelAdmin): ...
    """

    change_form_template: Any = "admin/ringotel_crm/contact_change_form.html"
    admin_site: AdminSite
    model: Any

    def get_ringotel_contacts(self, request: HttpRequest, obj: Any) -> Iterable[Any]:
        """Return the contacts of the calls on the page; by default ``obj`` alone.

        Override it for a page that represents several contacts, such as that of an organization.
        """
        return [obj]

    def get_ringotel_numbers(self, request: HttpRequest, obj: Any) -> Sequence[str]:
        """Return the E.164 numbers on the card; by default those known to the backend."""
        contacts = backend_for(request).contacts
        return contacts.numbers(contacts.from_reference(type(obj), str(obj.pk)))

    def get_ringotel_details(self, obj: Any) -> Sequence[str]:
        """Return further lines of the card, such as company and job title."""
        return []

    def get_ringotel_initial(self, request: HttpRequest, name: str, number: str) -> dict[str, str]:
        """Return the initial values of the form for a new contact, by field name.

        The default fills the fields that the mapping names for ``name`` and ``number``.
        """
        directories = contact_directories(backend_for(request))
        directory = next(d for d in directories if d.model is self.model)
        if not issubclass(directory, ModelContactDirectory):
            return {}
        first_name, _space, last_name = name.partition(" ")
        number_paths = [path for paths in directory.phones.values() for path in split(paths)]
        initial: dict[str, str] = {}
        for paths, value in (
            (split(directory.first_name), first_name),
            (split(directory.last_name), last_name),
        ):
            initial |= dict.fromkeys(paths[:1], value)
        if not initial:
            initial = dict.fromkeys(split(directory.name)[:1], name)
        initial |= dict.fromkeys(number_paths[:1], number)
        return {path: value for path, value in initial.items() if value and "__" not in path}

    @property
    def media(self) -> forms.Media:
        media: forms.Media = super().media  # type: ignore[misc]
        return media + MEDIA

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Add the objects that have a number in the phone index that ends in ``search_term``."""
        found: QuerySet[Any]
        found, may_repeat = super().get_search_results(request, queryset, search_term)  # type: ignore[misc]
        if keys := keys_ending_in(self.model, search_term):
            found |= queryset.filter(pk__in=keys)
        return found, may_repeat

    def get_urls(self) -> list[URLPattern]:
        """Add the URL to which the timeline's form posts."""
        view = self.admin_site.admin_view(require_POST(self.ringotel_note_view))
        name = f"{self._ringotel_url_prefix()}_ringotel_note"
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<path:object_id>/ringotel-note/", view, name=name), *urls]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the card and the timeline of an existing object to the context."""
        obj = kwargs.get("obj")
        if obj is not None and obj.pk:
            context |= {"title": str(obj), "ringotel": self.get_ringotel_context(request, obj)}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def get_ringotel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the context of the card and the timeline, in a fixed number of queries."""
        contacts = {
            str(contact.pk): contact
            for contact in islice(self.get_ringotel_contacts(request, obj), MAX_CONTACTS)
        }
        ids = list(contacts)
        # All contacts are of one model; a page without contacts stands for itself.
        contact_type = ContentType.objects.get_for_model(next(iter(contacts.values()), obj))
        calls = visible_calls(backend_for(request), request.user)
        calls = calls_for_contacts(calls, ids, contact_type.pk)
        is_own_page = contact_type.model_class() is type(obj) and ids == [str(obj.pk)]
        may_add_note = request.user.has_perm("ringotel_crm.add_note")
        return {
            "details": [text for text in self.get_ringotel_details(obj) if text],
            "numbers": [call_link(number) for number in self.get_ringotel_numbers(request, obj)],
            "totals": call_totals(calls) if may_view_calls(request.user) else None,
            "timeline": timeline(
                with_recordings(calls, request.user)[:MAX_ENTRIES],
                self._ringotel_notes(obj).select_related("author")[:MAX_ENTRIES],
                self._ringotel_messages(request, contact_type.pk, ids)[:MAX_ENTRIES],
            ),
            "max_entries": MAX_ENTRIES,
            "shows_names": not is_own_page,
            "all_calls_url": call_list_url(
                self.admin_site,
                contact_type=contact_type.pk,
                contact_id__in=",".join(ids[:MAX_CONTACTS_IN_URL]),
            ),
            "note_form": NoteForm(prefix="note") if may_add_note else None,
            "note_url": self._ringotel_url("ringotel_note", obj.pk),
            "may_mark_done": request.user.has_perm("ringotel_crm.change_note"),
        }

    def _ringotel_url_prefix(self) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}"

    def _ringotel_url(self, page: str, *args: Any) -> str:
        return admin_url(self.admin_site, f"{self._ringotel_url_prefix()}_{page}", *args)

    def _ringotel_notes(self, obj: Any) -> QuerySet[Note]:
        return Note.objects.filter(**object_reference(obj).lookup)

    def _ringotel_messages(
        self, request: HttpRequest, content_type_id: int, ids: Sequence[str]
    ) -> QuerySet[Message]:
        """Return the messages with these contacts; none if the user may not view conversations."""
        if not request.user.has_perm("ringotel_crm.view_conversation"):
            return Message.objects.none()
        return messages_with(backend_for(request).tenant, content_type_id, ids)

    def ringotel_note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add a note or, if ``done`` is the id of a note, mark its follow-up as done."""
        obj = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):  # type: ignore[attr-defined]
            raise PermissionDenied
        done = request.POST.get("done", "")
        permission = "change_note" if done else "add_note"
        if not request.user.has_perm(f"ringotel_crm.{permission}"):
            raise PermissionDenied
        if not done:
            self._add_note(request, obj)
        elif done.isdecimal() and len(done) < 19:
            note = self._ringotel_notes(obj).filter(pk=int(done), done_at=None)
            note.update(done_at=timezone.now())
        return HttpResponseRedirect(f"{self._ringotel_url('change', obj.pk)}#ringotel-timeline")

    def _add_note(self, request: HttpRequest, obj: Any) -> None:
        form = NoteForm(request.POST, prefix="note")
        if not form.is_valid():
            text = _("Note not saved: please enter some text.")
            if "text" not in form.errors:
                text = _("Note not saved: enter a valid date.")
            self.message_user(request, text, "error")  # type: ignore[attr-defined]
            return
        note = form.instance
        note.tenant, note.author = backend_for(request).tenant, request.user
        note.contact_reference = object_reference(obj, str(obj))
        form.save()
