"""`econsim events`: show the facts of a run, one line each."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import console, echo, flush_stdout, write_json
from econsim.cli.run_argument import RunOrFileArgument
from econsim.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from rich.text import Text

    from econsim.cli.kept_log import KeptLog
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.domain.audit.facts import Fact


FURTHER_BACK: Final = 8
"""Factor by which more events are read if too few match: a search through a whole run reads a seventh of it twice."""

Show = Callable[["deque[Fact]"], None]
"""Prints a queue of facts and empties it."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Filter of a run's facts."""

    types: frozenset[str] | None
    """Types of the facts; none for all."""
    reports: str
    """Beginning of the types of agents' own reports that match beside `types`; empty for none."""
    actor: str | None
    """Agent that the facts are about; none for all."""
    newest: int | None
    """Number of newest facts from the past; none for all."""
    follow: bool
    """True to go on until the run ends."""

    @property
    def has_calls(self) -> bool:
        """True if facts about calls of models can match."""
        from econsim.subjects import LLM_INVOKED

        return self.types is None or LLM_INVOKED.type in self.types

    @property
    def is_read_from_end(self) -> bool:
        """True if the newest facts are enough, and the tick of each is known without those before them."""
        from econsim.domain.audit.causality import UNCAUSED_TYPES

        # No pattern of subjects stands for the beginning of a word.
        is_known = not self.reports and UNCAUSED_TYPES.isdisjoint(self.types or ())
        return bool(self.newest) and not self.follow and is_known

    def of_any_type(self) -> EventFilter:
        """Return the filter of one newest fact about the same actor."""
        return replace(self, types=None, reports="", newest=1)

    def fits(self, fact: Fact) -> bool:
        """Tell whether a fact matches the filter."""
        is_report = bool(self.reports) and fact.type.startswith(self.reports)
        return (self.types is None or is_report or fact.type in self.types) and self.concerns(fact)

    def concerns(self, fact: Fact) -> bool:
        """Tell whether a fact is about the actor, if one was named."""
        return self.actor is None or fact.concerns(self.actor)


def events(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    run: RunOrFileArgument = "last",
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new facts until the run ends.")
    ] = False,
    actor: Annotated[
        str | None,
        typer.Option(
            help="Only facts that this agent did or took part in.", metavar="A", parser=option_types.name
        ),
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="Only types that begin so: trade, order_rej, …; agent.NAME for what agents report.",
            metavar="T",
            parser=option_types.ParsedBy(_type_name),
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Of the past facts, only the newest N.",
            metavar="N",
            parser=option_types.Whole(1, option_types.ROWS_MAX),
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each fact as one line of JSON.")] = False,
) -> None:
    """Show the facts of a run, one a line: tick, time, type, actor, description. An event of many items is many facts.

    Over NATS there are more than in memory: each host's cycle_completed and cognitive_cycles_started, and operators' commanded.

    Example: [cyan]econsim events last --type trade --limit 20[/cyan]

    Example: [cyan]econsim events last --actor buyer_003 --follow[/cyan]
    """
    reports = type_ if type_ and names_reports(type_) else ""
    choice = EventFilter(event_types(type_) if type_ else None, reports, actor, limit, follow)
    run_async(_events(settings_of(context), run, choice, as_json=as_json))


async def _events(config: Settings, run: str | Path, choice: EventFilter, *, as_json: bool) -> None:
    from econsim.cli.readable_run import readable_run
    from econsim.domain.audit.facts import facts

    show = printer(as_json=as_json)
    async with readable_run(config, run, unopened=True, brief=not choice.follow) as source:
        # A file of facts answers a replay by itself; a line for people has no text.
        with_texts = as_json and choice.has_calls
        log: RunLog | KeptLog
        if choice.is_read_from_end and source.client:
            log_of_run = partial(source.server_log, with_texts=with_texts)
            log, kept = await _newest(log_of_run, choice)
            known = bool(kept or (choice.actor and (await _newest(log_of_run, choice.of_any_type()))[1]))
            show(kept)
        else:
            log = source.log(with_texts=with_texts)
            known = await _show_past(log, choice, show)
        if choice.actor and not known:
            await source.require_agent(choice.actor)
        if log.end.stopped and not log.end.closed:
            note = f"run {source.name} is stopped; `econsim resume {source.name}` goes on with it"
            echo(note, fg="yellow", err=True)
        if choice.follow:
            async for entry in log.onwards():
                show(deque(filter(choice.fits, facts(entry))))
    log.check()


