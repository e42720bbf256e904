"""Databases of released versions are migrated by later versions without loss."""
