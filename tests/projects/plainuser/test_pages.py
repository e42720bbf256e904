from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory

from ringotel_crm.models import Activity

from .models import Operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Any:
    return Operator.objects.create(login="una")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("strip/", 403),
        ("pop/?caller=500", 403),
        ("app/", 403),
        ("app/current/", 403),
        ("call/?number=500", 403),
        ("recordings/1/", 403),
        ("recordings/1/player/", 403),
        ("recordings/1/waveform.svg", 403),
        ("messages/1/file/", 403),
    ],
)
def test_user_without_permissions_is_refused(operator: Any, path: str, status: int) -> None:
    client = Client()
    client.force_login(operator)

    assert client.get(f"/ringotel/{path}").status_code == status


def test_tags_render_for_a_user_without_permissions(operator: Any) -> None:
    request = RequestFactory().get("/")
    request.user = operator
    call = Activity.objects.create(call_id="c1")
    template = Template(
        "{% load ringotel %}{% ringotel_ring_strip %}{% ringotel_timeline contact %}"
    )

    html = template.render(Context({"request": request, "contact": call}))

    assert "script" not in html
