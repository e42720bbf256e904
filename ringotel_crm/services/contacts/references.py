"""References to contacts, as rows store them, from a backend's ids and a host's objects."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from ...backends import Backend
from ...records import ContactRecord, ContactReference

# Length of the column for the name.
MAX_NAME = 255


def to_reference(backend: Backend, contact_id: str, name: str = "") -> ContactReference:
    """Return the reference to the contact ``contact_id`` of ``backend``, which may be deleted."""
    model, key = backend.contacts.to_reference(contact_id)
    type_id = ContentType.objects.get_for_model(model).pk if model else None
    return ContactReference(type_id=type_id, id=key, name=name[:MAX_NAME])


def record_reference(backend: Backend, contact: ContactRecord | None) -> ContactReference:
    """Return the reference to ``contact``, an empty one for ``None``."""
    return to_reference(backend, contact.id, contact.name) if contact else ContactReference()


def object_reference(contact: Model, name: str = "") -> ContactReference:
    """Return the reference to an object of the host's contact model."""
    type_id = ContentType.objects.get_for_model(contact).pk
    return ContactReference(type_id=type_id, id=str(contact.pk), name=name[:MAX_NAME])
