"""Doors 2 and 3: calls and messages, told by Ringotel's Webhook integration and Messaging notifications."""
