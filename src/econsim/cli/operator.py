"""`econsim operator`: write the keys, accounts and configuration of a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import settings_of
from econsim.cli.output import say
from econsim.cli.trust import open_trust
from econsim.errors import SetupError

operator: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Write the files of a deployment: server configuration, accounts, credentials.",
)


@operator.command()
def create(
    context: typer.Context,
    *,
    resolver: Annotated[
        Path,
        typer.Option(
            help="Directory where the server stores accounts that are pushed to it.",
            metavar="DIR",
            parser=option_types.any_path,
        ),
    ] = Path("/data/resolver"),
) -> None:
    """Make an operator with its accounts, and write the files that a server and each service need.

    The keys stay in trust/ of the state directory; the files to hand out are in server/ and services/. All nodes of a
    cluster include the same server/trust.conf. The guide is docs/operations/security.md.

    Example: [cyan]econsim --state production operator create --resolver /data/resolver[/cyan]
    """
    from econsim.identity.deployment_layout import write_layout

    config = settings_of(context)
    try:
        files = write_layout(open_trust(config), config.state, resolver)
    except OSError as error:
        message = f"cannot write to {config.state}: {error.strerror}; choose another directory with --state"
        raise SetupError(message) from error
    for path in files:
        say("[bold]{path}[/bold]", path=path)
