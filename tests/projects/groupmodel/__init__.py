"""A site with a group model and permissions of its own: no group has Django's permissions, and the
only authentication backend ignores ``user_permissions``.
"""
