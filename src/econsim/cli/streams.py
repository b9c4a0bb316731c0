"""`econsim streams`: compare the streams and buckets of a server with the declared ones, and apply the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import SETUP, connect_to_server
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import say

if TYPE_CHECKING:
    from econsim.adapters.jetstream.provision import Change
    from econsim.config import Settings

COLOURS: Final = {"keep": "dim", "create": "green", "update": "yellow", "blocked": "bold red"}
"""Colour of each kind of change."""

streams: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Compare the streams and buckets of a server with the declared ones, and update them.",
)


@streams.command()
def plan(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Show what `apply` would change, and change nothing. Ends with 1 if a change cannot be applied.

    Example: [cyan]econsim streams plan[/cyan]
    """
    changes = run_async(_plan(settings_of(context)))
    if as_json:
        write_rows(map(_row, changes))
    else:
        _show(changes)
    if any(change.action == "blocked" for change in changes):
        raise typer.Exit(1)


@streams.command()
def apply(context: typer.Context) -> None:
    """Create and update streams and buckets, so that the server has the declared ones.

    Example: [cyan]econsim --nats nats://nats.example:4222 --creds creds/ streams apply[/cyan]
    """
    _show(run_async(_apply(settings_of(context))))


async def _plan(config: Settings) -> list[Change]:
    from econsim.adapters.jetstream import provision

    async with connect_to_server(config, SETUP) as client:
        return await provision.plan(client, config.replicas)


async def _apply(config: Settings) -> list[Change]:
    from econsim.adapters.jetstream import provision

    async with connect_to_server(config, SETUP) as client:
        return await provision.apply(client, config.replicas)


def _row(change: Change) -> dict[str, object]:
    differences = [str(part) for part in change.differences]
    return {"stream": change.stream.name, "action": change.action, "differences": differences}


def _show(changes: list[Change]) -> None:
    from rich.markup import escape

    for change in changes:
        say(escape(str(change)), COLOURS[change.action])
