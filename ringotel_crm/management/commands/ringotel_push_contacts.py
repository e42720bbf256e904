"""Keep Ringotel's address book equal to the contacts."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandError

from ... import phone
from ...backends import Backend
from ...client import Ringotel
from ...services.sync import address_book, checkpoints
from ...services.sync.address_book import Action, Change
from ..account import AccountCommand

BATCH = 100


def batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield at most :data:`BATCH` changes at a time."""
    changes = iter(changes)
    while batch := list(islice(changes, BATCH)):
        yield batch


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Send to Ringotel's address book what differs from the CRM's contacts. Can be interrupted "
        "at any time: the next run continues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="only report what would be sent, as a table"
        )
        parser.add_argument(
            "--delete-others",
            action="store_true",
            help="also delete entries that were added in Ringotel itself",
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        client = Ringotel()
        with checkpoints.exclusive(backend.tenant, "ringotel_push_contacts") as renew:
            cards = client.get_contacts()
            address_book.reconcile(backend, cards)
            others = options["delete_others"]
            changes = list(address_book.diff(backend, cards, with_others=others))
            if len(changes) >= len(cards) > 0 and all(
                change.action is Action.DELETE for change in changes
            ):
                raise CommandError(
                    "The CRM has no contacts. Nothing was sent, because the whole address book "
                    "would be deleted."
                )
            if options["dry_run"]:
                self.print_table(changes)
            else:
                self.send(backend, client, changes, renew)
        counts = ", ".join(
            f"{action}: {sum(change.action is action for change in changes)}" for action in Action
        )
        self.stdout.write(f"{counts}{' (nothing was sent)' if options['dry_run'] else ''}")

    def send(
        self, backend: Backend, client: Ringotel, changes: list[Change], renew: Callable[[], None]
    ) -> None:
        """Send the changes in batches: updates, deletions, then new entries."""
        is_complete = True
        for action in (Action.UPDATE, Action.DELETE, Action.ADD):
            chosen = [change for change in changes if change.action is action]
            total = -(-len(chosen) // BATCH)
            for batch in self.progress(batches(chosen), unit=f"batch ({action})", total=total):
                renew()
                cards = [change.card for change in batch]
                if action is Action.UPDATE:
                    client.update_contacts(cards)
                elif action is Action.DELETE:
                    client.delete_contacts(card.id for card in cards)
                    address_book.remove_links(backend, [card.id for card in cards])
                else:
                    added = client.import_contacts(cards)
                    is_complete &= address_book.link_added(backend, batch, added)
        if not is_complete:
            address_book.reconcile(backend, client.get_contacts())

    def print_table(self, changes: list[Change]) -> None:
        """Print one line for each change."""
        self.stdout.write(f"{'':8}{'name':32}{'numbers':40}{'organization'}")
        for change in changes:
            card = change.card
            numbers = ", ".join(map(phone.mask, (*card.phones, *card.mobiles)))
            columns = f"{card.name[:30]:32}{numbers[:38]:40}{card.organization[:40]}"
            self.stdout.write(f"{change.action:8}{columns}".rstrip())
