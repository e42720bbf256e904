"""The one table of Ringotel's variable names.

Known from Ringotel's page: those of users and contacts. The others are our own choice, because the public copy of
that page is cut off before them; ``RINGOTEL_CRM["VARIABLE_NAMES"]`` renames any of them without a change of code.
Bodies are read by our field names: what a variable is called never reaches a serializer.
"""

from __future__ import annotations

from collections.abc import Collection

from ..conf import conf

# What a serializer is about -> its fields (a dot descends) -> the variable that fills or captures the field.
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
    """Every variable of the table, as it is called without settings."""
    return {variable for fields in VARIABLES.values() for variable in fields.values()}


def placeholder(hook: str, subject: str, field: str, asked: Collection[str] = ()) -> str:
    """What stands in the document for this field, e.g. ``$firstname$``.

    ``asked`` holds the variables of the hook's request, if the field is in its answer: a name for this hook alone is
    the request's. FindContact asks with one ``$phone$`` and answers with another.
    """
    name = VARIABLES[subject][field]
    renamed = conf.VARIABLE_NAMES
    return f"${(name not in asked and renamed.get(f'{hook}.{name}')) or renamed.get(name) or name}$"
