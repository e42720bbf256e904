"""A small CRM for sites that have none. Leave it out of ``INSTALLED_APPS`` and it has no tables."""
