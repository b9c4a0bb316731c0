"""`econsim agent`: make an external agent's account, list or revoke accounts, watch for floods, run a sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import agent_run, option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import required_server_url, server_url
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, line_printer, print_warnings, say
from econsim.cli.trust import existing_trust
from econsim.errors import InvalidMessage, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from econsim.config import Settings
    from econsim.identity.agent_credentials import AgentCreds
    from econsim.identity.trust_root import Trust

agent: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Manage external agents: each has an account of its own, for one run, which expires.",
)

agent.command("run")(agent_run.run)

UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""Seconds of each unit of a length of time."""

LIFE_MAX_S: Final = 366 * 86_400
"""Longest validity of credentials in seconds: a year, so that forgotten credentials end."""


def seconds(length: str) -> int:
    """Return a length of time like `24h` in seconds; raises InvalidMessage."""
    found = re.fullmatch(r"([1-9][0-9]{0,7})([smhd])", length)
    if found is None:
        message = f"{length!r} is no length of time; write it like 90s, 30m, 24h or 7d"
        raise InvalidMessage(message)
    life_s = int(found[1]) * UNITS_S[found[2]]
    if life_s > LIFE_MAX_S:
        message = f"{length!r} is too long; credentials hold {LIFE_MAX_S // 86_400}d at most"
        raise InvalidMessage(message)
    return life_s


RunOption = Annotated[
    str, typer.Option("--run", help="Run of the agent.", metavar="RUN", parser=option_types.run_name)
]
"""Option: run of an agent; the run may be opened later."""

NameArgument = Annotated[
    str,
    typer.Argument(
        help="Name of the agent in the run: a-z 0-9 _ -", metavar="NAME", parser=option_types.agent
    ),
]
"""Argument: name of an external agent."""


@agent.command()
def create(
    context: typer.Context,
    name: NameArgument,
    *,
    run: RunOption,
    expires: Annotated[
        int,
        typer.Option(
            help="Validity of the credentials, like 90s, 30m, 24h or 7d.",
            metavar="LENGTH",
            parser=option_types.ParsedBy(seconds),
        ),
    ] = "24h",  # type: ignore[assignment]  # the parser reads the default too
    output: Annotated[
        Path | None,
        typer.Option(
            help="Copy of the credentials, to hand out.", metavar="FILE", parser=option_types.new_file
        ),
    ] = None,
) -> None:
    """Make an account for an agent of a run, push it to a running server, and write its credentials.

    The agent needs only the file and the server's address; a plain NATS client is enough. Earlier credentials of the
    agent are revoked.

    Example: [cyan]econsim agent create ana --run demo --expires 2h --output ana.creds[/cyan]
    """
    found, server_note, warnings = run_async(_create(settings_of(context), run, name, expires))
    say(
        "[bold]{path}[/bold]: {name} of run {run}, until {until}; {server_note}",
        path=_copy_creds(found.creds, output) if output else found.creds,
        name=name,
        run=run,
        until=_expiry(found),
        server_note=server_note,
    )
    print_warnings(warnings)


