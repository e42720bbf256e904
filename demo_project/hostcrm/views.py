"""Pages of the site."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.views.generic import DetailView

from .models import Person


class PersonView(LoginRequiredMixin, DetailView):  # type: ignore[type-arg]
    """A person with calls, for staff of the same branch."""

    def get_queryset(self) -> QuerySet[Person]:
        return Person.objects.filter(branch__staff__user=self.request.user.pk)
