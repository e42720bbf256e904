"""Process webhook events that are pending."""

from __future__ import annotations

import datetime as dt
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q, QuerySet
from django.utils import timezone
from tqdm import tqdm

from ... import databases
from ...exceptions import InvalidInput
from ...models import WebhookEvent
from ...services import messages
from ...services.sync import checkpoints
from ...webhooks.events import purge, replay

NAME = "ringotel_process_events"
BATCH = 500
FILES = 100
# Younger events are still being processed by the server that received them.
RECENT = dt.timedelta(minutes=1)


class Command(BaseCommand):
    help = (
        "Processes pending webhook events in the order of arrival, downloads files of messages "
        "that could not be downloaded before, and deletes events older than "
        'RINGOTEL_CRM["WEBHOOK_EVENT_RETENTION_DAYS"]. Run it from cron every minute. Processing '
        "an event more than once has no further effect."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "ids", nargs="*", type=int, metavar="ID", help="only these events, in any status"
        )
        parser.add_argument("--failed", action="store_true", help="also process failed events")
        parser.add_argument("--all", action="store_true", help="process all stored events again")
        parser.add_argument("--webhook", metavar="NAME", help="only events of this webhook")
        parser.add_argument(
            "--now", action="store_true", help="also process events of the last minute"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        try:
            with checkpoints.exclusive("", NAME, checkpoints.SHORT_LEASE) as renew_lease:
                failed = self.process(options, renew_lease)
        except InvalidInput as exc:  # not an error: cron runs the command every minute
            self.stdout.write(exc.message)
            return
        if failed:
            raise CommandError(f"{failed} events failed. The admin shows the error of each.")

    def process(self, options: dict[str, Any], renew_lease: Callable[[], None]) -> int:
        """Do the command's work, and return the number of events that failed."""
        ids = list(self.get_events(options).order_by("pk").values_list("pk", flat=True))
        bar = tqdm(
            replay(self.load(ids)), total=len(ids), unit="event", disable=not sys.stderr.isatty()
        )
        done = []
        for event in bar:
            done.append(event.is_done)
            renew_lease()
        downloaded = 0
        for message in messages.messages_to_download()[:FILES]:
            downloaded += messages.download_attachment(message)
            renew_lease()
        processed, failed = done.count(True), done.count(False)
        self.stdout.write(
            f"processed: {processed}, failed: {failed}, files: {downloaded}, deleted: {purge()}"
        )
        return failed

    def get_events(self, options: dict[str, Any]) -> QuerySet[WebhookEvent]:
        events = WebhookEvent.objects.all()
        if options["webhook"]:
            events = events.filter(webhook__name=options["webhook"])
        if options["ids"]:
            return events.filter(pk__in=options["ids"])
        if options["all"]:
            return events
        pending = Q(status=WebhookEvent.Status.PENDING)
        if not options["now"]:
            pending &= Q(received_at__lt=timezone.now() - RECENT)
        if options["failed"]:
            pending |= Q(status=WebhookEvent.Status.FAILED)
        return events.filter(pending)

    def load(self, ids: list[int]) -> Iterator[WebhookEvent]:
        for start in range(0, len(ids), BATCH):
            batch = WebhookEvent.objects.filter(pk__in=ids[start : start + BATCH])
            yield from batch.select_related("webhook__user").order_by("pk")
