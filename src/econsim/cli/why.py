"""`econsim why`: show the causes and the effects of a fact as a tree."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console
from econsim.cli.run_argument import RunOrFileOption
from econsim.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nats.aio.client import Client

    from econsim.adapters.jetstream.direct_get import StoredMessage
    from econsim.cli.kept_log import KeptLog
    from econsim.cli.readable_run import ReadableRun
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.domain.audit.causality import CausalGraph
    from econsim.domain.audit.facts import Fact


ID_WITH_TICK: Final = re.compile(r"-(\d{1,12})-\d+(?:\.\d+)?$")
"""End of the ids of orders and trades of hosted agents: the tick, and numbers within it."""


def why(
    context: typer.Context,
    event: Annotated[
        str,
        typer.Argument(
            help="Id of an event, trade, order, call or chain, or its unique beginning.",
            metavar="EVENT",
            parser=option_types.event,
        ),
    ],
    *,
    run: RunOrFileOption = "last",
    as_json: JsonOption = False,
) -> None:
    """Show the causes of a fact, back to the opening of the run, and its effects.

    Example: [cyan]econsim events last --type trade --limit 1[/cyan], then [cyan]econsim why[/cyan] with the trade's id
    """
    run_async(_why(settings_of(context), event, run, as_json=as_json))


async def _why(config: Settings, event: str, run: str | Path, *, as_json: bool) -> None:
    from econsim.cli.readable_run import readable_run
    from econsim.report.cause_tree import cause_tree

    async with readable_run(config, run, unopened=True) as source:
        log, causes = await _causes_and_effects(source, event)
    try:
        if as_json:
            write_rows(_rows(causes, event))
        else:
            console().print(cause_tree(causes, event))
    except NotFound as error:
        message = f"{error} ({log.run}); another run is named with --run"
        log.check()
        raise NotFound(message, code=error.error_code) from None
    log.check()


def _rows(causes: CausalGraph, name: str) -> list[dict[str, object]]:
    """Return the causes of a fact from the root down, the fact, and its effects, each with the id of its cause there."""
    steps = causes.chain(name)[::-1]
    before = [None, *(fact.event_id for fact in steps)]
    rows: list[dict[str, object]] = [
        {"relation": "cause", "cause": cause, **asdict(fact)}
        for fact, cause in zip(steps, before, strict=False)
    ]
    rows[-1]["relation"] = "asked"
    waiting = [(node, steps[-1].event_id) for node in causes.tree(name).effects]
    while waiting:
        node, cause = waiting.pop(0)
        rows.append({"relation": "effect", "cause": cause, **asdict(node.fact)})
        waiting += [(below, node.fact.event_id) for below in node.effects]
    return rows


async def _causes_and_effects(source: ReadableRun, event: str) -> tuple[RunLog | KeptLog, CausalGraph]:
    """Return the records of a run as far as they were read, and a graph with the causes and effects of a fact."""
    from econsim.domain.audit.causality import CausalGraph

    if source.client:
        return await causes_and_effects(source.client, source.name, event)
    log, causes = source.log(), CausalGraph()
    async for entry in log.so_far():
        causes.add(entry)
    return log, causes


async def causes_and_effects(client: Client, run: str, event: str) -> tuple[RunLog, CausalGraph]:
    """Return the log of a run as far as it was read, and a graph with the causes and effects of a fact, if it has that fact."""
    from econsim.cli.run_log import RunLog
    from econsim.domain.audit.causality import CausalGraph

    log = RunLog(client, run)
    await log.wait_for_copies()
    causes = None if log.damage else await _relatives(client, run, event)
    if causes is None:
        log, causes = RunLog(client, run), CausalGraph()
        async for entry in log.so_far():
            causes.add(entry)
    return log, causes


async def _relatives(client: Client, run: str, name: str) -> CausalGraph | None:
    """Return a graph with the causes and effects of a fact, from a part of the log; none if it takes the whole log."""
    from econsim.adapters.jetstream import run_reader
    from econsim.cli.run_log import verified_record
    from econsim.domain.audit.relatives import Relatives
    from econsim.errors import InvalidMessage

    found, tick = Relatives(name, verified_record), ID_WITH_TICK.search(name)
    start = await run_reader.place_of_tick(client, run, int(tick[1])) if tick else 1
    try:
        async for each in run_reader.events(client, run, start):
            found.look_at(each)
        graph = found.effects()
        await _climb(client, graph, graph.find(name), found.places())
    except (InvalidMessage, NotFound):
        return None
    return graph


async def _climb(client: Client, graph: CausalGraph, fact: Fact, places: dict[str, int]) -> None:
    """Add the causes of a fact up to the run's opening, given the places of events; raises NotFound if one is missing."""
    from econsim import subjects
    from econsim.domain.audit.causality import named_cause

    seen: set[str] = set()
    while fact.type != subjects.RUN_OPENED.type:
        seen.add(fact.event_id)
        cause = named_cause(fact)
        if cause and cause not in graph:
            place = places[fact.event_id.partition(".")[0]]
            await _add_cause(
                graph, cause, places, _possible_causes(client, fact.correlation_id, cause, place)
            )
        found = graph.find(cause) if cause and cause in graph else None
        if found is None or found.event_id in seen:
            message = f"the cause of {fact.event_id} is not in the log by the id that it names"
            raise NotFound(message)
        fact = found


async def _add_cause(
    graph: CausalGraph, cause: str, places: dict[str, int], possible: AsyncIterator[StoredMessage]
) -> None:
    """Add events until one has the id of a cause."""
    from econsim.cli.run_log import verified_record

    async for each in possible:
        entry = verified_record(each)
        graph.add(entry)
        places[entry.event_id] = each.sequence
        if cause in graph:
            return


async def _possible_causes(client: Client, run: str, cause: str, place: int) -> AsyncIterator[StoredMessage]:
    """Yield events one of which may have an id, before a place; an id of an event of the clock stands in no record."""
    from econsim import subjects
    from econsim.adapters.jetstream import run_reader

    rows = {
        "endow": subjects.RUN_OPENED,
        "deal": subjects.PERIOD_OPENED,
        "redeem": subjects.PERIOD_CLOSED,
        "tick": subjects.TICKED,
    }
    row = rows.get(cause.partition(".")[0])
    if row in (None, subjects.TICKED):
        found = _back_from(client, run, row(run=run) if row else f"*.*.*.{run}", place)
    else:
        found = run_reader.of_subject(client, row(run=run))
    async for each in found:
        if row or cause.encode() in each.payload:
            yield each


async def _back_from(client: Client, run: str, pattern: str, place: int) -> AsyncIterator[StoredMessage]:
    """Yield the tick that is open at a place, which most envelopes name, then all events of a pattern before it, the nearest first."""
    from econsim import subjects
    from econsim.adapters.jetstream import run_reader

    if ticked := await run_reader.newest_before(client, subjects.TICKED(run=run), place):
        yield ticked
    async for each in run_reader.before(client, pattern, place):
        yield each
