"""The page of a contact, for the mini-CRM's contacts and for models of the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, cast

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote, unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ..backends.mapping import split
from ..backends.model import ModelContactDirectory
from ..models import FollowUp, LegalHold, Message, Note
from ..services.calls.access import (
    all_calls,
    contact_calls,
    may_view_calls,
    may_view_contact_calls,
    visible_calls,
)
from ..services.calls.click_to_call import call_link
from ..services.calls.timeline import MAX_CALLS, call_totals, calls_for_contacts
from ..services.contacts.phone_index import keys_ending_in
from ..services.contacts.references import object_reference
from ..services.messages import messages_with
from .base import (
    MEDIA,
    UNSAVED,
    admin_url,
    backend_for,
    extend_template,
    read_where_written,
)
from .concurrent_edits import ConcurrentEditAdminMixin
from .contact_search import contact_directories
from .follow_ups import follow_up_field
from .linking import contact_numbers, link_new_numbers, originating_call
from .personal_data import personal_data_url, privacy_context
from .timeline import (
    call_list_url,
    follow_ups_of_calls,
    follow_ups_visible_to,
    mark_hidden,
    timeline,
    with_recordings,
)

# Per kind of entry in the timeline.
MAX_ENTRIES = 25
MAX_CONTACTS = 500
MAX_CONTACTS_IN_URL = 50
NOTE_FORM_ATTRIBUTE = "_ringotel_note_form"


class NoteForm(forms.Form):
    """Form that adds a note to a contact or, with a day, a follow-up."""

    prefix = "note"
    text = forms.CharField(
        label=gettext_lazy("Note"), widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"})
    )

    def __init__(self, request: HttpRequest, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        if request.user.has_perm("ringotel_crm.add_followup"):
            for name, label in (("due", _("Follow up on")), ("assignee", _("Person"))):
                field = follow_up_field(FollowUp._meta.get_field(name), request)
                field.label, field.required = label, False
                self.fields[name] = field
            self.fields["due"].initial = None

    def has_changed(self) -> bool:
        """Ignore the person: it is filled in at first, and a person alone is not a note."""
        return bool({"text", "due"}.intersection(self.changed_data))


class _NoteFormMixin:
    """Mixin of the form of a contact: it is invalid if the note is."""

    note_form: NoteForm | None = None

    def clean(self) -> Any:
        if self.note_form and not self.note_form.is_valid():
            self.add_error(None, _("Please correct the errors in the note."))  # type: ignore[attr-defined]
        return super().clean()  # type: ignore[misc]


class RingotelContactAdminMixin(ConcurrentEditAdminMixin):
    """Add a card and a timeline of calls, notes and messages above the form of a contact.

    The page keeps its own template: that of ``change_form_template``, of the project or of a theme.

    A new note is saved together with the form. What others have saved while the form was open is
    not overwritten, see ``concurrent_edits``.

    List the mixin before ``ModelAdmin``::

        @admin.register(Person)
        class PersonAdmin(RingotelContactAdminMixin, admin.ModelAdmin): ...
    """

    admin_site: AdminSite
    model: Any
    delete_selected_confirmation_template: Any = "admin/ringotel_crm/contact_delete_selected.html"

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
        return media + MEDIA + UNSAVED

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Add the form of the note."""
        form = super().get_form(request, obj, *args, **kwargs)
        note_form = self._ringotel_note_form(request, obj)
        return type(form)(form.__name__, (_NoteFormMixin, form), {"note_form": note_form})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember the numbers of the contact."""
        form.numbers_before = contact_numbers(request, obj) if change else set()
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the note too, and link the calls of numbers that are new."""
        super().save_related(request, form, formsets, change)
        obj = form.instance
        if form.note_form and form.note_form.has_changed():
            self._save_note(request, form.note_form, obj)
        url = self._ringotel_call_url(request) or self._ringotel_url("change", obj.pk)
        link_new_numbers(request, self.admin_site, obj, form.numbers_before, url)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Return to the call that the contact was created from."""
        if url := self._ringotel_call_url(request):
            return HttpResponseRedirect(url)
        response: HttpResponseRedirect = super().response_post_save_add(request, obj)  # type: ignore[misc]
        return response

    def _ringotel_call_url(self, request: HttpRequest) -> str:
        """Return the URL of the call that a contact is created from, "" without one."""
        call = originating_call(request)
        page = "ringotel_crm_activity_change"
        return admin_url(self.admin_site, page, call.pk) if call else ""

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
        view = self.admin_site.admin_view(require_POST(read_where_written(self.ringotel_note_view)))
        name = f"{self._ringotel_url_prefix()}_ringotel_note"
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<path:object_id>/ringotel-note/", view, name=name), *urls]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the card and the timeline of an existing object above the form."""
        obj = kwargs.get("obj")
        if obj is not None and obj.pk:
            context |= {"title": str(obj), "ringotel": self.get_ringotel_context(request, obj)}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return extend_template(response, "admin/ringotel_crm/contact_change_form.html")

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """Explain what happens to the calls, and offer to erase everything instead."""
        contact_id = self._ringotel_contact_id(request, context["object"])
        if contact_id:
            url = personal_data_url(request, self.admin_site, contact=contact_id)
            context |= {"ringotel_deletes_contact": True, "ringotel_erase_url": url}
        response: HttpResponse = super().render_delete_form(request, context)  # type: ignore[misc]
        return extend_template(response, "admin/ringotel_crm/contact_delete.html")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Add the legal holds to the objects that prevent the deletion."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        keys = [str(obj.pk) for obj in objs]
        kind = ContentType.objects.get_for_model(self.model)
        holds = LegalHold.objects.filter(contact_type=kind, contact_id__in=keys)
        texts = [_("Legal hold: %(reason)s") % {"reason": hold.reason} for hold in holds]
        return deleted, counts, missing, [*protected, *texts]

    def get_ringotel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the context of the card and the timeline, in a fixed number of queries."""
        contacts = {
            str(contact.pk): contact
            for contact in islice(self.get_ringotel_contacts(request, obj), MAX_CONTACTS)
        }
        ids = list(contacts)
        # All contacts are of one model; a page without contacts stands for itself.
        contact_type = ContentType.objects.get_for_model(next(iter(contacts.values()), obj))
        backend, user = backend_for(request), request.user
        calls = calls_for_contacts(contact_calls(backend, user), ids, contact_type.pk)
        everything = calls_for_contacts(all_calls(backend), ids, contact_type.pk)
        is_own_page = contact_type.model_class() is type(obj) and ids == [str(obj.pk)]
        calls_shown = with_recordings(calls, user)[:MAX_ENTRIES]
        entries = list(calls_shown.prefetch_related(follow_ups_of_calls(user)))
        mark_hidden(entries, visible_calls(backend, user))
        totals = call_totals(calls) if may_view_calls(user) else None
        hidden = 0
        if totals and not may_view_contact_calls(user):
            hidden = everything.order_by()[:MAX_CALLS].count() - totals.calls
        return {
            "details": [text for text in self.get_ringotel_details(obj) if text],
            "numbers": [call_link(number) for number in self.get_ringotel_numbers(request, obj)],
            "totals": totals,
            "hidden_calls": hidden,
            "timeline": timeline(
                call=entries,
                note=self._ringotel_notes(obj).select_related("author")[:MAX_ENTRIES],
                follow_up=self._ringotel_follow_ups(request, obj)[:MAX_ENTRIES],
                message=self._ringotel_messages(request, contact_type.pk, ids)[:MAX_ENTRIES],
            ),
            "max_entries": MAX_ENTRIES,
            "shows_names": not is_own_page,
            "all_calls_url": call_list_url(
                self.admin_site,
                contact_type=contact_type.pk,
                contact_id__in=",".join(ids[:MAX_CONTACTS_IN_URL]),
            ),
            "note_form": self._ringotel_note_form(request, obj),
            "note_url": self._ringotel_url("ringotel_note", obj.pk),
            "may_mark_done": request.user.has_perm("ringotel_crm.change_followup"),
            "privacy": self._ringotel_privacy(request, obj),
        }

    def _ringotel_url_prefix(self) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}"

    def _ringotel_url(self, page: str, *args: Any) -> str:
        return admin_url(
            self.admin_site, f"{self._ringotel_url_prefix()}_{page}", *map(quote, args)
        )

    def _ringotel_privacy(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the legal holds on a contact and the URLs of the buttons; {} without a contact."""
        contact_id = self._ringotel_contact_id(request, obj)
        if not contact_id:
            return {}
        return privacy_context(request, self.admin_site, contact_id, object_reference(obj))

    def _ringotel_contact_id(self, request: HttpRequest, obj: Any) -> str:
        """Return the backend's id of a contact; "" for another object, such as an organization."""
        return backend_for(request).contacts.from_reference(type(obj), str(obj.pk))

    def _ringotel_notes(self, obj: Any) -> QuerySet[Note]:
        return Note.objects.filter(**object_reference(obj).lookup)

    def _ringotel_follow_ups(self, request: HttpRequest, obj: Any) -> QuerySet[FollowUp]:
        """Return the follow-ups on the object itself, the latest first."""
        follow_ups = follow_ups_visible_to(request.user)
        return follow_ups.filter(**object_reference(obj).lookup).order_by("-pk")

    def _ringotel_messages(
        self, request: HttpRequest, content_type_id: int, ids: Sequence[str]
    ) -> QuerySet[Message]:
        """Return the messages with these contacts; none if the user may not view conversations."""
        if not request.user.has_perm("ringotel_crm.view_conversation"):
            return Message.objects.none()
        return messages_with(backend_for(request).tenant, content_type_id, ids)

    def _ringotel_note_form(self, request: HttpRequest, obj: Any) -> NoteForm | None:
        """Return the form of a note, which may stay empty; None if the user may not add one.

        Its inputs belong to the form of the page, if the user may save that.
        """
        if obj is None or not request.user.has_perm("ringotel_crm.add_note"):
            return None
        if invalid := getattr(request, NOTE_FORM_ATTRIBUTE, None):
            return cast(NoteForm, invalid)
        data = request.POST if request.method == "POST" else None
        form = NoteForm(request, data, empty_permitted=True, use_required_attribute=False)
        if self.has_change_permission(request, obj):  # type: ignore[attr-defined]
            for field in form.fields.values():
                field.widget.attrs["form"] = f"{self.model._meta.model_name}_form"
        return form

    def ringotel_note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add a note or a follow-up. A form with errors is shown again, with what was typed."""
        obj = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if obj is None:
            raise Http404
        may_view = self.has_view_permission(request, obj)  # type: ignore[attr-defined]
        if not (may_view and request.user.has_perm("ringotel_crm.add_note")):
            raise PermissionDenied
        form = NoteForm(request, request.POST)
        if form.is_valid():
            self._save_note(request, form, obj)
            url = self._ringotel_url("change", obj.pk)
            return HttpResponseRedirect(f"{url}#ringotel-timeline")
        setattr(request, NOTE_FORM_ATTRIBUTE, form)
        request.method = "GET"  # so that the form of the object itself is not processed
        return self.change_view(request, object_id)  # type: ignore[attr-defined,no-any-return]

    def _save_note(self, request: HttpRequest, form: NoteForm, obj: Any) -> None:
        """Save a note or, with a day, a follow-up."""
        values, user = form.cleaned_data, cast(Any, request.user)
        entry: Any = Note(text=values["text"], author=user)
        if values.get("due"):
            entry = FollowUp(**values, created_by=user)
        entry.tenant = backend_for(request).tenant
        entry.contact_reference = object_reference(obj, str(obj))
        entry.save()
