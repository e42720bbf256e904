"""A site with a user model that lacks permissions, groups, a name, an e-mail address and
``is_active``.
"""
