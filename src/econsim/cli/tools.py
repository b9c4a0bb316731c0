"""`econsim tools`: the tools of outside servers with their terms, and one call: at the server itself, or paid by an agent."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import print_error, run_async, settings_of
from econsim.cli.connect import required_server_url
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, print_text_of_others, print_warnings, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from econsim.agents.session import AgentSession
    from econsim.agents.tools import ToolTerms
    from econsim.config import Settings
    from econsim.schemas.mcp import CallLimits

OPEN_S: Final = 2.0
"""Seconds to wait for the credentials of an agent and for its run: both should be there."""

CALL_S: Final = 15.0
"""Seconds that a call may take by default."""

TEXT_MAX: Final = 100
"""Characters of a tool's description that a row has."""

tools: Final = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="List the tools of outside servers, and try one."
)

RunOption = Annotated[
    str | None,
    typer.Option(
        "--run", help="Ask the gateway of this open run.", metavar="RUN", parser=option_types.run_name
    ),
]
"""Option: run whose gateway is asked."""

AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        help="Ask as this external agent of the run, which pays.",
        metavar="AGENT",
        parser=option_types.agent,
    ),
]
"""Option: agent that asks and pays."""


@tools.command(name="list")
def list_(
    context: typer.Context,
    server: Annotated[
        str | None,
        typer.Argument(
            help="Name of one server; without it, all.", metavar="SERVER", parser=option_types.name
        ),
    ] = None,
    *,
    run: RunOption = None,
    agent: AgentOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tools that agents may call: price, results that are kept, limits of one agent, and what the server says.

    Without a run it reads the file that ECONSIM_TOOLS names, starts its servers for as long as the command takes, and shows what
    they offer; nothing of econsim need run. With a run and an agent it asks the gateway of the running services.

    Example: [cyan]ECONSIM_TOOLS=tools.toml econsim tools list[/cyan], then [cyan]econsim tools list --run demo --agent ana[/cyan]
    """
    config, member = settings_of(context), _member(context, run, agent)
    if member:
        found, faults = run_async(_list_of_run(config, *member, server))
    else:
        found, faults = run_async(_list_here(config, server))
    if as_json:
        write_rows(map(_terms_row, found))
    elif found:
        _print_table(found)
    for fault in faults:
        print_error(fault)
    if faults:
        raise typer.Exit(1)
    if not found and not as_json:
        say("no tool is offered to agents; docs/how-to/offer-tools.md says how to offer one")


@tools.command()
def call(  # noqa: PLR0913 - server, tool, arguments, and who pays
    context: typer.Context,
    server: Annotated[
        str, typer.Argument(help="Name of the server.", metavar="SERVER", parser=option_types.name)
    ],
    tool: Annotated[str, typer.Argument(help="Name of the tool.", metavar="TOOL", parser=option_types.text)],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="One JSON object, or key=value for each argument.",
            metavar="ARGS",
            parser=option_types.text,
            show_default=False,
        ),
    ] = None,
    *,
    run: RunOption = None,
    agent: AgentOption = None,
    call_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="Id of a paid call: the same again costs nothing more.",
            metavar="ID",
            parser=option_types.identifier,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds that the call may take.",
            metavar="SECONDS",
            parser=option_types.Seconds(0.001, 120.0),
        ),
    ] = CALL_S,
) -> None:
    """Call a tool once and print its result.

    Without a run the server is started here and asked directly: no gateway, no limits, and no money moves. With a run and an agent
    the call goes through the gateway as that agent's own, and the agent pays.

    Example: [cyan]econsim tools call time get_current_time timezone=UTC[/cyan], paid: [cyan]… --run demo --agent ana[/cyan]
    """
    config, member, words = settings_of(context), _member(context, run, agent), arguments or []
    if member:
        is_error = run_async(_call_in_run(config, *member, server, tool, words, timeout, call_id))
    elif call_id:
        message = "does nothing without --run and --agent: only a paid call has an id"
        raise typer.BadParameter(message, ctx=context, param_hint="'--id'")
    else:
        is_error = run_async(_call_here(config, server, tool, words, timeout))
    if is_error:
        raise typer.Exit(1)


def _member(context: typer.Context, run: str | None, agent: str | None) -> tuple[str, str] | None:
    """Return run and agent; none without both. Raises BadParameter for one alone."""
    if run and agent:
        return run, agent
    if run or agent:
        lacking = "--agent" if run else "--run"
        message = "is needed too: the gateway is asked as one agent of one run"
        raise typer.BadParameter(message, ctx=context, param_hint=f"'{lacking}'")
    return None


async def _list_here(config: Settings, server: str | None) -> tuple[list[ToolTerms], list[str]]:
    """Return the tools of the operator's file, and a sentence for each server that does not start."""
    from econsim.cli.tool_servers import offers, started_servers

    found: list[ToolTerms] = []
    faults: list[str] = []
    async for kept, fault in started_servers(config, server):
        terms, warnings = offers(kept)
        found += terms
        faults += filter(None, [fault])
        if not fault:
            print_warnings(warnings)
    return found, faults


async def _list_of_run(
    config: Settings, run: str, agent: str, server: str | None
) -> tuple[list[ToolTerms], list[str]]:
    """Return the tools that the gateway offers an agent, and a sentence for each server that is absent."""
    from dataclasses import replace

    async with _session(config, run, agent) as me:
        found = await me.tools.list(server)
        absent = () if server else await me.tools.absent_servers()
        one_each = {each.server: each.tool for each in found}
        quotes = {name: await me.tools.quote(name, tool) for name, tool in one_each.items()}
    terms = [replace(each, limits=quotes[each.server].limits) for each in found]
    return terms, [f"tool server {name!r} does not answer now; see the log of the gateway" for name in absent]


async def _call_here(
    config: Settings, server: str, tool: str, words: Sequence[str], timeout_s: float
) -> bool:
    """Call a tool at its server; return whether the tool reports an error."""
    from econsim.cli.tool_servers import configured_server
    from econsim.domain.mcp.outcome import result_text
    from econsim.domain.mcp.terms import require_terms
    from econsim.schemas.money import format_credits

    kept = configured_server(config, server)
    terms = require_terms(server, kept.table, tool)
    async with kept.opened_once():
        schemas = {name: each.input_schema for name, each in kept.tools.items()}
        params = _params(server, tool, words, schemas)
        result = await kept.call(tool, params, min(timeout_s, terms.timeout_ms / 1_000))
    _print_result(result_text(result), result.content, is_error=result.is_error)
    price = format_credits(terms.price)
    say(
        "no money moved: the server was asked directly; through the gateway, with --run and --agent, the call costs {price} credits",
        price=price,
    )
    return result.is_error


async def _call_in_run(  # noqa: PLR0913, PLR0917 - who, what and how long
    config: Settings,
    run: str,
    agent: str,
    server: str,
    tool: str,
    words: Sequence[str],
    timeout_s: float,
    call_id: str | None,
) -> bool:
    """Call a tool as an agent, which pays; return whether the tool reports an error."""
    from econsim.adapters.clock import random_id
    from econsim.errors import Unavailable

    async with _session(config, run, agent) as me:
        schemas = {each.tool: each.input_schema for each in await me.tools.list(server)}
        params = _params(server, tool, words, schemas)
        id_ = call_id or random_id()
        try:
            answer = await me.tools.call(server, tool, params, timeout_s=timeout_s, call_id=id_)
        except Unavailable as error:
            message = f"{error}; --id {id_} repeats this call, which is paid once"
            raise Unavailable(message, code=error.error_code) from error
    _print_result(answer.text, answer.content, is_error=answer.is_error)
    say(
        "{agent} paid {price} credits{kept}; receipt {receipt}",
        agent=agent,
        price=format(answer.price, "f"),
        kept=", for a result that was kept" if answer.cached else "",
        receipt=answer.receipt,
    )
    return answer.is_error


def _params(
    server: str, tool: str, words: Sequence[str], schemas: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Return the arguments in words; raises NotFound for an unknown tool, InvalidMessage for wrong arguments."""
    from econsim.domain.mcp.arguments import written_arguments
    from econsim.domain.mcp.request import canonical_json
    from econsim.domain.mcp.terms import check_params, unknown_tool

    if (schema := schemas.get(tool)) is None:
        raise unknown_tool(server, tool, schemas)
    params = written_arguments(words, schema)
    check_params(tool, schema, canonical_json(params))
    return params


def _session(config: Settings, run: str, agent: str) -> AbstractAsyncContextManager[AgentSession]:
    """Return the membership of an agent in an open run, for a context; raises SetupError if no server runs."""
    from econsim.agents.session import join

    url = required_server_url(config)
    return join(run, agent, state=config.state, nats=url, creds=config.creds, wait_s=OPEN_S)


def _print_result(text: str, content: Sequence[Any], *, is_error: bool) -> None:
    """Print the text of a result; the parts of one that has no text, as JSON."""
    import json

    if is_error:
        say("the tool itself reports an error:", "yellow")
    print_text_of_others(text or json.dumps(list(content), ensure_ascii=False))


def _terms_row(terms: ToolTerms) -> dict[str, object]:
    """Return the terms of a tool as a row of JSON; prices are exact credits, as text."""
    return {
        "server": terms.server,
        "tool": terms.tool,
        "price_credits": format(terms.price, "f"),
        "cached_price_credits": format(terms.cached_price, "f"),
        "cached_for_s": terms.cached_for_s,
        "limits": asdict(terms.limits) if terms.limits else None,
        "description": terms.description,
        "input_schema": terms.input_schema,
    }


def _print_table(found: Sequence[ToolTerms]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from econsim.report.tables import print_table

    table = Table(box=SIMPLE_HEAD)
    for title in ("server", "tool", "price", "kept", "limits of one agent", "what its server says"):
        table.add_column(title, style="bold cyan" if title == "tool" else "", overflow="fold")
    for each in found:
        cells = (
            each.server,
            each.tool,
            format(each.price, "f"),
            _keeping(each),
            _limits(each.limits),
            _line(each),
        )
        table.add_row(*map(escape, cells))
    print_table(console(), table)


def _keeping(terms: ToolTerms) -> str:
    """Return how long results are kept, and what they then cost; empty for a tool whose results are not kept."""
    return f"{terms.cached_for_s} s, then {terms.cached_price:f}" if terms.cached_for_s else ""


def _limits(limits: CallLimits | None) -> str:
    if limits is None:
        return ""
    parts = (
        (limits.calls_per_second, "a second"),
        (limits.calls_per_hour, "an hour"),
        (limits.calls_at_once, "at once"),
    )
    return ", ".join(f"{number} {unit}" for number, unit in parts if number is not None)


def _line(terms: ToolTerms) -> str:
    """Return the beginning of a description on one line."""
    from econsim.domain.social.display import printable

    line = " ".join(printable(terms.description).split())
    return line if len(line) <= TEXT_MAX else f"{line[:TEXT_MAX]}…"
