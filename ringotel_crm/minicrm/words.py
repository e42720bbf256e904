"""The words by which contacts and organizations are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from django.db import models, router, transaction
from django.db.models.deletion import Collector

from .. import databases
from ..models.fields import ExactCharField
from ..models.search import MAX_WORD_LENGTH, words_to_index

Row = TypeVar("Row", bound=models.Model)

# Rows whose words are compared at once.
BATCH = 1000


def cascade_unlisted(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """Delete as ``CASCADE`` does, but do not list the rows where the admin confirms a deletion.

    The admin lists them with a subclass of ``Collector``, which does not delete.
    """
    if type(collector) is Collector:
        models.CASCADE(collector, field, sub_objs, using)


class Word(models.Model):
    """Abstract base of the words of a model, to which the field ``owner`` refers."""

    word = ExactCharField(max_length=MAX_WORD_LENGTH)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.word


def word_index(name: str) -> models.Index:
    """Return the index that finds the owners of words that start with a text."""
    return models.Index(
        fields=["word", "owner"], opclasses=["varchar_pattern_ops", "int8_ops"], name=name
    )


class SearchableQuerySet(models.QuerySet[Row]):
    """Rows of a model with words."""

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        """Create the rows and their words. MySQL returns no keys, so there they have no words."""
        rows = super().bulk_create(objs, *args, **kwargs)
        _insert(rows, {(row.pk, word) for row in rows if row.pk for word in _expected(row)})
        return rows


class SearchableModel(models.Model):
    """Abstract base of a model whose rows are found by words, the rows of ``words``.

    Its manager must be a :class:`SearchableQuerySet`.
    """

    # The columns that ``get_search_text()`` depends on.
    search_columns: ClassVar[Sequence[str]]

    class Meta:
        abstract = True

    def save(self, **kwargs: Any) -> None:
        """Save the row, and its words if they may have changed."""
        is_new = self._state.adding
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with databases.fresh_reads(), transaction.atomic(using=using, savepoint=False):
            super().save(**kwargs)
            if is_new:
                _insert([self], {(self.pk, word) for word in _expected(self)})
            elif self._search_values() != getattr(self, "_stored", None):
                update_words([self])
        self._stored = self._search_values()

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        """Remember the columns that :meth:`save` compares."""
        row = super().from_db(*args, **kwargs)
        row._stored = row._search_values()
        return row

    def get_search_text(self) -> str:
        """Return the text that contains the words."""
        raise NotImplementedError

    def _search_values(self) -> list[Any]:
        return [self.__dict__.get(name) for name in self.search_columns]


def update_words(rows: Sequence[Any]) -> None:
    """Write the words that saved rows lack, and delete those that are no longer theirs."""
    if not rows:
        return
    expected = {(row.pk, word) for row in rows for word in _expected(row)}
    words = rows[0].words.model.objects.filter(owner__in=[row.pk for row in rows])
    stored = {(owner, word): pk for owner, word, pk in words.values_list("owner", "word", "pk")}
    if surplus := [pk for key, pk in stored.items() if key not in expected]:
        words.filter(pk__in=surplus).delete()
    _insert(rows, expected - stored.keys())


def _expected(row: Any) -> set[str]:
    return words_to_index(row.get_search_text())


def _insert(rows: Sequence[Any], words: set[tuple[Any, str]]) -> None:
    """Insert pairs of owner and word. Another request may have inserted the same."""
    if words:
        model = rows[0].words.model
        model.objects.using(rows[0]._state.db).bulk_create(
            [model(owner_id=owner, word=word) for owner, word in sorted(words)],
            ignore_conflicts=True,
        )
