"""Commands about a run's money: prove that the books add up, and show who has what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from econsim.cli.attach import attached
from econsim.cli.frame import carried_out, configured
from econsim.cli.output import console, say
from econsim.cli.reading import RunArgument
from econsim.stored_books import StoredBooks

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.domain.journal_checks import Report

FINDINGS_SHOWN_MAX: Final = 20
"""Findings listed; the first one is what matters, the rest often follow from it."""

ledger: Final = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Verify a run's books, show balances."
)


@ledger.command()
def verify(context: typer.Context, run: RunArgument = "last") -> None:
    """Recompute every balance of a run from its journal and compare; names the first bad record.

    Checks the hash chain, every transfer, that no asset appears or vanishes, and the stored balances.
    Ends with 1 if anything is wrong.

    Example: [cyan]econsim ledger verify last[/cyan]
    """
    carried_out(_verify(configured(context), run))


@ledger.command()
def balances(context: typer.Context, run: RunArgument = "last") -> None:
    """Show what every holder of a run has: owned, reserved, available.

    Example: [cyan]econsim ledger balances last[/cyan]
    """
    carried_out(_balances(configured(context), run))


async def _read(config: Settings, run: str) -> tuple[str, StoredBooks]:
    from econsim.adapters.reading import history
    from econsim.cli.log import resolve

    books = StoredBooks()
    async with attached(config) as client:
        name = await resolve(client, run)
        async for stored in history(client, name):
            books.fold(stored)
    return name, books


async def _verify(config: Settings, run: str) -> None:
    from econsim.domain.journal_checks import verify as verified

    name, books = await _read(config, run)
    report = verified(books.entries, books.balances)
    for text in told(name, report):
        say(text)
    if report.findings:
        raise typer.Exit(1)


def told(run: str, report: Report) -> list[str]:
    """Return what verification found, a line each."""
    size = f"{report.entries:,} entries, {report.transfers:,} transfers, {len(report.balances):,} holders"
    if report.first is None:
        return [
            f"[green]the books of {run} add up[/green]: {size}; every balance recomputed, every asset conserved",
            f"[dim]hash of the last entry {report.head_hash}[/dim]",
        ]
    first, shown = report.first, report.findings[:FINDINGS_SHOWN_MAX]
    lines = [
        f"[bold red]the books of {run} do not add up[/bold red]: {len(report.findings):,} findings in {size}",
        f"[red]the first bad record is {first.event_id}, journal entry {first.sequence}: {first.what}[/red]",
    ]
    lines += [f"  entry {f.sequence}, {f.event_id}: {f.what} ({f.evidence})" for f in shown]
    hidden = len(report.findings) - len(shown)
    return lines + ([f"  … and {hidden:,} more"] if hidden else [])


async def _balances(config: Settings, run: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.schemas.ledger import format_amount

    name, books = await _read(config, run)
    table = Table(box=SIMPLE_HEAD, title=f"balances of {name}, credits and units", title_justify="left")
    for heading in ("holder", "asset"):
        table.add_column(heading, no_wrap=True)
    for heading in ("owned", "reserved", "available"):
        table.add_column(heading, justify="right", no_wrap=True)
    for holder, positions in sorted(books.balances.items()):
        for asset, position in sorted(positions.items()):
            amounts = (position.posted, position.pending, position.posted - position.pending)
            table.add_row(holder, asset, *(format_amount(amount, asset) for amount in amounts))
    console().print(table)
