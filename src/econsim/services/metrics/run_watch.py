"""The leader that follows one open run for its economic figures."""

from __future__ import annotations

import time
from contextlib import aclosing, suppress

from econsim.adapters.jetstream.audit_log import follow
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.facts import record
from econsim.domain.metrics.run_figures import FOLLOWED, RunFigures
from econsim.errors import InvalidMessage
from econsim.services.context import ServiceContext


async def serve(context: ServiceContext, run: ActiveRun) -> None:
    """Follow a run from its start until cancelled; its figures are exported meanwhile, and for a while after its end."""
    figures = context.run_figures[run.name] = RunFigures(run.name, run.data.scenario)
    try:
        await _follow(context, figures)
    finally:
        if run.name in context.runs:
            # Another worker follows it now.
            del context.run_figures[run.name]
        else:
            figures.ended_s = time.monotonic()


async def _follow(context: ServiceContext, figures: RunFigures) -> None:
    patterns = [row.pattern(run=figures.run) for row in FOLLOWED]
    async with aclosing(follow(context.client, figures.run, patterns)) as events:
        async for stored in events:
            # What is no event changes no figure.
            with suppress(InvalidMessage):
                figures.add(record(stored.subject, stored.payload))