@agent.command(name="list")
def list_(
    context: typer.Context,
    *,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Only agents of this run.", metavar="RUN", parser=option_types.name),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the accounts of agents with run and expiry, and revocations that some node does not have yet.

    Example: [cyan]econsim agent list --run demo[/cyan]
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.adapters.nats.revocations import outstanding
    from econsim.identity.agent_credentials import each_account
    from econsim.report.tables import print_table

    trust = existing_trust(settings_of(context))
    if as_json:
        write_rows(_account_rows(trust, run))
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("run", "agent", "until", "account"):
        table.add_column(heading, no_wrap=True)
    for found in each_account(trust, run or "*"):
        until = f"[dim]{_expiry(found)}, expired[/dim]" if found.expired(trust.now()) else _expiry(found)
        table.add_row(found.run, found.agent, until, found.account)
    for each in outstanding(trust):
        if run in (None, each.run):
            table.add_row(each.run, each.agent, f"[yellow]revoked: {each.progress()}[/yellow]", each.account)
    print_table(console(), table)


def _account_rows(trust: Trust, run: str | None) -> Iterator[dict[str, object]]:
    """Yield a row for each account and each revocation that some node does not have yet."""
    from econsim.adapters.nats.revocations import outstanding
    from econsim.identity.agent_credentials import each_account

    for found in each_account(trust, run or "*"):
        state = "expired" if found.expired(trust.now()) else "valid"
        yield {
            "run": found.run,
            "agent": found.agent,
            "state": state,
            "until": _expiry(found),
            "account": found.account,
        }
    for each in outstanding(trust):
        if run in (None, each.run):
            yield {
                "run": each.run,
                "agent": each.agent,
                "state": "revoked",
                "until": each.progress(),
                "account": each.account,
            }


@agent.command()
def revoke(context: typer.Context, name: NameArgument, *, run: RunOption) -> None:
    """Revoke an agent's account: its connections end at once, its credentials are invalid.

    Example: [cyan]econsim agent revoke ana --run demo[/cyan]
    """
    server_note = run_async(_revoke(settings_of(context), run, name))
    say(f"{name} of run {run} is revoked; {server_note}")


@agent.command()
def watch(context: typer.Context) -> None:
    """Revoke the accounts of agents that flood, until Ctrl-C; `econsim up` and `run` do the same.

    Use it for a server that was not started by econsim; it needs the trust root in the state directory.

    Example: [cyan]econsim --nats nats://nats:4222 --state /state agent watch[/cyan]
    """
    run_async(_watch(settings_of(context)))


def _copy_creds(creds: Path, output: Path) -> Path:
    from econsim.identity.private_files import write

    try:
        write(output, creds.read_text())
    except OSError as error:
        message = f"cannot write {output}: {error.strerror}; choose another place with --output"
        raise SetupError(message) from error
    return output


def _expiry(found: AgentCreds) -> str:
    from econsim.adapters.clock import moment

    return moment(found.expires)


async def _create(config: Settings, run: str, name: str, life_s: int) -> tuple[AgentCreds, str, list[str]]:
    """Make the account; return it with a clause about the server, and the reasons why the agent cannot join its run."""
    from contextlib import suppress

    from econsim.adapters.clock import unix_seconds
    from econsim.adapters.nats.account_push import account_provisioner
    from econsim.adapters.nats.revocations import push_outstanding
    from econsim.errors import NotFound
    from econsim.identity.agent_credentials import find_account, mint
    from econsim.identity.roles import OBSERVER
    from econsim.identity.trust_root import Trust
    from econsim.runs.launch.agent_accounts import revoke_later
    from econsim.runs.launch.expected_agents import why_agent_cannot_join
    from econsim.runs.launch.key_audit import audit_remark
    from econsim.schemas.admin import TellTrust

    trust = Trust.open(config.state, unix_seconds)
    # Stored first: if no server takes the revocation now, the next one gets it, and old credentials stay invalid.
    with suppress(NotFound):
        revoke_later(trust, find_account(trust, run, name))
    found = mint(trust, run, name, life_s)
    url = server_url(config)
    if not url:
        way = f"`econsim run SCENARIO --name {run} --external {name}`"
        return (
            found,
            "no server runs here: the next one will know it",
            [f"no run is open here: {way} opens it"],
        )
    async with account_provisioner(url, trust) as provisioner:
        await push_outstanding(trust, provisioner)
        await provisioner.push([found.jwt()])
    change = TellTrust(run=run, who=name, change="agent_let_in")
    server_note = f"the server at {url} knows it{await audit_remark(trust, url, change)}"
    reason = await why_agent_cannot_join(url, trust.creds(OBSERVER), run, name)
    return found, server_note, [reason] if reason else []


async def _revoke(config: Settings, run: str, name: str) -> str:
    """Revoke the account, and return a clause about the server."""
    from econsim.adapters.nats.account_push import account_provisioner
    from econsim.identity.agent_credentials import find_account
    from econsim.runs.launch import agent_accounts
    from econsim.runs.launch.key_audit import audit_remark
    from econsim.schemas.admin import TellTrust

    trust, url = existing_trust(config), server_url(config)
    if not url:
        agent_accounts.revoke_later(trust, find_account(trust, run, name))
        return "no server runs here: the next one will not know it"
    async with account_provisioner(url, trust) as provisioner:
        left = await agent_accounts.revoke(trust, provisioner, run, name)
    server_note = f"the server at {url} has ended its connections"
    for each in left:
        if (each.run, each.agent) == (run, name):
            server_note = f"{each.progress()}: `agent watch`, `up` and `run` send it to the other nodes when they are back"
    change = TellTrust(run=run, who=name, change="agent_thrown_out")
    return server_note + await audit_remark(trust, url, change)


async def _watch(config: Settings) -> None:
    import asyncio
    from dataclasses import replace

    from econsim.app import server_of
    from econsim.runs.launch.flood_watch import watch_agents

    trust, url = existing_trust(config), required_server_url(config)
    server = replace(server_of(config), url=url, trust=trust)
    async with watch_agents(server, line_printer(console())):
        say(f"watching the agents of {server.url}; stop: Ctrl-C")
        await asyncio.Event().wait()
