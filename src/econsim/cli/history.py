"""Commands that read a run back: which runs there are, what happened in one, and why."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import carried_out, configured
from econsim.cli.connect import attached
from econsim.cli.output import console, echo, flush, teller, write_json
from econsim.errors import NotFound

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from econsim.cli.run_list import RunSeen
    from econsim.config import Settings
    from econsim.domain.audit.causality import CausalGraph, EffectTree
    from econsim.domain.audit.facts import Fact

RunArgument = Annotated[
    str,
    typer.Argument(
        help="Name of a run; `last` is the newest.",
        metavar="RUN",
        show_default=False,
        parser=option_types.name,
    ),
]
"""The run a command is about."""

COLOURS: Final = {
    "trade_executed": "green",
    "order_rejected": "red",
    "transfer_refused": "red",
    "order_cancelled": "yellow",
    "bid_accepted": "cyan",
    "ask_accepted": "magenta",
    "transfer_posted": "dim",
    "ticked": "bold blue",
    "opened": "bold",
    "closed": "bold",
    "period_opened": "bold",
    "period_closed": "bold",
}
"""Action of an event → its colour in a list."""

EFFECTS_SHOWN_MAX: Final = 12
"""Effects of one fact that `why` shows; a tick has thousands."""

Show = Callable[["deque[Fact]"], None]
"""Prints facts and empties their queue."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which facts of a run are shown."""

    types: frozenset[str] | None
    """Of these types; none for all."""
    actor: str | None
    """Only what this one did or took part in."""
    newest: int | None
    """Of those so far, how many; none for all."""
    follow: bool
    """Whether to go on until the run ends."""

    def fits(self, fact: Fact) -> bool:
        """Tell whether a fact is shown."""
        return (self.types is None or fact.type in self.types) and self.concerns(fact)

    def concerns(self, fact: Fact) -> bool:
        """Tell whether a fact is about the actor, if one was named."""
        return self.actor is None or fact.concerns(self.actor)


def runs(context: typer.Context) -> None:
    """List the runs in the log, with what they are and how far they came.

    Example: [cyan]econsim runs[/cyan]
    """
    carried_out(_runs(configured(context)))


