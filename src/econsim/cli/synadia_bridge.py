"""`econsim synadia-bridge`: let a host of the Synadia Agent Protocol decide for an agent."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Final

import typer

from econsim.agents.synadia.host_name import HostName, parse_host_name
from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import echo
from econsim.errors import SetupError

ANSWER_MAX_S: Final = 600.0
"""Seconds of one answer at most: the longest that the protocol's SDK waits by itself."""


def synadia_bridge(
    context: typer.Context,
    *,
    run: Annotated[
        str, typer.Option("--run", help="Run of the agent.", metavar="RUN", parser=option_types.run_name)
    ],
    agent: Annotated[
        str, typer.Option("--agent", help="Name of the agent.", metavar="AGENT", parser=option_types.agent)
    ],
    host: Annotated[
        HostName | None,
        typer.Option(
            "--host",
            help="Host to ask, if there is more than one: AGENT.OWNER.SESSION.",
            metavar="HOST",
            parser=option_types.ParsedBy(parse_host_name),
        ),
    ] = None,
    answer_s: Annotated[
        float,
        typer.Option(
            help="Seconds for one answer.", metavar="S", parser=option_types.Seconds(1.0, ANSWER_MAX_S)
        ),
    ] = 50.0,
) -> None:
    """Ask a host of the Synadia Agent Protocol at each tick, and trade as it says, until the run ends.

    The host connects to the same server with the agent's own creds file, and is found in the agent's account.

    Example: [cyan]econsim synadia-bridge --run demo --agent ana[/cyan]
    """
    if find_spec("synadia_ai") is None:
        message = "the protocol's library is not installed; install it with `pip install 'econsim[synadia]'`"
        raise SetupError(message)
    from econsim.agents.synadia.bridge import Bridge
    from econsim.agents.toolset.membership import Membership

    async def trade() -> None:
        membership = Membership(run, agent, settings_of(context))
        await Bridge(membership, host, answer_s, lambda line: echo(line, err=True, fg="yellow")).trade()

    run_async(trade())
