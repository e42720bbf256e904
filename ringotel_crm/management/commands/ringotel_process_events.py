"""Go through webhooks' events again."""

from __future__ import annotations

import datetime as dt
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from tqdm import tqdm

from ...models import WebhookEvent
from ...services import messages
from ...webhooks.events import purge, replay

BATCH = 500
JUST_NOW = dt.timedelta(minutes=1)


def in_batches(ids: list[int]) -> Iterator[WebhookEvent]:
    """The events with these ids, in this order."""
    for start in range(0, len(ids), BATCH):
        batch = WebhookEvent.objects.filter(pk__in=ids[start : start + BATCH])
        yield from batch.select_related("webhook__user").order_by("pk")


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Processes, in the order in which they came, the events of webhooks that are still pending; fetches files of "
        "messages that could not be fetched yet; deletes events older than WEBHOOK_EVENT_RETENTION_DAYS. For cron, every minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "ids",
            nargs="*",
            type=int,
            metavar="ID",
            help="only these events, whatever became of them",
        )
        parser.add_argument("--failed", action="store_true", help="also those that failed")
        parser.add_argument("--all", action="store_true", help="all that are kept")
        parser.add_argument("--webhook", metavar="NAME", help="only those of this webhook")
        parser.add_argument(
            "--now", action="store_true", help="also those that came within the last minute"
        )

    def handle(self, **options: Any) -> None:
        """Raises CommandError, and so exits with 1, if any event failed."""
        events = WebhookEvent.objects.order_by("pk")
        if options["webhook"]:
            events = events.filter(webhook__name=options["webhook"])
        if options["ids"]:
            events = events.filter(pk__in=options["ids"])
        elif not options["all"]:
            # What came just now is being processed by whoever took it in.
            pending = Q(status=WebhookEvent.Status.PENDING)
            if not options["now"]:
                pending &= Q(received_at__lt=timezone.now() - JUST_NOW)
            failed = Q(status=WebhookEvent.Status.FAILED) if options["failed"] else Q(pk__in=[])
            events = events.filter(pending | failed)
        ids = list(events.values_list("pk", flat=True))
        bar = tqdm(
            replay(in_batches(ids)), total=len(ids), unit="event", disable=not sys.stderr.isatty()
        )
        done = [event.is_done for event in bar]
        fetched = sum(
            messages.download_attachment(message)
            for message in messages.messages_to_download()[:100]
        )
        purged = purge()
        failed_count = done.count(False)
        self.stdout.write(
            f"processed: {done.count(True)}, failed: {failed_count}, files: {fetched}, deleted: {purged}"
        )
        if failed_count:
            raise CommandError(f"{failed_count} events failed; their pages in the admin tell why.")
