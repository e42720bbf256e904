"""An example of a CRM with its own models. ``phones.py`` connects it to ringotel_crm."""