def events(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    run: RunArgument = "last",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    actor: Annotated[
        str | None,
        typer.Option(help="Only what this agent did or took part in.", metavar="A", parser=option_types.name),
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="Only this type, or the beginning of it: trade, order_rej, …",
            metavar="T",
            parser=option_types.Checked(lambda text: types_named(text) and text),
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Of what happened so far, only the newest N.",
            metavar="N",
            parser=option_types.Whole(1, option_types.ROWS_MAX),
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show what happened in a run, one line a fact: tick, time, type, actor, what.

    Example: [cyan]econsim events last --type trade --limit 20[/cyan]

    Example: [cyan]econsim events last --actor buyer_003 --follow[/cyan]
    """
    choice = Choice(types_named(type_) if type_ else None, actor, limit, follow)
    carried_out(_events(configured(context), run, choice, printer(as_json=as_json)))


def why(
    context: typer.Context,
    event: Annotated[
        str,
        typer.Argument(
            help="Id of an event, trade, order or chain, or its unique beginning.",
            metavar="EVENT",
            parser=option_types.event,
        ),
    ],
    run: Annotated[
        str, typer.Option("--run", help="The run to look in.", metavar="RUN", parser=option_types.name)
    ] = "last",
) -> None:
    """Show why something happened, back to the opening of the run, and what it led to.

    Example: [cyan]econsim events last --type trade --limit 1[/cyan], then [cyan]econsim why[/cyan] with the trade's id
    """
    carried_out(_why(configured(context), event, run))


async def _runs(config: Settings) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.cli.run_list import KEPT, listed
    from econsim.report.tables import print_table

    async with attached(config) as client:
        found = await listed(client)
    table = Table(box=SIMPLE_HEAD)
    for heading in ("run", "scenario", "opened", "state"):
        table.add_column(heading, no_wrap=True)
    table.add_column("ticks", justify="right")
    table.add_column("in the log until", no_wrap=True)
    for seen in found.seen:
        until = "partly gone" if seen.partly else seen.retention_end
        table.add_row(seen.name, seen.scenario, seen.opened_at[:19], _state(seen), str(seen.tick), until)
    out, plain = console(), teller(console())
    print_table(out, table)
    for seen in found.seen:
        if seen.failure:
            plain(f"{seen.name} ended early: {seen.failure}")
    if found.gone:
        plain(
            f"the log of {len(found.gone)} older runs is gone; their ledgers are kept: {', '.join(found.gone)}"
        )
    plain(KEPT)
    found.check()


def _state(seen: RunSeen) -> str:
    if seen.failure:
        return "[red]failed[/red]"
    if seen.stopped:
        return "[yellow]stopped[/yellow]"
    return "[green]closed[/green]" if seen.closed else "[yellow]open[/yellow]"


async def _events(config: Settings, run: str, choice: Choice, show: Show) -> None:
    from econsim.cli.run_log import RunLog, require_agent, resolve
    from econsim.domain.audit.facts import facts

    known = choice.actor is None
    kept: deque[Fact] = deque(maxlen=choice.newest)
    async with attached(config) as client:
        name = await resolve(client, run, unopened=True)
        log = RunLog(client, name)
        async for entry in log.so_far():
            found = list(facts(entry))
            known = known or any(map(choice.concerns, found))
            kept.extend(filter(choice.fits, found))
            if not choice.newest:
                show(kept)
        show(kept)
        if choice.actor and not known:
            await require_agent(client, name, choice.actor)
        if log.end.stopped and not log.end.closed:
            note = f"run {name} is stopped; `econsim resume {name}` goes on with it"
            echo(note, fg="yellow", err=True)
        if choice.follow:
            async for entry in log.onwards():
                kept.extend(filter(choice.fits, facts(entry)))
                show(kept)
    log.check()


def printer(*, as_json: bool) -> Show:
    """Return what prints facts and empties their queue; colours cost time, so only a terminal gets them."""
    out = console()

    def show(found: deque[Fact]) -> None:
        while found:
            fact = found.popleft()
            if as_json:
                write_json(json.dumps(asdict(fact), ensure_ascii=False))
            elif out.is_terminal:
                out.print(line(fact), soft_wrap=True)
            else:
                sys.stdout.write(line(fact).plain + "\n")
        flush()

    return show


def line(fact: Fact) -> Text:
    """Return a fact in one line: tick, time of day, type, actor, what happened."""
    from rich.text import Text

    from econsim.domain.audit.describe import describe

    action = fact.type.partition(".")[2]
    return Text.assemble(
        (f"{fact.tick:>6} ", "bold"),
        (f"{fact.occurred_at[11:23]} ", "dim"),
        (f"{action:<16} ", COLOURS.get(action, "")),
        f"{fact.actor:<14} {describe(fact)}",
    )


def types_named(name: str) -> frozenset[str]:
    """Return the event types a name, or the beginning of one, stands for; raises NotFound."""
    from econsim.schemas.subject import SubjectKind
    from econsim.subjects import TABLE

    known = {row.type for row in TABLE if row.kind is SubjectKind.EVENT}
    found = frozenset(
        kind for kind in known if name and (kind.startswith(name) or kind.partition(".")[2].startswith(name))
    )
    if not found:
        actions = ", ".join(sorted(kind.partition(".")[2] for kind in known))
        message = f"no event type begins with {name[:80]!r}; the types are {actions}"
        raise NotFound(message)
    return found


async def _why(config: Settings, event: str, run: str) -> None:
    from econsim.cli.run_log import RunLog, resolve
    from econsim.domain.audit.causality import CausalGraph

    causes = CausalGraph()
    async with attached(config) as client:
        name = await resolve(client, run, unopened=True)
        log = RunLog(client, name)
        async for entry in log.so_far():
            causes.add(entry)
    try:
        console().print(tree(causes, event))
    except NotFound as error:
        message = f"{error} ({name}); another run is named with --run"
        log.check()
        raise NotFound(message, code=error.error_code) from None
    log.check()


def tree(causes: CausalGraph, name: str) -> Tree:
    """Return the causes of a fact from the root down to it, and below it what it led to."""
    from rich.text import Text
    from rich.tree import Tree

    root = branch = Tree(Text("why", style="dim"), hide_root=True, guide_style="dim")
    steps = causes.chain(name)
    for fact in reversed(steps[1:]):
        branch = branch.add(_leaf(fact))
    _grow(branch.add(Text.assemble(("▶ ", "bold yellow"), _leaf(steps[0]))), causes.tree(name))
    return root


def _grow(branch: Tree, node: EffectTree) -> None:
    for effect in node.effects[:EFFECTS_SHOWN_MAX]:
        _grow(branch.add(_leaf(effect.fact)), effect)
    if len(node.effects) > EFFECTS_SHOWN_MAX:
        branch.add(f"[dim]… and {len(node.effects) - EFFECTS_SHOWN_MAX} more[/dim]")


def _leaf(fact: Fact) -> Text:
    from rich.text import Text

    from econsim.domain.audit.describe import describe

    action = fact.type.partition(".")[2]
    return Text.assemble(
        (action, COLOURS.get(action, "")),
        f" {describe(fact)}",
        (f"  tick {fact.tick}, {fact.event_id}", "dim"),
    )
