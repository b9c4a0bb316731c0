"""`econsim mcp-server`: serve an agent's powers as tools to an assistant that speaks the Model Context Protocol."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.errors import SetupError


def mcp_server(
    context: typer.Context,
    *,
    run: Annotated[
        str, typer.Option("--run", help="Run of the agent.", metavar="RUN", parser=option_types.run_name)
    ],
    agent: Annotated[
        str,
        typer.Option("--agent", help="Name of the agent.", metavar="AGENT", parser=option_types.agent),
    ],
) -> None:
    """Offer an agent's powers as MCP tools on standard input and output: for an assistant, which starts it.

    It uses the agent's own credentials, so it can do nothing that the agent may not. It joins the run at the first call of a
    tool; what is wrong is the error of that call.

    Example: [cyan]econsim --state /srv/market/.econsim mcp-server --run demo --agent ana[/cyan]
    """
    if find_spec("mcp") is None:
        message = "the MCP library is not installed; install it with `pip install 'econsim[mcp]'`"
        raise SetupError(message)
    from econsim.agents.mcp_server.server import serve
    from econsim.agents.toolset.membership import Membership

    async def serve_agent() -> None:
        await serve(Membership(run, agent, settings_of(context)))

    run_async(serve_agent())
