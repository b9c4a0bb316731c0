"""`econsim trust`: make, show, replace and grant the keys and credentials of a state directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import OBSERVER, OPERATOR, server_url
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, say
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.identity.trust_root import Trust

trust: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Make, show and replace the keys of a state directory, and grant credentials to people.",
)


def _roles() -> list[str]:
    from econsim.identity.roles import ROLES

    return list(ROLES)


@trust.command()
def init(context: typer.Context) -> None:
    """Make the keys of operator, accounts and roles that do not exist yet. `run` and `up` do it too.

    Example: [cyan]econsim trust init[/cyan]
    """
    _show(open_trust(settings_of(context)))


@trust.command()
def show(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Show public keys, roles and the paths of their credentials; secrets are never printed.

    Example: [cyan]econsim trust show[/cyan]
    """
    _show(existing_trust(settings_of(context)), as_json=as_json)


@trust.command()
def rotate(context: typer.Context) -> None:
    """Replace the keys and credentials of all roles and of the system user, on a running server at once.

    Running services reconnect and go on; copies of the old credentials are invalid a few seconds later. Agents keep
    their credentials; `econsim agent revoke` ends them.

    Example: [cyan]econsim trust rotate[/cyan]
    """
    server_note = run_async(_rotate(settings_of(context)))
    say(f"[green]every role has new keys and credentials[/green]; {server_note}")


@trust.command()
def grant(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the person, which the log records with every command.",
            metavar="NAME",
            parser=option_types.person,
        ),
    ],
    *,
    role: Annotated[
        str,
        typer.Option(
            "--role",
            help="Role of the person: operator, observer, auditor, or a service.",
            metavar="ROLE",
            parser=option_types.OneOf("role", _roles),
        ),
    ] = "operator",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the credentials. Default: NAME in this directory",
            metavar="DIR",
            parser=option_types.new_directory,
        ),
    ] = None,
) -> None:
    """Write credentials of a role for a person, whose name the log records with every command.

    An operator gets an observer's credentials too: commands and reads use different accounts.

    Example: [cyan]econsim trust grant ada --role operator[/cyan], then [cyan]econsim --nats URL --creds ada …[/cyan]
    """
    directory, config = output or Path(name), settings_of(context)
    found = open_trust(config)
    roles = list(dict.fromkeys([role, OBSERVER] if role == OPERATOR else [role]))
    for each in roles:
        path = directory / f"{each}.creds"
        try:
            found.grant(name, each, path)
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}; choose another place with --output"
            raise SetupError(message) from error
        say("[bold]{path}[/bold]: {name} as {role}", path=path, name=name, role=each)
    run_async(_audit_grant(config, found, name, roles))


def existing_trust(config: Settings) -> Trust:
    """Return the trust root; raises SetupError if there is none, because a command that reads must not make keys."""
    if not (config.state / "trust").is_dir():
        message = f"there is no trust root in {config.state}; `econsim trust init` makes one"
        raise SetupError(message)
    return open_trust(config)


def open_trust(config: Settings) -> Trust:
    """Open the trust root of the state directory; make its keys if there are none."""
    from econsim.adapters.clock import unix_seconds
    from econsim.identity.trust_root import Trust

    return Trust.open(config.state, unix_seconds)


def _show(found: Trust, *, as_json: bool = False) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from econsim.identity.access import SIM
    from econsim.identity.agent_credentials import each_account
    from econsim.identity.roles import READERS, ROLES
    from econsim.report.tables import print_table
    from econsim.schemas.subject import OWNERS

    rows = [
        ("operator", "signs accounts", found.operator.public, ""),
        ("SYS", "account of the system", found.system.public, str(found.creds("sys"))),
        (SIM, "account of services and operators", found.sim.public, ""),
        (READERS, "account of readers", found.readers.public, ""),
    ]
    for role, key in found.roles.items():
        what = "service" if role in OWNERS else "people"
        rows.append((role, f"role of {ROLES[role].account}: {what}", key.public, str(found.creds(role))))
    if as_json:
        write_rows(dict(zip(("who", "what", "public_key", "credentials"), row, strict=True)) for row in rows)
        return
    table = Table(box=SIMPLE_HEAD, title=escape(f"trust root in {found.directory}"), title_justify="left")
    for heading in ("who", "what", "public key", "credentials"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    print_table(console(), table)
    agents = list(each_account(found))
    live = sum(not each.expired(found.now()) for each in agents)
    say(f"{live} agents have accounts ({len(agents) - live} expired); `econsim agent list` shows them")


async def _rotate(config: Settings) -> str:
    """Replace the keys and credentials, and return a clause about the server."""
    from econsim.adapters.nats.account_push import rotate as rotate_keys
    from econsim.identity.deployment_layout import rewrite_layout
    from econsim.runs.launch.key_audit import audit_remark
    from econsim.schemas.admin import TellTrust

    old = open_trust(config)
    url = server_url(config)
    if not url:
        rewrite_layout(old.rotate(), config.state)
        return "no server runs here: the next one starts with them"
    new = await rotate_keys(url, old, lambda new: rewrite_layout(new, config.state))
    return f"the server at {url} takes no others{await audit_remark(new, url, TellTrust(change='keys_replaced'))}"


async def _audit_grant(config: Settings, found: Trust, name: str, roles: list[str]) -> None:
    """Record the grant in the log of a running server, and print whether that worked."""
    from econsim.runs.launch.key_audit import audit_remark
    from econsim.schemas.admin import TellTrust

    if url := server_url(config):
        granted = TellTrust(who=name, change="role_granted", reason=", ".join(roles))
        say(f"{name} is let in at {url}{await audit_remark(found, url, granted)}")
