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
from ..exceptions import InvalidInput, Unsupported
from ..media.safe_fetch import download_to
from ..records import CallEnd, CallNote, CallRef, CallStart, ContactInput, ContactRecord
from ..services.calls import lifecycle
from ..services.contacts.identify import identify
from ..services.contacts.write import create_contact, update_contact
from ..services.recordings import store
from . import serializers as s
from .base import HookViewSet, hook
from .paging import PageRequest, list_response
from .streaming import stream
from .uploads import read_upload


class UserViewSet(HookViewSet):
    """The CRM's users."""

    @hook("Users", response_serializer=s.UserResponse, many=True)
    def list(self, request: Request) -> HttpResponseBase:
        """Every active user."""
        return stream(
            s.UserResponse,
            map(attrgetter(*s.leaf_attributes(s.UserResponse)), self.backend.users.records()),
        )


class ContactViewSet(HookViewSet):
    """The CRM's contacts."""

    @hook("Contacts", response_serializer=s.ContactResponse, many=True)
    def list(self, request: Request) -> HttpResponseBase:
        """Every contact, or a page of them."""
        return list_response(
            self.backend.contacts, s.ContactResponse, self.validated_data(PageRequest)
        )

    @hook(
        "FindContact",
        request_serializer=s.FindContactRequest,
        response_serializer=s.FoundContactResponse,
        many=True,
    )
    def find(self, request: Request) -> JsonResponse:
        """The one contact who has this number, or none."""
        found = identify(self.backend, self.validated_data(s.FindContactRequest).get("phone", ""))
        return JsonResponse({"results": [self.contact_payload(found)] if found else []})

    @hook(
        "CreateContact",
        request_serializer=s.ContactRequest,
        response_serializer=s.FoundContactResponse,
        requires="contacts.can_create",
    )
    def create(self, request: Request) -> JsonResponse:
        """The new contact, or the one that this describes again."""
        return JsonResponse(
            self.contact_payload(
                create_contact(self.backend, ContactInput(**self.validated_data(s.ContactRequest)))
            )
        )

    @hook(
        "UpdateContact",
        request_serializer=s.ContactUpdateRequest,
        response_serializer=s.FoundContactResponse,
        requires="contacts.can_update",
    )
    def update(self, request: Request) -> JsonResponse:
        """The contact after what was said of it."""
        changes = self.validated_data(s.ContactUpdateRequest)
        return JsonResponse(
            self.contact_payload(
                update_contact(self.backend, changes.pop("id"), ContactInput(**changes))
            )
        )

    def contact_payload(self, contact: ContactRecord) -> dict[str, Any]:
        """The contact with the link to its page."""
        url = self.backend.contacts.url(contact.id)
        return {
            **s.compiled_renderer(s.ContactResponse)(contact),
            "url": url and self.request.build_absolute_uri(url),
        }


class OrganizationViewSet(HookViewSet):
    """The CRM's companies."""

    @hook(
        "Organizations",
        response_serializer=s.OrganizationResponse,
        many=True,
        requires="organizations",
    )
    def list(self, request: Request) -> HttpResponseBase:
        """Every company, or a page of them."""
        if self.backend.organizations is None:
            raise Unsupported(_("This CRM has no companies."))
        return list_response(
            self.backend.organizations, s.OrganizationResponse, self.validated_data(PageRequest)
        )


class ActivityViewSet(HookViewSet):
    """Calls."""

    @hook(
        "CreateActivity",
        request_serializer=s.CreateActivityRequest,
        response_serializer=s.ActivityResponse,
    )
    def create(self, request: Request) -> JsonResponse:
        """Log a call that begins."""
        return self.activity_response(
            lifecycle.start_call(
                self.backend, CallStart(**self.validated_data(s.CreateActivityRequest))
            )
        )

    @hook(
        "AssignActivity",
        request_serializer=s.AssignActivityRequest,
        response_serializer=s.ActivityResponse,
    )
    def assign(self, request: Request) -> JsonResponse:
        """Say whose call it is."""
        given = self.validated_data(s.AssignActivityRequest)
        return self.activity_response(
            lifecycle.assign_call(
                self.backend, self.pop_call_ref(given), given.get("contact_id", "")
            )
        )

    @hook(
        "UpdateActivity",
        request_serializer=s.UpdateActivityRequest,
        response_serializer=s.ActivityResponse,
    )
    def update(self, request: Request) -> JsonResponse:
        """Write down what was said."""
        given = self.validated_data(s.UpdateActivityRequest)
        return self.activity_response(
            lifecycle.update_notes(self.backend, self.pop_call_ref(given), CallNote(**given))
        )

    @hook(
        "StopCallActivity",
        request_serializer=s.StopCallActivityRequest,
        response_serializer=s.ActivityResponse,
    )
    def stop(self, request: Request) -> JsonResponse:
        """Close the call."""
        given = self.validated_data(s.StopCallActivityRequest)
        return self.activity_response(
            lifecycle.stop_call(self.backend, self.pop_call_ref(given), CallEnd(**given))
        )

    @hook(
        "UpdateCallRecording",
        request_serializer=s.RecordingRequest,
        response_serializer=s.RecordingResponse,
        content_type="multipart/form-data",
    )
    def record(self, request: Request) -> JsonResponse:
        """Keep the sound of the call."""
        limit = conf.RECORDING_MAX_BYTES
        with ExitStack() as stack:
            fields, file = stack.enter_context(read_upload(request._request, max_bytes=limit))
            given = self.validated_data(s.RecordingUrlRequest, fields)
            ref = self.pop_call_ref(given)
            if file is None and "recording_url" in given:
                file = stack.enter_context(store.temporary_file())
                download_to(file, given["recording_url"], max_bytes=limit)
            if file is None:
                message = _("An audio file is expected.")
                raise InvalidInput(message, fields={"recording": [message]})
            recording = store.store_recording(self.backend, ref, file)
        url = reverse("ringotel_crm:recording", args=[recording.pk])
        return JsonResponse(
            {"id": str(recording.activity_id), "recording_url": request.build_absolute_uri(url)}
        )

    def pop_call_ref(self, given: dict[str, Any]) -> CallRef:
        """Take out of the input which call is meant."""
        ref = CallRef(activity_id=given.pop("activity_id", ""), call_id=given.pop("call_id", ""))
        if ref == CallRef():
            message = _("The activity's id is expected, or Ringotel's call id.")
            raise InvalidInput(message, fields={"id": [message]})
        return ref

    def activity_response(self, activity: Any) -> JsonResponse:
        """The answer that stays the same however often a request comes."""
        return JsonResponse({"id": str(activity.pk)})
