"""The exporter of one worker of the metrics service: what it knows of workers, and what it asks when Prometheus does.

Nothing is kept that a scrape can ask for: servers answer for their streams, the bucket of accounts for balances. What has to be
followed is followed: reports of workers, and the log of each open run that this worker leads (`run_watch`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.exposition import Exposition
from econsim.adapters.jetstream.balances import read_balances
from econsim.adapters.nats.server_answers import ask_servers
from econsim.domain.metrics.family import GAUGE, Family
from econsim.domain.metrics.run_figures import RunFigures
from econsim.domain.metrics.server_figures import server_families
from econsim.domain.metrics.worker_figures import WorkerFigures
from econsim.errors import Unavailable
from econsim.identity.roles import MONITOR_REQUESTS
from econsim.schemas.ledger import Position
from econsim.schemas.metrics import FiguresReported
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext

KEPT_S: Final = 60.0
"""Seconds that the figures of a run are exported after its end, so that a short one is seen by a few scrapes."""

JSZ, VARZ = MONITOR_REQUESTS

_ALL_STREAMS: Final = json.dumps(
    {"accounts": True, "streams": True, "consumer": True, "config": True}
).encode()


class Exporter:
    """Figures of the server, of all workers, and of the runs that this worker follows."""

    def __init__(self, context: ServiceContext, address: str, port: int) -> None:
        """Export at this address and port, from `start` to `stop`."""
        self._context = context
        self._workers = WorkerFigures()
        self._subscription: Subscription | None = None
        self.exposition = Exposition(address, port, self.families)
        """Listener that Prometheus asks."""

    async def start(self) -> None:
        """Begin to take reports and to listen."""
        self.exposition.start()
        self._subscription = await self._context.client.subscribe(
            subjects.FIGURES_REPORTED.pattern(), cb=self.take
        )

    async def stop(self) -> None:
        """Stop listening."""
        await self.exposition.stop()
        if self._subscription and not self._context.client.is_closed:
            await self._subscription.unsubscribe()

    async def take(self, message: Msg) -> None:
        """Take in the report of a worker; a message that is none changes nothing."""
        where = fields(message.subject)
        with suppress(ValidationError):
            report = FiguresReported.model_validate_json(message.data, strict=True)
            self._workers.take(where.entity, where.run, report, time.monotonic())

    async def families(self) -> Iterable[Family]:
        """Return all metrics as they are now; without those of the servers while the connection is lost."""
        found = [*self._workers.families(time.monotonic())]
        client = self._context.client
        with suppress(nats.errors.Error):
            found += server_families(
                *await asyncio.gather(ask_servers(client, VARZ), ask_servers(client, JSZ, _ALL_STREAMS))
            )
        found.append(self._open_runs())
        merged = {family.name: family for family in found}
        for figures in self._followed_runs():
            for family in figures.families(await self._balances(figures)):
                merged.setdefault(
                    family.name, Family(family.name, family.kind, family.meaning)
                ).samples += family.samples
        return merged.values()

    def _followed_runs(self) -> list[RunFigures]:
        """Return the figures of runs that are open or have just ended; forget the others."""
        runs, oldest = self._context.run_figures, time.monotonic() - KEPT_S
        for name in [name for name, each in runs.items() if (each.ended_s or oldest) < oldest]:
            del runs[name]
        return list(runs.values())

    def _open_runs(self) -> Family:
        family = Family("econsim_runs_open", GAUGE, "Runs that are open.")
        family.add(len(self._context.runs))
        return family

    async def _balances(self, figures: RunFigures) -> dict[str, dict[str, Position]]:
        try:
            return await read_balances(self._context.client, figures.run, figures.holders)
        except (Unavailable, nats.errors.Error):
            return {}
