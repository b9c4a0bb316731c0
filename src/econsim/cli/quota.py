"""`econsim quota`: show and change the quotas of agents while a run goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.operator_connection import connect_operator
from econsim.cli.output import console
from econsim.cli.run_argument import RunArgument

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.schemas.quota import Quotas, QuotaUpdate

_WHOLE: Final = re.compile(r"-?[0-9]{1,30}")

quota: Final = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Show and change the quotas of agents."
)

AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        help="Name of an agent. Default: every agent without quotas of its own",
        metavar="A",
        parser=option_types.name,
    ),
]
"""Option: agent of the quotas; none for all agents without quotas of their own."""


@quota.command()
def show(
    context: typer.Context,
    run: RunArgument = "last",
    *,
    agent: AgentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the quotas of an agent of a run, or of every agent without quotas of its own.

    Example: [cyan]econsim quota show last --agent buyer_003[/cyan]
    """
    run_async(_show(settings_of(context), run, agent, as_json=as_json))


@quota.command("set")
def set_(
    context: typer.Context,
    run: RunArgument,
    limits: Annotated[
        list[str],
        typer.Argument(
            help="Quotas to change, as `quota show` names them.",
            metavar="NAME=VALUE...",
            parser=option_types.text,
        ),
    ],
    *,
    agent: AgentOption = None,
) -> None:
    """Change quotas of an open run, for one agent or for all; the other quotas stay. Takes effect within a second.

    Example: [cyan]econsim quota set last --agent buyer_003 max_order_rate=5[/cyan]
    """
    run_async(_set(settings_of(context), run, agent, quota_update(limits)))


def quota_update(limits: list[str]) -> QuotaUpdate:
    """Return the update of arguments `name=value`; raises BadParameter with the right form."""
    from pydantic import ValidationError

    from econsim.runs.value_errors import sentence
    from econsim.schemas.quota import QuotaUpdate

    known = list(QuotaUpdate.model_fields)
    found: dict[str, int] = {}
    for limit in limits:
        name, _, value = limit.partition("=")
        if name not in known:
            message = f"there is no limit {name!r}; the limits are {', '.join(known)}"
            raise typer.BadParameter(message, param_hint="NAME=VALUE")
        if not _WHOLE.fullmatch(value):
            message = f"{name} is a whole number, for instance {name}=5, not {value!r}"
            raise typer.BadParameter(message, param_hint="NAME=VALUE")
        if name in found:
            message = f"{name} is given twice"
            raise typer.BadParameter(message, param_hint="NAME=VALUE")
        found[name] = int(value)
    try:
        return QuotaUpdate(**found)
    except ValidationError as error:
        first = error.errors()[0]
        what, remedy = sentence(first, QuotaUpdate)
        message = f"{first['loc'][0]}: {what}; {remedy}"
        raise typer.BadParameter(message, param_hint="NAME=VALUE") from error


async def _show(config: Settings, run: str, agent: str | None, *, as_json: bool) -> None:
    from econsim.adapters.jetstream.quota_table import read_quotas
    from econsim.cli.run_names import require_agent, resolve

    async with connect_to_server(config) as client:
        name = await resolve(client, run, unopened=True)
        if agent:
            await require_agent(client, name, agent)
        quotas = await read_quotas(client, name, agent)
    if as_json:
        fields = type(quotas).model_fields
        write_rows(
            {
                "run": name,
                "agent": agent,
                "limit": limit,
                "value": getattr(quotas, limit),
                "default": field.default,
            }
            for limit, field in fields.items()
        )
        return
    _print(name, agent, quotas)


async def _set(config: Settings, run: str, agent: str | None, update: QuotaUpdate) -> None:
    from econsim import subjects
    from econsim.cli.run_names import require_agent, resolve
    from econsim.schemas.admin import SetQuota
    from econsim.schemas.quota import Quotas

    async with connect_to_server(config) as client:
        name = await resolve(client, run, unopened=True)
        if agent:
            await require_agent(client, name, agent)
    async with connect_operator(config) as commander:
        request = SetQuota(run=name, agent=agent, update=update)
        quotas = await commander.ask(subjects.SET_QUOTA, request, Quotas)
    _print(name, agent, quotas)


def _print(run: str, agent: str | None, quotas: Quotas) -> None:
    """Print the quotas beside their defaults."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.report.tables import print_table
    from econsim.schemas.json_schema import field_descriptions
    from econsim.schemas.quota import Quotas

    table = Table(box=SIMPLE_HEAD, title=f"{agent or 'every agent'} of {run} may take", title_justify="left")
    table.add_column("limit", no_wrap=True)
    for heading in ("value", "default"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what")
    descriptions = field_descriptions(Quotas)
    for name, field in Quotas.model_fields.items():
        value: int | None = getattr(quotas, name)
        style = "bold yellow" if value != field.default else ""
        table.add_row(
            name, _limit_text(value), _limit_text(field.default), descriptions.get(name, ""), style=style
        )
    print_table(console(), table)


def _limit_text(value: int | None) -> str:
    return "the scenario's" if value is None else f"{value:,}"
