from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import Client

from tests.factories import make_contact, make_organization, make_user

pytestmark = pytest.mark.skipif(
    not apps.is_installed("ringotel_crm.minicrm"), reason="needs the mini-CRM"
)
PAGE = "/admin/ringotel_minicrm/organization/{}/change/"


def test_page_lists_people(boss: Client) -> None:
    company = make_organization("Sample Ltd")
    ada = make_contact("Ada Example", "+442079460001", organization=company, job_title="Buyer")
    make_contact("Ben Other", "+442079460002")

    html = boss.get(PAGE.format(company.pk)).content.decode()

    people = html[html.index("ringotel-people") :].partition("</ul>")[0]
    assert f'href="/admin/ringotel_minicrm/contact/{ada.pk}/change/"' in people
    assert "Ada Example" in people
    assert "Buyer" in people
    assert "+44 20 7946 0001" in people
    assert "Ben Other" not in people
    assert "more" not in people


def test_page_links_to_the_people_it_does_not_list(boss: Client) -> None:
    company = make_organization("Sample Ltd")
    for number in range(23):
        make_contact(f"Ada {number}", f"+44207946{number:04}", organization=company)

    html = boss.get(PAGE.format(company.pk)).content.decode()

    url = f"/admin/ringotel_minicrm/contact/?organization__id__exact={company.pk}"
    assert f'<a href="{url}">3 more</a>' in html
    assert boss.get(url).context["cl"].result_count == 23


def test_people_need_the_permission_to_view_contacts(client: Client, db: None) -> None:
    company = make_organization("Sample Ltd")
    make_contact("Ada Example", organization=company)
    user = make_user("kim", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_organization"))
    client.force_login(user)

    html = client.get(PAGE.format(company.pk)).content.decode()
    assert "ringotel-people" not in html


def test_page_of_a_new_organization_has_no_people(boss: Client) -> None:
    url = "/admin/ringotel_minicrm/organization/add/"
    assert "People" not in boss.get(url).content.decode()
