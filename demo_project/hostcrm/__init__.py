"""A CRM that was there before: its own tables, its own habits. ``phones.py`` is all that it says to ringotel_crm."""
