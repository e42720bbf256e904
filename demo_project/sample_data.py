"""Users, contacts, and what staff have done for them: notes, follow-ups and messages."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from demo_project.people import CONTACTS, STAFF
from ringotel_crm.backends import get_backend
from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization, PhoneKind
from ringotel_crm.models import (
    Activity,
    Agent,
    Callback,
    CallSubject,
    Conversation,
    FollowUp,
    Message,
    Note,
)
from ringotel_crm.records import Actor, Direction, MessageRecord, Status
from ringotel_crm.services import messages
from ringotel_crm.services.calls import callbacks
from ringotel_crm.simulator.scenarios import SUBJECTS

PASSWORD = "demo"

# Last name of the contact, author, text.
NOTES = [
    ("Notreal", "ada", "Prefers calls before noon. Orders oats in the first week of each month."),
    ("Notreal", "cleo", "Gets 5 % off since the late delivery in spring."),
    ("Fable", "ben", "Invoices go to Rosa, everything else to Quentin."),
    ("Muster", "dan", "Speaks German and English."),
]
# Last name of the contact, or "" for a missed call; assignee, days until due, text, done.
FOLLOW_UPS = [
    ("Notreal", "ada", -2, "Send the new price list", False),
    ("Fable", "cleo", -1, "Ask whether the invoice arrived", False),
    ("", "ada", 0, "Call back about the delivery", False),
    ("Muster", "demo", 0, "Confirm the date of the visit", False),
    ("Unreal", "ben", 3, "Offer the larger workbench", False),
    ("Nemo", "demo", 7, "Ask for a quote for the article", False),
    ("Invented", "ada", -3, "Send the contract", True),
]
# Number of the contact, extension, and the messages, oldest first: whether we sent it, the text.
CONVERSATIONS = [
    (
        "353839200101",
        "500",
        [
            (False, "Hello, has my order left yet?"),
            (True, "Good morning! It leaves today and arrives tomorrow before noon."),
            (False, "Great, thank you."),
            (False, "Could you put ten more bags on it?"),
        ],
    ),
    (
        "353839200201",
        "501",
        [
            (True, "The spare part for your boat is here."),
            (False, "Perfect. I will pick it up on Friday."),
            (True, "See you on Friday."),
        ],
    ),
    ("447700900999", "500", [(False, "Do you deliver to Wales?")]),
]
# Number of the contact, a reply from the CRM, what the SMS carrier reported, and why.
REPLIES = [
    ("353839200201", "The bill is in the bag.", Message.CarrierStatus.DELIVERED, ""),
    ("353839200201", "Please bring the old part.", Message.CarrierStatus.FAILED, "Number in use."),
]


@transaction.atomic
def create_people() -> None:
    """Create groups, users and contacts, unless they exist already."""
    call_command("ringotel_create_groups", stdout=StringIO())
    users = get_user_model()._default_manager
    for username, first_name, last_name, extension, role in STAFF:
        names = {"first_name": first_name, "last_name": last_name}
        user, created = users.get_or_create(
            username=username,
            defaults={
                **names,
                "email": f"{username}@example.com",
                "is_staff": True,
                "is_superuser": role == "administrator",
            },
        )
        if created:
            user.set_password(PASSWORD)
            user.save()
            user.groups.add(Group.objects.get(name=f"Ringotel {role}"))
        Agent.objects.get_or_create(user=user, defaults={"extension": extension})
    for subject in SUBJECTS:
        CallSubject.objects.get_or_create(name=subject)
    if not Contact.objects.exists():
        _create_contacts()


def _create_contacts() -> None:
    for company, switchboard, first_name, last_name, title, work, mobile in CONTACTS:
        organization = None
        if company:
            organization, _created = Organization.objects.get_or_create(
                name=company, defaults={"phone": switchboard}
            )
        contact = Contact.objects.create(
            first_name=first_name, last_name=last_name, job_title=title, organization=organization
        )
        for kind, number in ((PhoneKind.WORK, work), (PhoneKind.MOBILE, mobile)):
            if number:
                ContactPhone.objects.create(contact=contact, kind=kind, raw=number)


@transaction.atomic
def create_work() -> None:
    """Create notes, follow-ups, messages and a callback, unless some exist."""
    users = {user.get_username(): user for user in get_user_model()._default_manager.all()}
    if not Note.objects.exists():
        for last_name, author, text in NOTES:
            Note.objects.create(text=text, author=users[author], **_about(last_name))
    if not FollowUp.objects.exists():
        _create_follow_ups(users)
    if not Conversation.objects.exists():
        _create_messages(users)
    if not Callback.objects.exists():
        _take_caller(users["ben"])


def _take_caller(user: Any) -> None:
    """Let ``user`` call back the latest caller."""
    backend = get_backend(Actor(user=user))
    for caller in callbacks.callers_to_call_back(backend, user, limit=1):
        callbacks.take(backend, user, caller.last_call)


def _about(last_name: str) -> dict[str, Any]:
    """Return the reference to a contact, or to the latest missed call, as arguments of a model."""
    if not last_name:
        calls = Activity.objects.filter(direction=Direction.INBOUND, status=Status.MISSED)
        return {"activity": calls.first()}
    contact = Contact.objects.filter(last_name=last_name).earliest("pk")
    return {"contact": contact, "contact_name": str(contact)}


def _create_follow_ups(users: dict[str, Any]) -> None:
    for last_name, assignee, days, text, is_done in FOLLOW_UPS:
        user = users[assignee]
        FollowUp.objects.create(
            text=text,
            due=timezone.localdate() + dt.timedelta(days=days),
            assignee=user,
            created_by=users["cleo"],
            done_at=timezone.now() if is_done else None,
            done_by=user if is_done else None,
            **_about(last_name),
        )


def _create_messages(users: dict[str, Any]) -> None:
    """Log the messages of the last hours. The last one of each contact is unread."""
    backend = get_backend(Actor(user=users["demo"]))
    for number, extension, texts in CONVERSATIONS:
        at = timezone.now() - dt.timedelta(hours=3)
        for index, (is_ours, text) in enumerate(texts):
            at += dt.timedelta(minutes=23)
            sides = (extension, number) if is_ours else (number, extension)
            record = MessageRecord(
                id=f"demo-{number}-{index}",
                sender=sides[0],
                receiver=sides[1],
                at=at,
                session_id=f"demo-{number}",
                text=text,
            )
            messages.log_message(backend, record)
            if index < len(texts) - 1:
                messages.advance_message(backend, record.id, Message.Status.READ)
                messages.mark_read(backend, record.session_id, at)
    for index, (number, text, status, error) in enumerate(REPLIES):
        at = timezone.now() - dt.timedelta(minutes=20 - index)
        conversation = Conversation.objects.get(remote_number=number)
        messages.create_reply(conversation, f"demo-{index}", text, at)
        messages.record_receipt(status, key=f"demo-{index}", error=error)
