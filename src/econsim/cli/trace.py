"""`econsim trace`: make the spans of a run from its log, and show or send them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import console, flush_stdout, say, write_json
from econsim.cli.run_argument import RunFileOrEventArgument, RunOrFileOption
from econsim.errors import NotFound

if TYPE_CHECKING:
    from econsim.cli.kept_log import KeptLog
    from econsim.cli.readable_run import ReadableRun
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.domain.tracing.span import Span

Use = Callable[["AsyncIterator[list[Span]]"], Awaitable[None]]
"""Does something with the spans of a run."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Spans that are asked for."""

    what: str | Path
    """A run, `last`, an archive's file, or an event."""
    run: str | Path
    """Run of the event."""
    tick: int | None
    """Tick of the spans; none for all."""
    follow: bool
    """True to go on until the run ends."""


def trace(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    what: RunFileOrEventArgument = "last",
    *,
    run: RunOrFileOption = "last",
    tick: Annotated[
        int | None,
        typer.Option(
            help="Show this tick as a waterfall; 0 is the run with its periods.",
            metavar="N",
            parser=option_types.Whole(0, option_types.SEQUENCE_MAX),
        ),
    ] = None,
    otlp: Annotated[
        str | None,
        typer.Option(
            help="Send all spans to this collector: Tempo, Jaeger, an OpenTelemetry Collector.",
            metavar="URL",
            parser=option_types.http_url,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each span as one line of JSON.")] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="Go on with new spans until the run ends; with --otlp or --json."
        ),
    ] = False,
) -> None:
    """Show where the time of a run went, as OpenTelemetry spans made from its log. No run must have been traced.

    Each tick is a trace; each event is a span under its cause, which lasts from its cause until it happened.

    Example: [cyan]econsim trace last[/cyan], then [cyan]econsim trace last --tick 7[/cyan]

    Example: [cyan]econsim trace last --otlp http://127.0.0.1:4318 --follow[/cyan]
    """
    use = partial(_send, url=otlp) if otlp else _write if as_json else None
    if follow and not use:
        message = "--follow goes with --otlp or --json; the table and the waterfall show what happened so far"
        raise typer.BadParameter(message)
    run_async(_trace(settings_of(context), Choice(what, run, tick, follow), use))


async def _trace(config: Settings, choice: Choice, use: Use | None) -> None:
    from econsim.cli.readable_run import LAST, readable_run

    others = (choice.run,) if choice.what != LAST else ()
    wanted = choice.run if choice.what == LAST else choice.what
    async with readable_run(config, wanted, *others, brief=not choice.follow) as source:
        event, tick = None, choice.tick
        if others and source.asked != choice.what:
            event, tick = await _find(source, str(choice.what))
        log = source.log()
        spans = _spans(log, tick, follow=choice.follow)
        if use:
            await use(spans)
        elif tick is None:
            await _show_profile(spans, source.name)
        else:
            await _show_waterfall(spans, source.name, tick, event)
    log.check()


async def _find(source: ReadableRun, name: str) -> tuple[str, int]:
    """Return the id and tick of the fact that an id or its beginning stands for; raises NotFound."""
    from econsim.domain.audit.causality import CausalGraph, names_of
    from econsim.domain.audit.facts import facts

    graph = CausalGraph()
    async for entry in source.log().so_far():
        if any(known.startswith(name) for fact in facts(entry) for known in (fact.event_id, *names_of(fact))):
            graph.add(entry)
    try:
        found = graph.find(name)
    except NotFound as error:
        message = (
            f"{error} ({source.name}), and {name!r} is no run; another run of an event is named with --run"
        )
        raise NotFound(message, code=error.error_code) from None
    return found.event_id, found.tick


async def _spans(log: RunLog | KeptLog, tick: int | None, *, follow: bool) -> AsyncIterator[list[Span]]:
    """Yield the spans of a run, or of the trace of one tick; the last when the run ends, or with what there is so far."""
    from econsim.domain.tracing.derivation import SpanMaker
    from econsim.domain.tracing.span import trace_id

    maker = SpanMaker()

    def of_trace(spans: list[Span]) -> list[Span]:
        return [each for each in spans if tick is None or each.trace_id == trace_id(log.run, tick)]

    async for entry in log.so_far():
        if found := of_trace(maker.add(entry)):
            yield found
    if follow:
        async for entry in log.onwards():
            if found := of_trace(maker.add(entry)):
                yield found
    yield of_trace(maker.close())


async def _send(spans: AsyncIterator[list[Span]], url: str) -> None:
    import asyncio

    from econsim.schemas.addresses import shown_url
    from econsim.services.trace.collector import span_collector

    sender, number = span_collector(url), 0
    await asyncio.to_thread(sender.require_listener)
    try:
        async for some in spans:
            await asyncio.to_thread(sender.send, some)
            number += len(some)
    finally:
        sender.close()
    say("{number:,} spans sent to {url}", number=number, url=shown_url(url))


async def _write(spans: AsyncIterator[list[Span]]) -> None:
    from econsim.domain.tracing.wire import span_json

    async for some in spans:
        for span in some:
            write_json(span_json(span))
    flush_stdout()


async def _show_profile(spans: AsyncIterator[list[Span]], run: str) -> None:
    from econsim.report.tables import print_table
    from econsim.report.waterfall import SpanProfile

    profile = SpanProfile()
    async for some in spans:
        profile.add(some)
    print_table(console(), profile.table())
    slowest = profile.slowest()
    if slowest and not slowest[0][1]:
        say("\nno tick took time: one worker executed the run whole, and all events of a tick share one time")
    elif slowest:
        shown = ", ".join(f"{tick} ({length:.1f} ms)" for tick, length in slowest)
        say("\nslowest ticks: {shown}", shown=shown)
        say(
            "[cyan]econsim trace {run} --tick {tick}[/cyan] shows one as a waterfall",
            run=run,
            tick=slowest[0][0],
        )


async def _show_waterfall(spans: AsyncIterator[list[Span]], run: str, tick: int, event: str | None) -> None:
    from econsim.domain.tracing.span import span_id
    from econsim.report.waterfall import lineage, waterfall

    found = [span async for some in spans for span in some]
    if not found:
        message = f"run {run} has no tick {tick}; `econsim trace {run}` names its slowest ticks"
        raise NotFound(message, code="tick_does_not_exist")
    marked = span_id(run, event) if event else ""
    shown = lineage(found, marked) if event else found
    say("run {run}, tick {tick}, trace {trace}\n", run=run, tick=tick, trace=found[0].trace_id)
    for line in waterfall(shown, console().width, frozenset({marked})):
        console().print(line, soft_wrap=True)
