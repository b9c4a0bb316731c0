"""`econsim catalog`: write the catalog of all subjects and messages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async
from econsim.cli.output import echo, say, write_json
from econsim.cli.unused_options import UnusedOption, refuse_unused_options
from econsim.errors import SetupError


def _owners() -> tuple[str, ...]:
    from econsim.schemas.subject import OWNERS

    return OWNERS


CATALOG_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "service", lambda given: given["table"], "does nothing with --table, which has all services"
    ),
    UnusedOption(
        "service",
        lambda given: given["permissions"],
        "does nothing with --permissions, which has all services",
    ),
    UnusedOption("table", lambda given: given["permissions"], "does nothing with --permissions"),
    *(
        UnusedOption(option, lambda given: given["refusals"], "does nothing with --refusals")
        for option in ("service", "table", "permissions")
    ),
    *(
        UnusedOption(option, lambda given: given["scenario"], "does nothing with --scenario")
        for option in ("service", "table", "permissions", "refusals")
    ),
    *(
        UnusedOption(option, lambda given: given["data"], "does nothing with --data")
        for option in ("service", "table", "permissions", "refusals", "scenario")
    ),
)
"""Rules for options of `catalog` that would have no effect."""


def catalog(  # noqa: PLR0913 - an option each
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write. Default: standard output", metavar="FILE", parser=option_types.new_file
        ),
    ] = None,
    *,
    service: Annotated[
        list[str] | None,
        typer.Option(
            help="Only subjects of this service; may be repeated.",
            metavar="NAME",
            parser=option_types.OneOf("service", _owners),
        ),
    ] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Write a Markdown table of all subjects instead.")
    ] = False,
    permissions: Annotated[
        bool,
        typer.Option(
            "--permissions",
            help="Write the permissions of every role instead, as measured on a server of its own.",
        ),
    ] = False,
    refusals: Annotated[
        bool, typer.Option("--refusals", help="Write all refusal codes, with meaning and remedy, instead.")
    ] = False,
    scenario: Annotated[
        bool, typer.Option("--scenario", help="Write the JSON Schema of scenario files instead.")
    ] = False,
    data: Annotated[
        bool, typer.Option("--data", help="Write the tables and columns of `econsim export` instead.")
    ] = False,
) -> None:
    """Write the AsyncAPI document of every subject and message of econsim.

    Example: [cyan]econsim catalog --output asyncapi.json[/cyan]

    Example: [cyan]econsim catalog --service market[/cyan]
    """
    refuse_unused_options(context, CATALOG_UNUSED_OPTIONS)
    from econsim.services.asyncapi import document, table_page, to_json

    if page := _page(data=data, refusals=refusals, scenario=scenario, permissions=permissions):
        text = page
    else:
        text = table_page() if table else to_json(document(*service or ()))
    if output is None:
        (echo if table or permissions or refusals or data else write_json)(text.removesuffix("\n"))
        return
    _write(text, output)


def _page(*, data: bool, refusals: bool, scenario: bool, permissions: bool) -> str:
    """Return the page that an option asks for; empty without one."""
    from econsim.report.table_definitions import dictionary_page
    from econsim.schemas.refusals import refusals_page

    if data:
        return dictionary_page()
    if refusals:
        return refusals_page()
    if scenario:
        return _scenario_schema()
    return run_async(_permissions()) if permissions else ""


def _write(text: str, output: Path) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot write {output}: {error.strerror}; choose another place with --output"
        raise SetupError(message) from error
    say("wrote [bold]{path}[/bold]", path=output)


def _scenario_schema() -> str:
    from econsim.runs.scenario_file import json_schema

    return json_schema()


async def _permissions() -> str:
    from econsim.checks.permissions.expected import expected_matrix
    from econsim.checks.permissions.measure import measure
    from econsim.checks.permissions.page import page
    from econsim.checks.permissions.probes import probes

    rows = probes()
    return page(rows, expected_matrix(rows), await measure(rows))