async def _show_past(log: RunLog | KeptLog, choice: EventFilter, show: Show) -> bool:
    """Show the facts of the past that match; return whether any is about the actor."""
    from econsim.domain.audit.facts import facts

    known, kept = False, deque["Fact"](maxlen=choice.newest)
    async for entry in log.so_far():
        found = list(facts(entry))
        known = known or any(map(choice.concerns, found))
        kept.extend(filter(choice.fits, found))
        if not choice.newest:
            show(kept)
    show(kept)
    return known


async def _newest(log_of_run: Callable[[], RunLog], choice: EventFilter) -> tuple[RunLog, deque[Fact]]:
    """Return the log as far as it was read, and its newest facts that match.

    It is read from the end, and further back until enough facts match.
    """
    from econsim.domain.audit.facts import facts

    wanted = count = choice.newest or 0
    while True:
        log = log_of_run()
        records, whole = await log.newest(choice.types, count)
        found = [fact for entry in records for fact in facts(entry) if choice.fits(fact)]
        # Records without a tick of their own have that of those before them.
        if whole or (len(found) >= wanted and records[0].tick):
            return log, deque(found, maxlen=wanted)
        count *= FURTHER_BACK


def printer(*, as_json: bool) -> Show:
    """Return the printer of facts; colours take time, so only a terminal gets them."""
    out = console()

    def show(found: deque[Fact]) -> None:
        while found:
            fact = found.popleft()
            if as_json:
                write_json(json.dumps(asdict(fact), ensure_ascii=False))
            elif out.is_terminal:
                out.print(fact_line(fact), soft_wrap=True)
            else:
                sys.stdout.write(fact_line(fact).plain + "\n")
        flush_stdout()

    return show


def fact_line(fact: Fact) -> Text:
    """Return a fact as one line: tick, time of day, type, actor, description."""
    from rich.text import Text

    from econsim.domain.audit.describe import describe
    from econsim.report.cause_tree import COLOURS

    action = fact.type.partition(".")[2]
    return Text.assemble(
        (f"{fact.tick:>6} ", "bold"),
        (f"{fact.occurred_at[11:23]} ", "dim"),
        (f"{action:<16} ", COLOURS.get(action, "")),
        f"{fact.actor:<14} {describe(fact)}",
    )


def _type_name(text: str) -> str:
    """Return the beginning of a type as it was given; raises NotFound if no type can begin so."""
    event_types(text)
    return text


def names_reports(name: str) -> bool:
    """Tell whether the beginning of a type is one of what agents report: it has their domain, which `agent` alone is not."""
    from econsim.subjects import REPORT

    return name.startswith(REPORT.template.partition("{")[0])


def event_types(name: str) -> frozenset[str]:
    """Return the event types of the table that begin with a name.

    Raises NotFound if none does, unless it is the name of what agents report, which they choose themselves.
    """
    from econsim.schemas.subject import SubjectKind
    from econsim.subjects import TABLE

    known = {row.type for row in TABLE if row.kind is SubjectKind.EVENT}
    found = frozenset(
        kind for kind in known if name and (kind.startswith(name) or kind.partition(".")[2].startswith(name))
    )
    if not found and not names_reports(name):
        actions = ", ".join(sorted(kind.partition(".")[2] for kind in known))
        message = f"no event type begins with {name[:80]!r}; the types are {actions}, and agent.NAME for what agents report"
        raise NotFound(message)
    return found
