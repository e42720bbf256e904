"""CreateContact and UpdateContact."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from ringotel_crm import signals
from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization, PhoneKind
from tests.api import Api
from tests.factories import make_contact, make_organization, number

ADA: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.com",
    "phone": "(020) 910 0001",
    "mobile": "083 913 4567",
    "organization": {"name": "Sample Ltd"},
    "job_title": "Baker",
}


def phones(contact: Contact) -> list[tuple[str, str, str, str]]:
    return list(contact.phones.values_list("kind", "raw", "e164", "extension"))


def create(api: Api, **data: Any) -> Contact:
    return Contact.objects.get(pk=api.id("CreateContact", data))


def person(contact: Contact) -> tuple[str, str, str, str, str]:
    return (
        contact.first_name,
        contact.last_name,
        contact.email,
        contact.job_title,
        str(contact.organization),
    )


# --- CreateContact ---


def test_contact_is_created(api: Api) -> None:
    response = api.ok("CreateContact", ADA)
    ada = Contact.objects.get()
    assert response == {
        "id": str(ada.pk),
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.com",
        "phone": "+353209100001",
        "mobile": "+353839134567",
        "organization": {"name": "Sample Ltd"},
        "job_title": "Baker",
        "url": f"http://testserver/admin/ringotel_minicrm/contact/{ada.pk}/change/",
    }
    assert person(ada) == ("Ada", "Example", "ada@example.com", "Baker", "Sample Ltd")
    assert phones(ada) == [
        ("work", "(020) 910 0001", "+353209100001", ""),
        ("mobile", "083 913 4567", "+353839134567", ""),
    ]


@pytest.mark.parametrize(
    "data",
    [
        {"first_name": "Ada"},
        {"last_name": "Example"},
        {"email": "ada@example.com"},
        {"phone": number(1)},
        {"mobile": number(1)},
        {"first_name": "Ada", "phone": "101"},
        {"first_name": "Ada", "phone": "not a number"},
        {"first_name": "Ada", "organization": {"name": "Sample Ltd"}},
    ],
)
def test_repeated_create_returns_the_same_contact(api: Api, data: dict[str, Any]) -> None:
    assert create(api, **data) == create(api, **data)
    assert Contact.objects.count() == 1


def test_name_alone_does_not_match_a_contact_with_more_data(api: Api) -> None:
    create(api, first_name="Ada", phone=number(1))
    create(api, first_name="Ada", email="ada@example.com")
    create(api, first_name="Ada", organization={"name": "Sample Ltd"})
    create(api, first_name="Ada")
    assert Contact.objects.count() == 4


@pytest.mark.parametrize("phone", ["anonymous", "not a number", "101", "0000000000"])
def test_invalid_number_does_not_replace_a_number(api: Api, phone: str) -> None:
    id = str(create(api, first_name="Ada", phone=number(1)).pk)
    assert api.refused("UpdateContact", {"id": id, "phone": phone, "first_name": "Eve"}).keys() == {
        "phone"
    }
    assert ContactPhone.objects.get().raw == number(1)
    assert Contact.objects.get().first_name == "Ada"


def test_name_matches_in_any_unicode_normalization(api: Api) -> None:
    create(api, first_name="Se\N{LATIN SMALL LETTER A WITH ACUTE}n", phone=number(1))
    create(api, first_name="Sea\N{COMBINING ACUTE ACCENT}n", phone=number(1))
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"job_title": "Baker"},
        {"organization": {}},
        {"organization": {"name": "A"}},
        {"phone": "$phone$"},
    ],
)
def test_contact_without_name_number_and_email_is_rejected(api: Api, data: dict[str, Any]) -> None:
    assert api.refused("CreateContact", data).keys() == {"first_name"}
    assert Contact.objects.count() == 0


def test_unparsable_number_is_kept_as_typed(api: Api) -> None:
    assert phones(create(api, first_name="Ada", phone="ask for Ada")) == [
        ("work", "ask for Ada", "", "")
    ]


def test_extension_and_second_number_are_kept(api: Api) -> None:
    ada = create(api, first_name="Ada", phone=f"{number(1)} x12 / {number(2)}")
    assert [(kind, e164, extension) for kind, _, e164, extension in phones(ada)] == [
        ("work", number(1), "12"),
        ("work", number(2), ""),
    ]


@pytest.mark.parametrize(
    "again",
    [
        ADA,
        {"first_name": "Ada", "last_name": "Example", "phone": "+353 20 910 0001"},
        {"first_name": "ADA", "last_name": " example", "mobile": "+353 20 910 0001"},
        {"first_name": "Ada", "last_name": "Example", "phone": "00353839134567"},
        {"first_name": "ada", "last_name": "EXAMPLE", "email": "ADA@example.com"},
        {"first_name": "Ada Example", "email": "ada@example.com"},
        {
            "first_name": "Ada",
            "last_name": "Example",
            "email": "new@example.com",
            "phone": "0209100001",
        },
    ],
)
def test_matching_data_returns_the_existing_contact(api: Api, again: dict[str, Any]) -> None:
    first = api.ok("CreateContact", ADA)
    assert api.ok("CreateContact", again) == first
    assert (
        Contact.objects.count(),
        ContactPhone.objects.count(),
        Organization.objects.count(),
    ) == (1, 2, 1)


@pytest.mark.parametrize(
    "other",
    [
        {**ADA, "first_name": "Bea"},
        {"first_name": "Ada", "last_name": "Example"},
        {
            "first_name": "Ada",
            "last_name": "Example",
            "phone": number(9),
            "email": "other@example.com",
        },
        {"first_name": "Ada", "last_name": "Example", "organization": {"name": "Sample Ltd"}},
        {"phone": ADA["phone"]},
    ],
)
def test_different_person_is_created(api: Api, other: dict[str, Any]) -> None:
    create(api, **ADA)
    create(api, **other)
    assert Contact.objects.count() == 2


def test_existing_contact_gets_missing_data(api: Api) -> None:
    ada = make_contact("Ada Example", "020 910 0001", job_title="Owner")
    response = api.ok("CreateContact", ADA)
    ada.refresh_from_db()
    assert response["id"] == str(ada.pk)
    assert person(ada) == ("Ada", "Example", "ada@example.com", "Owner", "Sample Ltd")
    assert [e164 for _, _, e164, _ in phones(ada)] == ["+353209100001", "+353839134567"]


@pytest.mark.parametrize("field", ["phone", "mobile"])
def test_existing_contact_gets_an_additional_number(api: Api, field: str) -> None:
    data = {"first_name": "Ada", "last_name": "Example", "email": "ada@example.com"}
    first = api.ok("CreateContact", {**data, "phone": number(1), "mobile": number(2)})
    for _ in range(2):
        assert api.ok("CreateContact", {**data, field: number(3)}) == first
    for held in (number(1), number(2), number(3)):
        assert [found["id"] for found in api.results("FindContact", {"phone": held})] == [
            first["id"]
        ]
    assert ContactPhone.objects.count() == 3


def test_oldest_of_several_matches_is_returned(api: Api) -> None:
    first, _second = (make_contact("Ada Example", number(1)) for _ in range(2))
    assert create(api, first_name="Ada", last_name="Example", phone=number(1)) == first


def test_shared_number_matches_by_name(api: Api) -> None:
    make_contact("Bea Example", number(1))
    ada = make_contact("Ada Example", number(1))
    assert create(api, first_name="Ada", last_name="Example", phone=number(1)) == ada


@pytest.mark.parametrize("name", ["Sample Ltd", "SAMPLE  ltd", " sample Ltd "])
def test_organization_is_matched_by_normalized_name(api: Api, name: str) -> None:
    company = make_organization("Sample Ltd")
    assert create(api, first_name="Ada", organization={"name": name}).organization == company
    assert Organization.objects.count() == 1


def test_new_organization_is_created(api: Api) -> None:
    make_organization("Sample")
    assert (
        create(api, first_name="Ada", organization={"name": "Sample Ltd"}).organization is not None
    )
    assert list(Organization.objects.values_list("name", flat=True)) == ["Sample", "Sample Ltd"]


# --- UpdateContact ---


@pytest.fixture
def ada(api: Api) -> Contact:
    contact = create(api, **ADA)
    contact.phones.create(kind=PhoneKind.HOME, raw=number(5))
    contact.phones.create(kind=PhoneKind.FAX, raw=number(6))
    return contact


def update(api: Api, contact: Contact, **data: Any) -> Any:
    response = api.ok("UpdateContact", {"id": str(contact.pk), **data})
    contact.refresh_from_db()
    return response


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, ("Ada", "Example", "ada@example.com", "Baker", "Sample Ltd")),
        ({"first_name": "Eda"}, ("Eda", "Example", "ada@example.com", "Baker", "Sample Ltd")),
        ({"last_name": "Sample"}, ("Ada", "Sample", "ada@example.com", "Baker", "Sample Ltd")),
        ({"email": "A@Example.com"}, ("Ada", "Example", "a@example.com", "Baker", "Sample Ltd")),
        ({"job_title": "Owner"}, ("Ada", "Example", "ada@example.com", "Owner", "Sample Ltd")),
        (
            {"organization": {"name": "Other"}},
            ("Ada", "Example", "ada@example.com", "Baker", "Other"),
        ),
        ({"first_name": "", "last_name": None, "email": "$email$", "job_title": " "},) * 2,
    ],
)
def test_update_changes_present_fields_only(
    api: Api, ada: Contact, data: dict[str, Any], expected: Any
) -> None:
    before, numbers = person(ada), phones(ada)
    response = update(api, ada, **data)
    assert person(ada) == (before if expected is data else expected)
    assert phones(ada) == numbers
    assert (response["id"], response["first_name"]) == (str(ada.pk), ada.first_name)


def test_update_replaces_the_number_of_one_kind(api: Api, ada: Contact) -> None:
    response = update(api, ada, phone="020 910 0002")
    assert (response["phone"], response["mobile"]) == ("+353209100002", "+353839134567")
    assert phones(ada) == [
        ("work", "020 910 0002", "+353209100002", ""),
        ("mobile", "083 913 4567", "+353839134567", ""),
        ("home", number(5), number(5), ""),
        ("fax", number(6), number(6), ""),
    ]
    update(api, ada, mobile="083 913 9999")
    assert [kind for kind, _, _, _ in phones(ada)] == ["work", "mobile", "home", "fax"]
    assert phones(ada)[1][1:3] == ("083 913 9999", "+353839139999")


def test_replaced_number_finds_no_contact(api: Api, ada: Contact) -> None:
    update(api, ada, phone=number(7))
    assert api.results("FindContact", {"phone": "020 910 0001"}) == []
    assert [found["id"] for found in api.results("FindContact", {"phone": number(7)})] == [
        str(ada.pk)
    ]


def test_replaced_number_loses_its_extension(api: Api, ada: Contact) -> None:
    update(api, ada, phone=f"{number(7)} x12")
    assert phones(ada)[0] == ("work", f"{number(7)} x12", number(7), "12")
    update(api, ada, phone=number(8))
    assert phones(ada)[0] == ("work", number(8), number(8), "")


def test_too_long_extension_is_ignored(api: Api) -> None:
    created = api.ok(
        "CreateContact", {"last_name": "Example", "phone": f"tel:{number(7)};ext={'12' * 20}"}
    )
    assert api.results("FindContact", {"phone": number(7)}) == [created]


@pytest.mark.parametrize("kind", [PhoneKind.WORK, PhoneKind.HOME])
@pytest.mark.parametrize("shown", ["+353209100007", "353209100007", "020 910 0007"])
def test_unchanged_number_keeps_its_notation(api: Api, kind: PhoneKind, shown: str) -> None:
    bea = make_contact("Bea Example", "020-910 0007 x12", kind=kind)
    assert update(api, bea, phone=shown, job_title="Owner")["phone"] == "+353209100007"
    assert phones(bea) == [(kind, "020-910 0007 x12", "+353209100007", "12")]


def test_unchanged_organization_stays_the_same_of_two(api: Api, ada: Contact) -> None:
    other = make_organization("Twin Ltd"), make_organization("Twin Ltd")
    Contact.objects.filter(pk=ada.pk).update(organization=other[1])
    update(api, ada, organization={"name": "Twin Ltd"}, job_title="Owner")
    assert ada.organization == other[1]


def test_repeated_update_with_two_numbers_keeps_two(api: Api) -> None:
    bea = make_contact("Bea Example", number(1))
    for _ in range(2):
        update(api, bea, phone=f"{number(2)} / {number(3)}")
        assert [e164 for _, _, e164, _ in phones(bea)] == [number(2), number(3)]


def test_update_adds_a_number_of_a_new_kind(api: Api) -> None:
    bea = make_contact("Bea Example", number(1), kind=PhoneKind.HOME)
    response = update(api, bea, phone=number(2), mobile=number(3))
    assert (response["phone"], response["mobile"]) == (number(2), number(3))
    assert [kind for kind, _, _, _ in phones(bea)] == ["home", "work", "mobile"]


def test_contact_can_get_the_name_of_another(api: Api, ada: Contact) -> None:
    bea = make_contact("Bea Example", "020 910 0001")
    update(api, bea, first_name="Ada", email="ada@example.com")
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("id", ["0", "-1", "999999", "9" * 30, "abc", "1.0", "١", "+1"])
def test_unknown_id_returns_404(api: Api, ada: Contact, id: str) -> None:
    assert api.refused("UpdateContact", {"id": id, "first_name": "Eda"}, 404).keys() == {"id"}
    assert Contact.objects.get().first_name == "Ada"


def test_id_can_be_a_number(api: Api, ada: Contact) -> None:
    assert api.ok("UpdateContact", {"id": ada.pk})["id"] == str(ada.pk)


# --- signals ---


def test_each_change_sends_one_signal(
    api: Api, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    received: list[tuple[str, str]] = []

    def created(contact: Any, **kwargs: Any) -> None:
        received.append(("created", contact.first_name))

    def updated(contact: Any, **kwargs: Any) -> None:
        received.append(("updated", contact.first_name))

    signals.contact_created.connect(created)
    signals.contact_updated.connect(updated)

    def signals_after(hook: str, data: dict[str, Any]) -> list[tuple[str, str]]:
        received.clear()
        with django_capture_on_commit_callbacks(execute=True):
            api.ok(hook, data)
        return list(received)

    ada = {"first_name": "Ada", "phone": number(1)}
    assert signals_after("CreateContact", ada) == [("created", "Ada")]
    assert signals_after("CreateContact", ada) == []
    assert signals_after("CreateContact", {**ada, "job_title": "Baker"}) == [("updated", "Ada")]
    assert signals_after(
        "UpdateContact", {"id": str(Contact.objects.get().pk), "first_name": "Eda"}
    ) == [("updated", "Eda")]
