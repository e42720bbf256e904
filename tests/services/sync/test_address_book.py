"""``ringotel_push_contacts``, ``ringotel_map_users`` and ``ringotel_sync_subjects``."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from ringotel_crm.backends import get_backend
from ringotel_crm.management.commands import ringotel_push_contacts
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, AddressBookLink, CallSubject, RingotelUser
from ringotel_crm.records import Actor
from ringotel_crm.services.sync import checkpoints, user_mapping
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer, Variant
from ringotel_crm.testing.ringotel_account import BRANCH_ID
from tests.api import Api
from tests.factories import make_contact, make_organization, make_user, number
from tests.webhooks.sender import Sender, make_webhook, started

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
        info = {"phone": [number(1)], "email": ["ada@example.com"]}
        ringotel.contacts["7"] = {"name": "Ada Example", "info": info}
        assert push() == "add: 0, update: 0, delete: 0"

        info["email"] = ["ada@example.com", "old@example.com"]
        assert push() == "add: 0, update: 1, delete: 0"
        assert ringotel.contacts["7"]["info"]["email"] == ["ada@example.com"]

    def test_update_keeps_what_no_contact_of_the_crm_has(self, ringotel: RingotelServer) -> None:
        ada = make_contact("Ada Example", number(1))
        push()
        [id] = ringotel.contacts
        extra = {"fax": ["1"], "sip": ["ada@example.com"], "department": "IT", "about": "Pays late"}
        ringotel.contacts[id]["info"] |= extra
        ada.job_title = "Buyer"
        ada.save()

        assert push() == "add: 0, update: 1, delete: 0"
        info = ringotel.contacts[id]["info"]
        assert {name: info[name] for name in extra} == extra
        assert info["position"] == "Buyer"

    def test_new_ids_are_read_from_the_answer(self, ringotel: RingotelServer) -> None:
        contacts = [make_contact(f"Contact {i}", number(i)) for i in range(3)]
        make_contact("Contact 0", number(0))
        push()

        assert ringotel.methods() == ["getContacts", "importContacts"]
        assert AddressBookLink.objects.count() == 4
        entries = dict(AddressBookLink.objects.values_list("contact_id", "ringotel_id"))
        for contact in contacts:
            assert ringotel.contacts[entries[str(contact.pk)]]["name"] == str(contact)

    def test_ids_missing_from_the_answer_are_found_by_content(
        self, ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_contact("Ada Example", number(1))
        make_contact("Bo Example", number(2))
        add = ringotel.on_importContacts
        monkeypatch.setattr(ringotel, "on_importContacts", lambda params: add(params)[1:])
        push()

        assert ringotel.methods() == ["getContacts", "importContacts", "getContacts"]
        assert push() == "add: 0, update: 0, delete: 0"

    @pytest.mark.parametrize("shape", RefusalShape)
    def test_refused_deletion_is_repeated_by_the_next_run(
        self, ringotel: RingotelServer, shape: RefusalShape
    ) -> None:
        make_contact("Ada Example", number(1))
        bo = make_contact("Bo Example", number(2))
        push()
        bo.delete()
        ringotel.refusal = shape
        ringotel.refusals["deleteContacts"] = "Try again"

        with pytest.raises(CommandError, match="Try again"):
            push()
        ringotel.refusals.clear()
        assert push() == "add: 0, update: 0, delete: 1"
        assert names(ringotel) == ["Ada Example"]

    @pytest.mark.parametrize("variants", [set(), set(Variant)])
    def test_variants_of_the_answer_are_no_difference(
        self, ringotel: RingotelServer, variants: set[Variant]
    ) -> None:
        make_contact("Ada Example", number(1), email="ada@example.com")
        make_contact("Bo Example", number(2))
        push()
        ringotel.variants = variants

        assert push() == "add: 0, update: 0, delete: 0"

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
            pytest.raises(CommandError, match="already running"),
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
        ringotel.add_user("Una E.", "777", email="UNA@example.com", id="1")
        ringotel.add_user("Kim", "501", email="other@example.com", id="2")
        ringotel.add_user("Lobby phone", "900", id="3")

    def rows(self) -> list[tuple[Any, ...]]:
        fields = ("name", "agent_name", "matched_by", "confirmed")
        return list(RingotelUser.objects.order_by("ringotel_id").values_list(*fields))

    def test_users_are_matched_by_email_else_by_extension(self, ringotel: RingotelServer) -> None:
        table = run("map_users")

        assert self.rows() == [
            ("Una E.", "una", "email", False),
            ("Kim", "kim", "extension", False),
            ("Lobby phone", "", "", False),
        ]
        lines = [line.split()[0] for line in table.splitlines()]
        assert lines == ["Ringotel", "Una", "Kim", "Lobby"]

    def test_user_without_info_is_matched_by_extension(self, ringotel: RingotelServer) -> None:
        ringotel.variants.add(Variant.USERS_WITHOUT_INFO)
        ringotel.users[0]["extension"] = "500"
        run("map_users")

        assert self.rows()[0] == ("Una E.", "una", "extension", False)

    def test_parking_slots_and_ai_agents_are_left_out(self, ringotel: RingotelServer) -> None:
        make_user("slot", "5901")
        make_user("robot", "9010")
        ringotel.add_user("Park 1", "5901", status=-2, state=-1)
        ringotel.add_user("AI agent", "9010", id="9")
        ringotel.agents = [{"id": "8", "userid": "9", "extension": "9010", "name": "AI agent"}]
        run("map_users")

        assert [row[0] for row in self.rows()] == ["Una E.", "Kim", "Lobby phone"]

    def test_attached_extension_shares_the_match_of_its_owner(
        self, ringotel: RingotelServer
    ) -> None:
        ringotel.add_user("Una E.", "510", email="una@example.com", attached=("511",), id="5")
        run("map_users")
        RingotelUser.objects.filter(ringotel_id="5").update(confirmed=True)
        attached = RingotelUser.objects.get(extension="511")

        assert attached.owner == RingotelUser.objects.get(ringotel_id="5")
        assert (attached.agent_name, attached.matched_by) == ("una", "attached")
        backend = get_backend(Actor(user=None))
        assert user_mapping.agent_id(backend, attached.ringotel_id) == str(
            User.objects.get(username="una").pk
        )

    def test_user_is_matched_by_an_attached_extension(self, ringotel: RingotelServer) -> None:
        make_user("bo", "521")
        ringotel.add_user("Bo", "520", attached=("521",), id="5")
        run("map_users")

        assert RingotelUser.objects.get(ringotel_id="5").agent_name == "bo"
        assert RingotelUser.objects.get(ringotel_id="5").matched_by == "attached"

    def test_confirmed_match_is_kept(self, ringotel: RingotelServer, admin_client: Client) -> None:
        run("map_users")
        url = "/admin/ringotel_crm/ringoteluser/"
        ids = list(RingotelUser.objects.values_list("pk", flat=True))
        data = {"action": "confirm", "_selected_action": ids}
        page = admin_client.post(url, data, follow=True).content.decode()
        assert "2 users confirmed" in page

        ringotel.users = []
        ringotel.add_user("Una Example", "", email="kim@example.com", id="1")
        run("map_users")
        assert self.rows() == [
            ("Una Example", "una", "email", True),
            ("Kim", "kim", "extension", True),
        ]

    def test_match_can_be_entered_by_hand(
        self, ringotel: RingotelServer, admin_client: Client
    ) -> None:
        run("map_users")
        lobby = RingotelUser.objects.get(ringotel_id="3")
        url = f"/admin/ringotel_crm/ringoteluser/{lobby.pk}/change/"
        porter = make_user("porter")
        choice = f'<option value="{porter.pk}">porter</option>'
        assert choice in admin_client.get(url).content.decode()
        data = {"agent_id": "999", "confirmed": "on"}
        assert b"Select a valid choice" in admin_client.post(url, data).content

        admin_client.post(url, {"agent_id": porter.pk, "confirmed": "on"})
        assert self.rows()[2] == ("Lobby phone", "porter", "", True)

    def test_match_of_an_attached_extension_cannot_be_edited(
        self, ringotel: RingotelServer, admin_client: Client
    ) -> None:
        ringotel.add_user("Una E.", "510", attached=("511",), id="5")
        run("map_users")
        attached = RingotelUser.objects.get(extension="511")
        url = f"/admin/ringotel_crm/ringoteluser/{attached.pk}/change/"

        assert b'name="agent_id"' not in admin_client.get(url).content
        admin_client.post(url, {"agent_id": make_user("porter").pk, "confirmed": "on"})
        attached.refresh_from_db()
        assert (attached.agent_name, attached.confirmed) == ("", False)


class TestCreateUsers:
    @pytest.fixture(autouse=True)
    def people(self, ringotel: RingotelServer) -> None:
        make_user("una", "500", email="una@example.com")
        make_user("kim", "501", email="")
        make_user("bo")
        ringotel.add_user("Una", "500", email="una@example.com")

    def created(self, ringotel: RingotelServer) -> list[dict[str, Any]]:
        return [params for method, params in ringotel.requests if method == "createUser"]

    def test_missing_users_are_only_counted_without_the_option(
        self, ringotel: RingotelServer
    ) -> None:
        assert "To create: kim (501)" in run("map_users")
        assert "Create with --create" in run("map_users")
        assert self.created(ringotel) == []

    def test_dry_run_reports_and_stores_nothing(self, ringotel: RingotelServer) -> None:
        assert "To create: kim (501)" in run("map_users", "--create", "--dry-run")
        assert self.created(ringotel) == []
        assert not RingotelUser.objects.exists()

    def test_missing_user_is_created_once_and_mapped(self, ringotel: RingotelServer) -> None:
        assert "Created: kim (501)" in run("map_users", "--create")
        run("map_users", "--create")

        assert self.created(ringotel) == [
            {
                "orgid": ringotel.org_id,
                "branchid": BRANCH_ID,
                "name": "kim",
                "extension": "501",
                "domain": ringotel.domain,
                "status": 0,
            }
        ]
        row = RingotelUser.objects.get(extension="501")
        assert (row.agent_name, row.confirmed) == ("kim", True)

    def test_user_can_be_activated(self, ringotel: RingotelServer) -> None:
        run("map_users", "--create", "--activate")

        assert [params["status"] for params in self.created(ringotel)] == [1]

    def test_connection_is_asked_for_if_there_are_several(self, ringotel: RingotelServer) -> None:
        ringotel.branches.append({"id": "2", "name": "Branch office"})
        with pytest.raises(CommandError, match=r"PBX \(.*\), Branch office \(2\)"):
            run("map_users", "--create")
        run("map_users", "--create", "--connection", "Branch office")

        assert [params["branchid"] for params in self.created(ringotel)] == ["2"]

    @pytest.mark.parametrize("shape", RefusalShape)
    def test_refusal_by_the_plan_is_reported(
        self, ringotel: RingotelServer, shape: RefusalShape
    ) -> None:
        make_user("di", "502")
        ringotel.refusal, ringotel.refusals["createUser"] = shape, "Not on this plan"
        errors = io.StringIO()

        with pytest.raises(CommandError, match="2 of 2 users were not created"):
            call_command("ringotel_map_users", "--create", stdout=io.StringIO(), stderr=errors)
        assert errors.getvalue().count("Not on this plan") == 2
        assert not RingotelUser.objects.exclude(extension="500").exists()

    @pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET])
    def test_after_a_break_no_user_is_created_twice(
        self, ringotel: RingotelServer, fault: Fault
    ) -> None:
        ringotel.faults.extend([None, None, None, fault])
        with pytest.raises(CommandError, match=r"Stopped at kim \(501\)"):
            run("map_users", "--create")
        run("map_users", "--create")

        assert [user["extension"] for user in ringotel.users] == ["500", "501"]


class TestAttachedExtensions:
    """Calls on an attached extension are those of its owner."""

    @pytest.fixture(autouse=True)
    def people(self, ringotel: RingotelServer) -> None:
        make_user("una", "500")
        ringotel.add_user("Una", "500", attached=("501",))
        run("map_users")

    def test_call_over_the_hooks_has_the_owner_as_agent(self, api: Api) -> None:
        api.ok("CreateActivity", {"call_id": "c1", "caller_number": number(1), "extension": "501"})

        assert Activity.objects.get().agent_name == "una"

    @pytest.mark.parametrize("is_confirmed", [True, False])
    def test_call_over_the_webhook_has_the_owner_as_agent(self, is_confirmed: bool) -> None:
        RingotelUser.objects.filter(extension="500").update(confirmed=is_confirmed)
        attached = RingotelUser.objects.get(extension="501")
        sender = Sender(make_webhook())
        sender.send(started(extension="501", user_id=attached.ringotel_id))

        assert Activity.objects.get().agent_name == "una"

    def test_extension_of_two_connections_names_no_agent(self, api: Api) -> None:
        RingotelUser.objects.create(ringotel_id="2", name="Another", extension="501")
        api.ok("CreateActivity", {"call_id": "c1", "caller_number": number(1), "extension": "501"})

        assert Activity.objects.get().agent_name == ""


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
