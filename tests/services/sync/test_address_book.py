"""``ringotel_push_contacts``, ``ringotel_map_users`` and ``ringotel_sync_subjects``."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ringotel_crm.management.commands import ringotel_push_contacts
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import AddressBookLink, CallSubject, RingotelUser
from ringotel_crm.services.sync import checkpoints
from ringotel_crm.testing import Fault, RingotelServer
from tests.factories import make_contact, make_organization, make_user, number

pytestmark = pytest.mark.django_db


def run(command: str, *args: str) -> str:
    output = io.StringIO()
    call_command(f"ringotel_{command}", *args, stdout=output, stderr=io.StringIO())
    return output.getvalue()


def push(*args: str) -> str:
    return run("push_contacts", *args).strip().splitlines()[-1]


def names(ringotel: RingotelServer) -> list[str]:
    return sorted(contact["name"] for contact in ringotel.contacts.values())


def writes(ringotel: RingotelServer) -> list[str]:
    return [method for method in ringotel.methods() if not method.startswith("get")]


class TestPushContacts:
    def test_what_is_sent(self, ringotel: RingotelServer) -> None:
        make_contact(
            "Ada Example",
            number(1),
            organization=make_organization(),
            email="ada@example.com",
            job_title="Buyer",
        )

        assert push() == "add: 1, update: 0, delete: 0"
        assert list(ringotel.contacts.values()) == [
            {
                "name": "Ada Example",
                "info": {
                    "phone": [number(1)],
                    "mobile": [],
                    "email": ["ada@example.com"],
                    "organization": "Sample Ltd",
                    "position": "Buyer",
                },
            }
        ]

    def test_only_differences_are_sent_and_updates_are_whole(
        self, ringotel: RingotelServer
    ) -> None:
        ada, bo, cy = (
            make_contact(f"{name} Example", number(i)) for i, name in enumerate(("Ada", "Bo", "Cy"))
        )
        push()
        ringotel.requests.clear()
        assert push() == "add: 0, update: 0, delete: 0"
        assert writes(ringotel) == []

        bo.job_title = "Buyer"
        bo.save()
        cy.delete()
        make_contact("Di Example")
        assert push() == "add: 1, update: 1, delete: 1"
        assert names(ringotel) == ["Ada Example", "Bo Example", "Di Example"]
        updated = next(
            params["list"] for method, params in ringotel.requests if method == "updateContacts"
        )
        assert [
            (row["name"], row["info"]["phone"], row["info"]["position"]) for row in updated
        ] == [("Bo Example", [number(1)], "Buyer")]
        assert AddressBookLink.objects.count() == 3
        assert ada.pk

    def test_what_was_changed_or_deleted_over_there_is_put_right(
        self, ringotel: RingotelServer
    ) -> None:
        make_contact("Ada Example", number(1))
        make_contact("Bo Example", number(2))
        push()
        first, second = ringotel.contacts
        ringotel.contacts[first]["info"]["phone"] = ["1"]
        del ringotel.contacts[second]

        assert push() == "add: 1, update: 1, delete: 0"
        assert push() == "add: 0, update: 0, delete: 0"
        assert [contact["info"]["phone"] for contact in ringotel.contacts.values()] == [
            [number(1)],
            [number(2)],
        ]

    def test_who_is_there_already_is_not_added(self, ringotel: RingotelServer) -> None:
        make_contact("Ada Example", number(1), email="ada@example.com")
        info = {
            "phone": [number(1)],
            "mobile": [],
            "email": ["ada@example.com"],
            "organization": "",
            "position": "",
        }
        ringotel.contacts["7"] = {"name": "Ada Example", "info": info}
        assert push() == "add: 0, update: 0, delete: 0"

        info["email"] = ["ada@example.com", "old@example.com"]
        assert push() == "add: 0, update: 1, delete: 0"
        assert ringotel.contacts["7"]["info"]["email"] == ["ada@example.com"]

    def test_another_notation_is_no_difference(self, ringotel: RingotelServer) -> None:
        make_contact("Ada Example", number(1))
        push()
        next(iter(ringotel.contacts.values()))["info"]["phone"] = ["00442079460001"]

        assert push() == "add: 0, update: 0, delete: 0"

    def test_entries_of_others_stay_unless_asked(self, ringotel: RingotelServer) -> None:
        make_contact("Ada Example", number(1))
        ringotel.contacts["7"] = {"name": "Colleague's friend", "info": {}}

        assert push() == "add: 1, update: 0, delete: 0"
        assert names(ringotel) == ["Ada Example", "Colleague's friend"]
        assert push("--delete-others") == "add: 0, update: 0, delete: 1"
        assert names(ringotel) == ["Ada Example"]

    def test_a_dry_run_shows_a_table_and_sends_nothing(self, ringotel: RingotelServer) -> None:
        make_contact("Ada Example", number(1))
        table = run("push_contacts", "--dry-run")

        assert "add     Ada Example" in table
        assert "nothing was sent" in table
        assert number(1) not in table
        assert writes(ringotel) == []

    @pytest.mark.parametrize("fault", [Fault.RESET, Fault.LOST, Fault.ERROR_500, Fault.MALFORMED])
    @pytest.mark.parametrize("at", range(7))
    def test_after_a_break_nothing_is_doubled_and_nothing_is_missing(
        self, ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch, fault: Fault, at: int
    ) -> None:
        monkeypatch.setattr(ringotel_push_contacts, "BATCH", 2)
        contacts = [make_contact(f"Contact {i}", number(i)) for i in range(3)]
        push()
        contacts[0].delete()
        Contact.objects.filter(pk=contacts[1].pk).update(job_title="Buyer")
        for i in range(3, 6):
            make_contact(f"Contact {i}", number(i))
        make_contact(
            "Contact 5", number(5)
        )  # twice the same: there are two of them on the other side, too

        ringotel.requests.clear()
        ringotel.faults.extend([None] * at + [fault])
        broke = False
        try:
            push()
        except CommandError:
            broke = True
        ringotel.faults.clear()
        push()

        assert names(ringotel) == [
            "Contact 1",
            "Contact 2",
            "Contact 3",
            "Contact 4",
            "Contact 5",
            "Contact 5",
        ]
        assert AddressBookLink.objects.count() == 6
        assert push() == "add: 0, update: 0, delete: 0"
        assert broke or at in (0, 5, 6)  # what only reads is tried again

    def test_only_one_at_a_time(self, ringotel: RingotelServer) -> None:
        make_contact("Ada Example")
        with (
            checkpoints.exclusive("", "ringotel_push_contacts"),
            pytest.raises(CommandError, match="running already"),
        ):
            push()
        assert push() == "add: 1, update: 0, delete: 0"

    def test_an_empty_crm_does_not_empty_the_directory(self, ringotel: RingotelServer) -> None:
        make_contact("Ada Example")
        push()
        Contact.objects.all().delete()

        with pytest.raises(CommandError, match="has no contacts"):
            push()
        assert names(ringotel) == ["Ada Example"]


class TestMapUsers:
    @pytest.fixture(autouse=True)
    def people(self, ringotel: RingotelServer) -> None:
        make_user("una", "500", email="una@example.com")
        make_user("kim", "501", email="kim@example.com")
        ringotel.users = [
            {"id": "1", "name": "Una E.", "extension": "777", "email": "UNA@example.com"},
            {"id": "2", "name": "Kim", "extension": "501", "email": "other@example.com"},
            {"id": "3", "name": "Door phone", "extension": "900"},
        ]

    def rows(self) -> list[tuple[Any, ...]]:
        fields = ("name", "agent_name", "matched_by", "confirmed")
        return list(RingotelUser.objects.order_by("ringotel_id").values_list(*fields))

    def test_proposals(self, ringotel: RingotelServer) -> None:
        table = run("map_users")

        assert self.rows() == [
            ("Una E.", "una", "email", False),
            ("Kim", "kim", "extension", False),
            ("Door phone", "", "", False),
        ]
        assert [line.split()[0] for line in table.splitlines()] == [
            "Ringotel",
            "Una",
            "Kim",
            "Door",
        ]

    def test_what_was_confirmed_stays(self, ringotel: RingotelServer, admin_client: Client) -> None:
        run("map_users")
        url = "/admin/ringotel_crm/ringoteluser/"
        ids = list(RingotelUser.objects.values_list("pk", flat=True))
        page = admin_client.post(
            url, {"action": "confirm", "_selected_action": ids}, follow=True
        ).content.decode()
        assert "2 users confirmed" in page

        ringotel.users = [{"id": "1", "name": "Una Example", "email": "kim@example.com"}]
        run("map_users")
        assert self.rows() == [
            ("Una Example", "una", "email", True),
            ("Kim", "kim", "extension", True),
        ]

    def test_by_hand(self, ringotel: RingotelServer, admin_client: Client) -> None:
        run("map_users")
        door = RingotelUser.objects.get(ringotel_id="3")
        url = f"/admin/ringotel_crm/ringoteluser/{door.pk}/change/"
        assert (
            b"no active user"
            in admin_client.post(url, {"agent_id": "999", "confirmed": "on"}).content
        )

        admin_client.post(url, {"agent_id": make_user("porter").pk, "confirmed": "on"})
        assert self.rows()[2] == ("Door phone", "porter", "", True)


class TestSubjects:
    def ours(self) -> list[str]:
        return list(CallSubject.objects.values_list("name", flat=True))

    def test_both_sides_add_and_remove(self, ringotel: RingotelServer) -> None:
        CallSubject.objects.create(name="Sales")
        ringotel.subjects = ["Support", " Sales "]
        run("sync_subjects")
        assert self.ours() == ringotel.subjects == ["Sales", "Support"]

        CallSubject.objects.filter(name="Sales").delete()
        CallSubject.objects.create(name="Invoice")
        ringotel.subjects = ["Sales", "Delivery"]
        run("sync_subjects")
        assert self.ours() == ringotel.subjects == ["Invoice", "Delivery"]

    def test_nothing_is_sent_when_nothing_is_new(self, ringotel: RingotelServer) -> None:
        ringotel.subjects = ["Sales"]
        run("sync_subjects")
        run("sync_subjects")

        assert writes(ringotel) == []
        assert self.ours() == ["Sales"]

    def test_after_a_break_both_sides_agree(self, ringotel: RingotelServer) -> None:
        CallSubject.objects.create(name="Sales")
        ringotel.faults.extend([None, Fault.LOST])
        with pytest.raises(CommandError):
            run("sync_subjects")
        run("sync_subjects")

        assert self.ours() == ringotel.subjects == ["Sales"]
