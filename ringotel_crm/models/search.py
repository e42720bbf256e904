"""Search for the start of a text, for words, and for the last digits of a number, by index."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import reduce
from operator import and_
from typing import Any, TypeVar

from django.db import connection, models

from ..phone.cleaning import clean, digits_in

Row = TypeVar("Row", bound=models.Model)

# Words of a search that are looked up, and the length of an indexed word.
MAX_WORDS = 8
MAX_WORD_LENGTH = 64
# Digits of a phone number by which it is found.
MIN_DIGITS = 4
# Matches that are selected by their primary keys.
MAX_KEYS = 1000

# Letters that Unicode does not decompose, and the German spelling without umlauts.
LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})

_WORD = re.compile(r"\w+")
_PART_OF_NUMBER = re.compile(r"[0-9\s+()/.-]+")


def normalize_for_search(text: str) -> str:
    """Return ``text`` without differences in case, white space and Unicode encoding."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def strip_accents(text: str) -> str:
    """Return ``text`` normalized and without accents: "Siobhán Groß" becomes "siobhan gross"."""
    decomposed = unicodedata.normalize("NFKD", normalize_for_search(text))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(
        LETTERS
    )


def words_to_index(text: str) -> set[str]:
    """Return the words by which ``text`` is found.

    "Jürgen O'Notreal" gives jurgen, juergen, o, notreal and onotreal.
    """
    words = {word for query in words_to_find(text) for word in query}
    return {word[:MAX_WORD_LENGTH] for word in words}


def words_to_find(text: str) -> list[list[str]]:
    """Return lists of words: a row matches if words of its own start with all words of a list.

    There is a list per way to write ``text``: without accents, with the German spelling of umlauts,
    with and without the signs within a word.
    """
    queries: list[list[str]] = []
    for spelling in (text, normalize_for_search(text).translate(UMLAUTS)):
        tokens = [_WORD.findall(token) for token in strip_accents(spelling).split()]
        for query in ([word for token in tokens for word in token], list(map("".join, tokens))):
            words = [word for word in query if word]
            if words and words not in queries:
                queries.append(words)
    return queries


def has_words(text: str, search: str) -> bool:
    """Return whether ``text`` has the words of ``search``, as :func:`words_q` does in a query."""
    words = words_to_index(text)

    def is_start(start: str) -> bool:
        return any(word.startswith(start) for word in words)

    return any(all(map(is_start, query)) for query in words_to_find(search))


def trailing_digits(text: str) -> str:
    """Return the digits of a part of a phone number, the last one first, as in reversed columns.

    Returns "" for fewer than :data:`MIN_DIGITS` and for text that is not a number. The zeros before
    a national or international number are left out: "021/202 8252" gives "252820212".
    """
    text = clean(text)
    digits = digits_in(text) if _PART_OF_NUMBER.fullmatch(text) else ""
    if len(digits.lstrip("0")) >= MIN_DIGITS:
        digits = digits.lstrip("0")
    return digits[::-1] if len(digits) >= MIN_DIGITS else ""


def prefix_index(field: str, *, name: str) -> models.Index:
    """Return an index for :func:`prefix_q` and ``=``.

    ``db_index=True`` would create two indexes on PostgreSQL.
    """
    return models.Index(fields=[field], opclasses=["varchar_pattern_ops"], name=name)


def prefix_q(field: str, prefix: str) -> models.Q:
    """Return the filter for rows in which ``field`` starts with ``prefix``, in the form stored.

    Every database uses the column's :func:`prefix_index`. SQLite would not for ``startswith``,
    which Django compiles to ``LIKE ... ESCAPE``; it compares by code point, so a range is exact.
    """
    if "\0" in prefix:  # PostgreSQL does not accept it in a parameter
        return models.Q(pk__in=())
    match connection.vendor:
        case "sqlite":
            return models.Q(**{f"{field}__gte": prefix, f"{field}__lt": f"{prefix}\U0010ffff"})
        case "mysql":
            return models.Q(**{f"{field}__istartswith": prefix})
    return models.Q(**{f"{field}__startswith": prefix})


def words_q(words: models.QuerySet[Any], text: str) -> list[models.Q]:
    """Return the conditions for rows that have all words of ``text``, in any order.

    ``words`` are rows with the columns ``word`` and ``owner``.
    """
    return [
        reduce(and_, (_word_q(words, word[:MAX_WORD_LENGTH]) for word in query[:MAX_WORDS]))
        for query in words_to_find(text)
    ]


def _word_q(words: models.QuerySet[Any], word: str) -> models.Q:
    return models.Q(pk__in=words.filter(prefix_q("word", word)).values("owner"))


def filter_any(
    rows: models.QuerySet[Row], conditions: Iterable[models.Q]
) -> models.QuerySet[Row]:
    """Return the ``rows`` that meet any of the conditions.

    No database uses several indexes well for conditions that are combined by OR and ordered. So
    each condition is looked up alone, by its own index, and the rows are selected by primary key.
    With more than :data:`MAX_KEYS` matches, the conditions are combined: a page of the list is then
    complete after reading few rows in its order.
    """
    all_rows = rows.model._default_manager.using(rows.db).order_by()
    keys: set[Any] = set()
    matched = models.Q()
    for condition in conditions:
        if found := set(all_rows.filter(condition).values_list("pk", flat=True)[: MAX_KEYS + 1]):
            keys |= found
            matched |= condition
    return rows.filter(matched if len(keys) > MAX_KEYS else models.Q(pk__in=keys))
