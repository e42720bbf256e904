"""Keep Ringotel's directory equal to the contacts."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandError

from ... import phone
from ...backends import Backend
from ...client import Ringotel
from ...records import AddressBookEntry
from ...services.sync import address_book, checkpoints
from ...services.sync.address_book import Action, Change
from ..account import AccountCommand

BATCH = 100


def batches(cards: Iterable[AddressBookEntry]) -> Iterator[list[AddressBookEntry]]:
    """At most :data:`BATCH` at a time."""
    cards = iter(cards)
    while batch := list(islice(cards, BATCH)):
        yield batch


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Sends to Ringotel's directory what differs from the CRM's contacts. Can be broken off at any time: the next "
        "run goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be sent, in a table"
        )
        parser.add_argument(
            "--delete-others",
            action="store_true",
            help="also delete entries that people made in Ringotel itself",
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """Compare, then send."""
        client = Ringotel()
        with checkpoints.exclusive(backend.tenant, "ringotel_push_contacts") as renew:
            cards = client.get_contacts()
            address_book.reconcile(backend, cards)
            changes = list(address_book.diff(backend, cards, with_others=options["delete_others"]))
            if len(changes) >= len(cards) > 0 and all(
                change.action is Action.DELETE for change in changes
            ):
                raise CommandError(
                    "The CRM has no contacts: nothing is sent, because all of the directory would go."
                )
            if options["dry_run"]:
                self.table(changes)
            else:
                self.send(backend, client, changes, renew)
        counts = ", ".join(
            f"{action}: {sum(change.action is action for change in changes)}" for action in Action
        )
        self.stdout.write(f"{counts}{' (nothing was sent)' if options['dry_run'] else ''}")

    def send(self, backend: Backend, client: Ringotel, changes: list[Change], renew: Any) -> None:
        """In batches: first what is wrong, then what is missing."""
        for action, send in (
            (Action.UPDATE, client.update_contacts),
            (Action.DELETE, lambda batch: client.delete_contacts(card.id for card in batch)),
            (Action.ADD, client.import_contacts),
        ):
            cards = [change.card for change in changes if change.action is action]
            for batch in self.progress(
                batches(cards), unit=f"batch ({action})", total=-(-len(cards) // BATCH)
            ):
                renew()
                send(batch)
                if action is Action.DELETE:
                    address_book.remove_links(backend, [card.id for card in batch])
        if any(change.action is Action.ADD for change in changes):
            address_book.reconcile(backend, client.get_contacts())

    def table(self, changes: list[Change]) -> None:
        """One line each, for people."""
        self.stdout.write(f"{'':8}{'name':32}{'numbers':40}{'organization'}")
        for change in changes:
            card = change.card
            numbers = ", ".join(map(phone.mask, (*card.phones, *card.mobiles)))
            self.stdout.write(
                f"{change.action:8}{card.name[:30]:32}{numbers[:38]:40}{card.organization[:40]}".rstrip()
            )
