"""Search for the start of a text, for words, and for the last digits of a number, by index."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from django.db import models
from django.db.models.lookups import GreaterThanOrEqual, IStartsWith, LessThan, StartsWith

from ..internal.time_limits import within_limit
from ..phone.cleaning import clean, digits_in

Row = TypeVar("Row", bound=models.Model)

# Words of a search that are looked up, and the length of an indexed word.
MAX_WORDS = 8
MAX_WORD_LENGTH = 64
# Digits of a phone number by which it is found.
MIN_DIGITS = 4
# Matches that are selected by their primary keys.
MAX_KEYS = 5000
# Rows of a list that are tested if more match.
MAX_LISTED = 2000
# Seconds for the search of rows that have several common words.
MAX_SECONDS = 0.5

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
    """Return whether ``text`` has the words of ``search``, as :func:`word_sets` does in a query."""
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


@models.CharField.register_lookup
class IndexedPrefix(StartsWith):
    """``startswith``, in the form that uses a :func:`prefix_index` of the database of the query.

    SQLite would not for ``startswith``, which Django compiles to ``LIKE ... ESCAPE``; it compares
    by code point, so a range is exact.
    """

    lookup_name = "ringotel_prefix"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Compile as ``startswith``."""
        return StartsWith(self.lhs, self.rhs).as_sql(compiler, connection)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Compile as a range."""
        first, params = GreaterThanOrEqual(self.lhs, self.rhs).as_sql(compiler, connection)
        last, last_params = LessThan(self.lhs, f"{self.rhs}\U0010ffff").as_sql(compiler, connection)
        return f"({first} AND {last})", (*params, *last_params)

    def as_mysql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Compile as ``istartswith``."""
        return IStartsWith(self.lhs, self.rhs).as_sql(compiler, connection)


def prefix_q(field: str, prefix: str) -> models.Q:
    """Return the filter for rows in which ``field`` starts with ``prefix``, in the form stored."""
    if "\0" in prefix:  # PostgreSQL does not accept it in a parameter
        return models.Q(pk__in=())
    return models.Q(**{f"{field}__ringotel_prefix": prefix})


def word_sets(words: models.QuerySet[Any], text: str) -> list[list[models.QuerySet[Any]]]:
    """Return a list of sets per way to write ``text``, for :func:`filter_any`.

    ``words`` are rows with the columns ``word`` and ``owner``.
    """
    return [
        [words.filter(prefix_q("word", word[:MAX_WORD_LENGTH])) for word in query[:MAX_WORDS]]
        for query in words_to_find(text)
    ]


def filter_any(
    rows: models.QuerySet[Row],
    columns: Iterable[models.Q],
    owners: Iterable[Sequence[models.QuerySet[Any]]] = (),
    conditions: Sequence[models.Q] = (),
) -> tuple[models.QuerySet[Row], bool]:
    """Return the ``rows`` that meet one of the conditions ``columns``, or that are the ``owner`` of
    a row in each set of one of the lists ``owners``; and whether these are all of them.

    No database combines several indexes well if the result is ordered. So each condition is looked
    up alone, by its own index, and the rows are selected by primary key. If more than
    :data:`MAX_KEYS` match, the result is incomplete: those among the first :data:`MAX_LISTED` of
    the ``rows``, and as many others as are selected. ``conditions`` are those of
    :func:`first_keys`.
    """
    own = rows.model._default_manager.using(rows.db).order_by().annotate(owner=models.F("pk"))
    searches = [*([own.filter(condition)] for condition in columns), *owners]
    results = [_common_owners(sets) for sets in searches]
    found = {key for keys, _is_complete in results for key in keys}
    if len(found) <= MAX_KEYS and all(is_complete for _keys, is_complete in results):
        return _select(rows, found), True
    first = first_keys(rows, conditions, MAX_LISTED + 1)
    listed = {key for sets in searches for key in _owners_among(sets, first)}
    if len(first) <= MAX_LISTED:
        return _select(rows, listed), True
    return _select(rows, listed.union(list(found)[:MAX_KEYS])), False


def first_keys(rows: models.QuerySet[Any], conditions: Sequence[models.Q], limit: int) -> set[Any]:
    """Return the primary keys of the first ``limit`` of ``rows``, and maybe of some after them.

    Each of the rows meets one of ``conditions``, which are looked up one by one. Without
    conditions, the rows are read in their order.
    """
    keys = rows.values_list("pk", flat=True)
    return {key for one in conditions or [models.Q()] for key in keys.filter(one)[:limit]}


def _select(rows: models.QuerySet[Row], keys: Iterable[Any]) -> models.QuerySet[Row]:
    """Return the ``rows`` with these primary keys in the same order.

    The first expression to order by is 0 for all rows. No index has this order, so that a database
    sorts the few rows. It might otherwise read the whole table in the order of the list, to find
    those of the first page.
    """
    ordering: Any = rows.query.order_by or rows.model._meta.ordering
    return rows.filter(pk__in=keys).order_by(models.F("pk") * 0, *ordering)


def _common_owners(sets: Sequence[models.QuerySet[Any]]) -> tuple[list[Any], bool]:
    """Return the owners that have a row in each set, and whether these are all of them.

    If all sets are large, some may be missing.
    """
    samples = [_owners(rows[: MAX_KEYS + 1]) for rows in sets]
    few = [sample for sample in samples if len(sample) <= MAX_KEYS]
    if few:
        large = [rows for rows, sample in zip(sets, samples, strict=True) if len(sample) > MAX_KEYS]
        return _owners_among(large, set.intersection(*map(set, few))), True
    if len(sets) == 1:
        return samples[0], False
    using = sets[0].db
    common = sets[0].using(using)
    for rows in sets[1:]:
        common = common.filter(owner__in=rows.values("owner"))
    read = partial(_owners, common[: MAX_KEYS + 1])
    keys = within_limit(using, MAX_SECONDS, read, None)
    if keys is None:
        return _owners_among(sets[1:], samples[0]), False
    return keys, len(keys) <= MAX_KEYS


def _owners_among(sets: Iterable[models.QuerySet[Any]], keys: Iterable[Any]) -> list[Any]:
    """Return those of ``keys`` that are owners of rows in all sets."""
    owners = set(keys)
    for rows in sets:
        owners = set(_owners(rows.filter(owner__in=owners))) if owners else owners
    return list(owners)


def _owners(rows: models.QuerySet[Any]) -> list[Any]:
    return list(rows.values_list("owner", flat=True))
