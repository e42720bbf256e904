"""The fields of a contact that a column of a file can hold."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

KINDS = ("work", "mobile", "home", "fax", "other")
PHONE_FIELDS = tuple(f"{kind}_phone" for kind in KINDS)
TEXT_FIELDS = ("first_name", "last_name", "job_title", "email", "company")

# Columns of one row may hold these in addition: parts of a name, and the label of another column.
FIELD_LABELS = {
    "first_name": _("First name"),
    "middle_name": _("Middle name"),
    "last_name": _("Last name"),
    "name": _("Full name"),
    "company": _("Company"),
    "job_title": _("Job title"),
    "email": _("E-mail"),
    "work_phone": _("Work phone"),
    "mobile_phone": _("Mobile phone"),
    "home_phone": _("Home phone"),
    "fax_phone": _("Fax"),
    "other_phone": _("Other phone"),
    "phone_label": _("Label of a phone column"),
}
FIELDS = tuple(FIELD_LABELS)
