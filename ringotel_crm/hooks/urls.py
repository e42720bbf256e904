"""URLs of the hooks.

Paths contain no ids: ids are sent in the body, where a missing id is a missing field and not
another URL.
"""

from __future__ import annotations

from django.urls import path

from .viewsets import ActivityViewSet, ContactViewSet, OrganizationViewSet, UserViewSet

hooks = [
    path("users/", UserViewSet.as_view({"get": "list"}), name="users"),
    path(
        "contacts/",
        ContactViewSet.as_view({"get": "list", "post": "create", "patch": "update"}),
        name="contacts",
    ),
    path("contacts/find/", ContactViewSet.as_view({"get": "find"}), name="find-contact"),
    path("organizations/", OrganizationViewSet.as_view({"get": "list"}), name="organizations"),
    path(
        "activities/",
        ActivityViewSet.as_view({"post": "create", "patch": "update"}),
        name="activities",
    ),
    path("activities/assign/", ActivityViewSet.as_view({"post": "assign"}), name="assign-activity"),
    path("activities/stop/", ActivityViewSet.as_view({"post": "stop"}), name="stop-activity"),
    path(
        "activities/recording/", ActivityViewSet.as_view({"post": "record"}), name="record-activity"
    ),
]

# The trailing slash is optional: Django would answer a POST without it by a redirect.
urlpatterns = [
    *hooks,
    *(path(str(hook.pattern).removesuffix("/"), hook.callback) for hook in hooks),
]
