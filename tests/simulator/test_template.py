from __future__ import annotations

from typing import Any

import pytest

from ringotel_crm.simulator.template import (
    Absent,
    AnswerError,
    Value,
    capture,
    fill,
    fill_text,
    fill_url,
    variable,
    variables,
)

VALUES: dict[str, Value] = {
    "phone": "+353212028252",
    "start": 1729690611587,
    "name": "Zoë & Söhne",
    "empty": "",
    "API key": "secret",
}
OMIT, EMPTY, NULL, PLACEHOLDER = Absent


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("/who?tel=$phone$&x=$API key$", {"phone", "API key"}),
        ({"a": ["$b$", {"c": "$d$"}], "e": 1}, {"b", "d"}),
        ("costs 5$", set()),
    ],
)
def test_variables_are_found_in_nested_templates(template: object, names: set[str]) -> None:
    assert variables(template) == names


@pytest.mark.parametrize(
    ("template", "name"),
    [("$phone$", "phone"), ("$API key$", "API key"), ("+$phone$", None), ("$$", None), (1, None)],
)
def test_variable_is_the_whole_template(template: object, name: str | None) -> None:
    assert variable(template) == name


@pytest.mark.parametrize(
    ("template", "absent", "body"),
    [
        ({"at": "$start$"}, OMIT, {"at": 1729690611587}),
        ({"at": "at $start$ by $name$"}, OMIT, {"at": "at 1729690611587 by Zoë & Söhne"}),
        (
            {"fixed": "x", "n": 5, "yes": True, "none": None},
            OMIT,
            {"fixed": "x", "n": 5, "yes": True, "none": None},
        ),
        ({"a": "$missing$", "b": "$empty$", "c": "$name$"}, OMIT, {"c": "Zoë & Söhne"}),
        ({"a": "$missing$", "b": "$empty$"}, EMPTY, {"a": "", "b": ""}),
        ({"a": "$missing$", "b": "$empty$"}, NULL, {"a": None, "b": None}),
        ({"a": "$missing$", "b": "$empty$"}, PLACEHOLDER, {"a": "$missing$", "b": "$empty$"}),
        ({"firm": {"title": "$missing$"}}, OMIT, {"firm": {}}),
        ({"firm": {"title": "$missing$"}}, NULL, {"firm": {"title": None}}),
        ({"list": ["$missing$", "$phone$"]}, OMIT, {"list": ["+353212028252"]}),
        ({"text": "for $missing$"}, NULL, {"text": "for "}),
        ({"text": "for $missing$"}, PLACEHOLDER, {"text": "for $missing$"}),
    ],
)
def test_template_is_filled(template: dict[str, Any], absent: Absent, body: dict[str, Any]) -> None:
    assert fill(template, VALUES, absent) == body


def test_placeholders_in_values_are_not_filled() -> None:
    assert fill_text("$a$ $b$", {"a": "$b$", "b": r"\1"}) == r"$b$ \1"


@pytest.mark.parametrize(
    ("url", "absent", "bare_plus", "filled"),
    [
        ("/who?tel=$phone$", OMIT, False, "/who?tel=%2B353212028252"),
        ("/who?tel=$phone$", OMIT, True, "/who?tel=+353212028252"),
        ("/who/$name$?x=1", OMIT, True, "/who/Zo%C3%AB%20%26%20S%C3%B6hne?x=1"),
        ("/s?id=$missing$&call=$start$", OMIT, False, "/s?call=1729690611587"),
        ("/s?id=$missing$", OMIT, False, "/s"),
        ("/s?id=$missing$&q=a,$missing$ b", OMIT, False, "/s?q=a, b"),
        ("/s?id=$missing$", EMPTY, False, "/s?id="),
        ("/s?id=$empty$", NULL, False, "/s?id="),
        ("/s/$missing$?id=$missing$", PLACEHOLDER, False, "/s/$missing$?id=$missing$"),
        ("/s/$missing$/", OMIT, False, "/s//"),
        ("/s", OMIT, False, "/s"),
    ],
)
def test_url_is_filled_and_encoded(url: str, absent: Absent, bare_plus: bool, filled: str) -> None:
    assert fill_url(url, VALUES, absent, bare_plus=bare_plus) == filled


PEOPLE = {"results": [{"id": "$contact_id$", "firm": {"title": "$company_name$"}}]}


@pytest.mark.parametrize(
    ("response_map", "answer", "rows"),
    [
        ({"id": "$activity_id$"}, {"id": "7", "more": 1}, [{"activity_id": "7"}]),
        ({"id": "$activity_id$"}, {"id": ""}, [{"activity_id": ""}]),
        ({"id": "$activity_id$"}, {"id": None}, []),
        ({"id": "$activity_id$"}, {}, []),
        ({"id": "$activity_id$"}, None, []),
        (
            PEOPLE,
            {
                "results": [
                    {"id": "1", "firm": {"title": "Kettles"}},
                    {"id": "2", "firm": None},
                    {"id": "3"},
                ]
            },
            [
                {"contact_id": "1", "company_name": "Kettles"},
                {"contact_id": "2"},
                {"contact_id": "3"},
            ],
        ),
        (PEOPLE, {"results": []}, []),
        ({"page": "$page$"} | PEOPLE, {"page": "1", "results": []}, []),
        (
            {"page": "$page$"} | PEOPLE,
            {"page": "1", "results": [{"id": "1"}, {"id": "2"}]},
            [{"page": "1", "contact_id": "1"}, {"page": "1", "contact_id": "2"}],
        ),
        ([{"id": "$user_id$"}], [{"id": "1"}, {"id": "2"}], [{"user_id": "1"}, {"user_id": "2"}]),
        ({}, {"anything": 1}, []),
    ],
)
def test_response_map_captures_rows(
    response_map: object, answer: object, rows: list[dict[str, str]]
) -> None:
    assert capture(response_map, answer) == rows


@pytest.mark.parametrize(
    ("response_map", "answer", "problem"),
    [
        ({"id": "$activity_id$"}, {"id": 7}, "the response.id is not a string"),
        ({"id": "$activity_id$"}, {"id": ["7"]}, "the response.id is not a string"),
        ({"id": "$activity_id$"}, [], "the response is not an object"),
        (PEOPLE, {"results": {"id": "1"}}, "the response.results is not an array"),
        (PEOPLE, {"people": [{"id": "1"}]}, "the response.results is not an array"),
        (PEOPLE, {"results": [{"id": "1"}, "2"]}, "the response.results[1] is not an object"),
        (
            PEOPLE,
            {"results": [{"firm": "Kettles"}]},
            "the response.results[0].firm is not an object",
        ),
    ],
)
def test_response_of_another_shape_is_rejected(
    response_map: object, answer: object, problem: str
) -> None:
    with pytest.raises(AnswerError) as raised:
        capture(response_map, answer)
    assert str(raised.value) == problem
