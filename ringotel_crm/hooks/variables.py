"""The names of Ringotel's variables.

Ringotel's documentation names those of users and contacts. The others are our own choice, because
the public copy of that page is cut off before them; ``RINGOTEL_CRM["VARIABLE_NAMES"]`` renames any
of them. Requests use the field names: the name of a variable never reaches a serializer.
"""

from __future__ import annotations

from collections.abc import Collection

from ..conf import conf

# By resource of a serializer: the variable of each field. A dotted name is a field of a nested
# object.
VARIABLES: dict[str, dict[str, str]] = {
    "user": {
        "id": "user_id",
        "first_name": "firstname",
        "last_name": "lastname",
        "email": "email",
        "phone": "phone",
        "extension": "extension",
    },
    "contact": {
        "id": "contact_id",
        "first_name": "firstname",
        "last_name": "lastname",
        "email": "email",
        "phone": "phone",
        "mobile": "mobile",
        "organization.name": "company_name",
        "job_title": "job_title",
        "url": "contact_url",
    },
    "organization": {
        "id": "organization_id",
        "name": "company_name",
        "phone": "phone",
        "email": "email",
        "website": "website",
    },
    "activity": {
        "id": "activity_id",
        "call_id": "call_id",
        "activity_type": "activity_type",
        "caller_number": "caller_number",
        "called_number": "called_number",
        "call_start": "call_start",
        "call_end": "call_end",
        "call_duration": "call_duration",
        "call_cause": "call_cause",
        "user_id": "user_id",
        "user_email": "user_email",
        "contact_id": "contact_id",
        "extension": "extension",
        "subject": "subject",
        "comment": "comment",
        "recording": "recording",
        "recording_url": "recording_url",
    },
}


def names() -> set[str]:
    """Return all default variable names."""
    return {variable for fields in VARIABLES.values() for variable in fields.values()}


def placeholder(
    hook: str, resource: str, field: str, request_variables: Collection[str] = ()
) -> str:
    """Return the placeholder of a field in the document, such as ``$firstname$``.

    ``request_variables``: the default variable names of the request, if the field is in the
    response of ``hook``. A variable renamed for one hook ("FindContact.phone") is the one of its
    request if both have it: the ``$phone$`` to search for is not the ``$phone$`` found.
    """
    name = VARIABLES[resource][field]
    renamed = conf.VARIABLE_NAMES
    hook_name = "" if name in request_variables else renamed.get(f"{hook}.{name}")
    return f"${hook_name or renamed.get(name) or name}$"
