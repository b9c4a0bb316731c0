"""`econsim why`: show the causes and the effects of a fact as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.events import COLOURS
from econsim.cli.output import console
from econsim.errors import NotFound

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from econsim.config import Settings
    from econsim.domain.audit.causality import CausalGraph, EffectTree
    from econsim.domain.audit.facts import Fact


EFFECTS_SHOWN_MAX: Final = 12
"""Effects of one fact that are shown; a tick has thousands."""


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
    run: Annotated[
        str,
        typer.Option(
            "--run", help="Run of the event; `last` is the newest.", metavar="RUN", parser=option_types.name
        ),
    ] = "last",
) -> None:
    """Show the causes of a fact, back to the opening of the run, and its effects.

    Example: [cyan]econsim events last --type trade --limit 1[/cyan], then [cyan]econsim why[/cyan] with the trade's id
    """
    run_async(_why(settings_of(context), event, run))


async def _why(config: Settings, event: str, run: str) -> None:
    from econsim.cli.run_log import RunLog, resolve
    from econsim.domain.audit.causality import CausalGraph

    causes = CausalGraph()
    async with connect_to_server(config) as client:
        name = await resolve(client, run, unopened=True)
        log = RunLog(client, name)
        async for entry in log.so_far():
            causes.add(entry)
    try:
        console().print(cause_tree(causes, event))
    except NotFound as error:
        message = f"{error} ({name}); another run is named with --run"
        log.check()
        raise NotFound(message, code=error.error_code) from None
    log.check()


def cause_tree(causes: CausalGraph, name: str) -> Tree:
    """Return a tree of a fact: its causes from the root down to it, and its effects below it."""
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
