"""The eleven hooks: read, one service, answer."""

from __future__ import annotations

from contextlib import ExitStack
from operator import attrgetter
from typing import Any

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from ..conf import conf
from ..exceptions import Invalid, Unsupported
from ..fetching import fetch_to
from ..records import CallEnd, CallNote, CallRef, CallStart, ContactDraft, ContactRecord
from ..services import calls, contacts, recordings
from . import serializers as s
from .hooks import HookViewSet, hook, stream
from .paging import PageIn, answer
from .uploads import read_upload


class UserViewSet(HookViewSet):
    """The CRM's users."""

    @hook("Users", gives=s.UserOut, many=True)
    def list(self, request: Request) -> HttpResponseBase:
        """Every active user."""
        return stream(s.UserOut, map(attrgetter(*s.columns(s.UserOut)), self.backend.users.records()))


class ContactViewSet(HookViewSet):
    """The CRM's contacts."""

    @hook("Contacts", gives=s.ContactOut, many=True)
    def list(self, request: Request) -> HttpResponseBase:
        """Every contact, or a page of them."""
        return answer(self.backend.contacts, s.ContactOut, self.read(PageIn))

    @hook("FindContact", takes=s.FindContactIn, gives=s.FoundContactOut, many=True)
    def find(self, request: Request) -> JsonResponse:
        """The one contact who has this number, or none."""
        found = contacts.identify(self.backend, self.read(s.FindContactIn).get("phone", ""))
        return JsonResponse({"results": [self.show(found)] if found else []})

    @hook("CreateContact", takes=s.ContactIn, gives=s.FoundContactOut, ability="contacts.can_create")
    def create(self, request: Request) -> JsonResponse:
        """The new contact, or the one that this describes again."""
        return JsonResponse(self.show(contacts.create_contact(self.backend, ContactDraft(**self.read(s.ContactIn)))))

    @hook("UpdateContact", takes=s.ContactChangesIn, gives=s.FoundContactOut, ability="contacts.can_update")
    def update(self, request: Request) -> JsonResponse:
        """The contact after what was said of it."""
        changes = self.read(s.ContactChangesIn)
        return JsonResponse(
            self.show(contacts.update_contact(self.backend, changes.pop("id"), ContactDraft(**changes)))
        )

    def show(self, contact: ContactRecord) -> dict[str, Any]:
        """The contact with the link to its page."""
        url = self.backend.contacts.url(contact.id)
        return {**s.renderer(s.ContactOut)(contact), "url": url and self.request.build_absolute_uri(url)}


class OrganizationViewSet(HookViewSet):
    """The CRM's companies."""

    @hook("Organizations", gives=s.OrganizationOut, many=True, ability="organizations")
    def list(self, request: Request) -> HttpResponseBase:
        """Every company, or a page of them."""
        if self.backend.organizations is None:
            raise Unsupported(_("This CRM has no companies."))
        return answer(self.backend.organizations, s.OrganizationOut, self.read(PageIn))


class ActivityViewSet(HookViewSet):
    """Calls."""

    @hook("CreateActivity", takes=s.CreateActivityIn, gives=s.ActivityOut)
    def create(self, request: Request) -> JsonResponse:
        """Log a call that begins."""
        return self.done(calls.start_call(self.backend, CallStart(**self.read(s.CreateActivityIn))))

    @hook("AssignActivity", takes=s.AssignActivityIn, gives=s.ActivityOut)
    def assign(self, request: Request) -> JsonResponse:
        """Say whose call it is."""
        given = self.read(s.AssignActivityIn)
        return self.done(calls.assign_call(self.backend, self.ref(given), given.get("contact_id", "")))

    @hook("UpdateActivity", takes=s.UpdateActivityIn, gives=s.ActivityOut)
    def update(self, request: Request) -> JsonResponse:
        """Write down what was said."""
        given = self.read(s.UpdateActivityIn)
        return self.done(calls.note_call(self.backend, self.ref(given), CallNote(**given)))

    @hook("StopCallActivity", takes=s.StopCallActivityIn, gives=s.ActivityOut)
    def stop(self, request: Request) -> JsonResponse:
        """Close the call."""
        given = self.read(s.StopCallActivityIn)
        return self.done(calls.stop_call(self.backend, self.ref(given), CallEnd(**given)))

    @hook(
        "UpdateCallRecording",
        takes=s.RecordingIn,
        gives=s.RecordingOut,
        content_type="multipart/form-data",
    )
    def record(self, request: Request) -> JsonResponse:
        """Keep the sound of the call."""
        limit = conf.RECORDING_MAX_BYTES
        with ExitStack() as stack:
            fields, file = stack.enter_context(read_upload(request._request, max_bytes=limit))
            given = self.read(s.FetchedRecordingIn, fields)
            ref = self.ref(given)
            if file is None and "recording_url" in given:
                file = stack.enter_context(recordings.temporary_file())
                fetch_to(file, given["recording_url"], max_bytes=limit)
            if file is None:
                message = _("An audio file is expected.")
                raise Invalid(message, fields={"recording": [message]})
            recording = recordings.store_recording(self.backend, ref, file)
        url = reverse("ringotel_crm:recording", args=[recording.pk])
        return JsonResponse({"id": str(recording.activity_id), "recording_url": request.build_absolute_uri(url)})

    def ref(self, given: dict[str, Any]) -> CallRef:
        """Take out of the input which call is meant."""
        ref = CallRef(activity_id=given.pop("activity_id", ""), call_id=given.pop("call_id", ""))
        if ref == CallRef():
            message = _("The activity's id is expected, or Ringotel's call id.")
            raise Invalid(message, fields={"id": [message]})
        return ref

    def done(self, activity: Any) -> JsonResponse:
        """The answer that stays the same however often a request comes."""
        return JsonResponse({"id": str(activity.pk)})
