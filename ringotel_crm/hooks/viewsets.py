"""The eleven hooks. Each validates its input, calls one service and renders the result."""

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
from ..models import Activity
from ..records import CallEnd, CallNote, CallRef, CallStart, ContactInput, ContactRecord
from ..services.calls import lifecycle
from ..services.contacts.identify import identify
from ..services.contacts.write import create_contact, update_contact
from ..services.recordings import store
from . import serializers
from .base import HookViewSet, hook
from .paging import PageRequest, list_response
from .streaming import ListWriter
from .uploads import read_upload


class UserViewSet(HookViewSet):
    """The users of the CRM."""

    @hook("Users", response_serializer=serializers.UserResponse, many=True)
    def list(self, request: Request) -> HttpResponseBase:
        """Return all active users."""
        writer = ListWriter(serializers.UserResponse)
        columns = attrgetter(*writer.attributes)
        return writer.response(map(columns, self.backend.users.records()))


class ContactViewSet(HookViewSet):
    """The contacts of the CRM."""

    @hook("Contacts", response_serializer=serializers.ContactResponse, many=True)
    def list(self, request: Request) -> HttpResponseBase:
        """Return all contacts, or a page of them."""
        page = self.validated_data(PageRequest)
        return list_response(self.backend.contacts, serializers.ContactResponse, page)

    @hook(
        "FindContact",
        request_serializer=serializers.FindContactRequest,
        response_serializer=serializers.FoundContactResponse,
        many=True,
    )
    def find(self, request: Request) -> JsonResponse:
        """Return the contact with this number, or an empty list."""
        data = self.validated_data(serializers.FindContactRequest)
        contact = identify(self.backend, data.get("phone", ""))
        return JsonResponse({"results": [self.contact_payload(contact)] if contact else []})

    @hook(
        "CreateContact",
        request_serializer=serializers.ContactRequest,
        response_serializer=serializers.FoundContactResponse,
        requires="contacts.can_create",
    )
    def create(self, request: Request) -> JsonResponse:
        """Create a contact, or return the existing one that the data identifies."""
        data = self.validated_data(serializers.ContactRequest)
        contact = create_contact(self.backend, ContactInput(**data))
        return JsonResponse(self.contact_payload(contact))

    @hook(
        "UpdateContact",
        request_serializer=serializers.ContactUpdateRequest,
        response_serializer=serializers.FoundContactResponse,
        requires="contacts.can_update",
    )
    def update(self, request: Request) -> JsonResponse:
        """Change the given fields of a contact."""
        data = self.validated_data(serializers.ContactUpdateRequest)
        contact = update_contact(self.backend, data.pop("id"), ContactInput(**data))
        return JsonResponse(self.contact_payload(contact))

    def contact_payload(self, contact: ContactRecord) -> dict[str, Any]:
        """Return the contact with the absolute URL of its page."""
        payload = serializers.compiled_renderer(serializers.ContactResponse)(contact)
        url = self.backend.contacts.url(contact.id)
        return {**payload, "url": url and self.request.build_absolute_uri(url)}


class OrganizationViewSet(HookViewSet):
    """The organizations of the CRM."""

    @hook(
        "Organizations",
        response_serializer=serializers.OrganizationResponse,
        many=True,
        requires="organizations",
    )
    def list(self, request: Request) -> HttpResponseBase:
        """Return all organizations, or a page of them. Raises ``Unsupported`` for a backend without
        organizations.
        """
        if self.backend.organizations is None:
            raise Unsupported(_("This CRM has no organizations."))
        page = self.validated_data(PageRequest)
        return list_response(self.backend.organizations, serializers.OrganizationResponse, page)


class ActivityViewSet(HookViewSet):
    """Calls. All hooks return the id of the call, which is the same for a repeated request."""

    @hook(
        "CreateActivity",
        request_serializer=serializers.CreateActivityRequest,
        response_serializer=serializers.ActivityResponse,
    )
    def create(self, request: Request) -> JsonResponse:
        """Log a call."""
        data = self.validated_data(serializers.CreateActivityRequest)
        return self.activity_response(lifecycle.start_call(self.backend, CallStart(**data)))

    @hook(
        "AssignActivity",
        request_serializer=serializers.AssignActivityRequest,
        response_serializer=serializers.ActivityResponse,
    )
    def assign(self, request: Request) -> JsonResponse:
        """Assign a call to a contact, or to none."""
        data = self.validated_data(serializers.AssignActivityRequest)
        ref = self.pop_call_ref(data)
        activity = lifecycle.assign_call(self.backend, ref, data.get("contact_id", ""))
        return self.activity_response(activity)

    @hook(
        "UpdateActivity",
        request_serializer=serializers.UpdateActivityRequest,
        response_serializer=serializers.ActivityResponse,
    )
    def update(self, request: Request) -> JsonResponse:
        """Change subject and comment of a call."""
        data = self.validated_data(serializers.UpdateActivityRequest)
        ref = self.pop_call_ref(data)
        return self.activity_response(lifecycle.update_notes(self.backend, ref, CallNote(**data)))

    @hook(
        "StopCallActivity",
        request_serializer=serializers.StopCallActivityRequest,
        response_serializer=serializers.ActivityResponse,
    )
    def stop(self, request: Request) -> JsonResponse:
        """Close a call."""
        data = self.validated_data(serializers.StopCallActivityRequest)
        ref = self.pop_call_ref(data)
        return self.activity_response(lifecycle.stop_call(self.backend, ref, CallEnd(**data)))

    @hook(
        "UpdateCallRecording",
        request_serializer=serializers.RecordingRequest,
        response_serializer=serializers.RecordingResponse,
        content_type="multipart/form-data",
    )
    def record(self, request: Request) -> JsonResponse:
        """Store the recording of a call: an uploaded file, or one to download from
        ``recording_url``.
        """
        limit = conf.RECORDING_MAX_BYTES
        with ExitStack() as stack:
            fields, file = stack.enter_context(read_upload(request._request, max_bytes=limit))
            data = self.validated_data(serializers.RecordingUrlRequest, fields)
            ref = self.pop_call_ref(data)
            if file is None and "recording_url" in data:
                file = stack.enter_context(store.temporary_file())
                download_to(file, data["recording_url"], max_bytes=limit)
            if file is None:
                message = _("Send an audio file.")
                raise InvalidInput(message, fields={"recording": [message]})
            recording = store.store_recording(self.backend, ref, file)
        path = reverse("ringotel_crm:recording", args=[recording.pk])
        url = request.build_absolute_uri(path)
        return JsonResponse({"id": str(recording.activity_id), "recording_url": url})

    def pop_call_ref(self, data: dict[str, Any]) -> CallRef:
        """Remove the reference to the call from ``data`` and return it. Raises ``InvalidInput``
        without one.
        """
        ref = CallRef(activity_id=data.pop("activity_id", ""), call_id=data.pop("call_id", ""))
        if ref == CallRef():
            message = _("Enter the id of the activity, or Ringotel's call id.")
            raise InvalidInput(message, fields={"id": [message]})
        return ref

    def activity_response(self, activity: Activity) -> JsonResponse:
        return JsonResponse({"id": str(activity.pk)})
