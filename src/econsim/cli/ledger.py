"""`econsim ledger`: verify the log and ledger of a run, and show balances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from econsim.cli.command_group import run_async, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, say
from econsim.cli.run_argument import RunOrFileArgument
from econsim.errors import CorruptJournal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nats.aio.client import Client
    from rich.table import Table

    from econsim.adapters.jetstream.gaps import Gap
    from econsim.cli.readable_run import ReadableRun
    from econsim.config import Settings
    from econsim.schemas.ledger import Position

    Balances = Mapping[str, Mapping[str, Position]]

HEADINGS: Final = ("holder", "asset", "owned", "reserved", "available")
"""Columns of balances: micro-credits of money, units of a resource."""

ledger: Final = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Verify the books of a run, and show balances."
)


@ledger.command()
def verify(context: typer.Context, run: RunOrFileArgument = "last", *, as_json: JsonOption = False) -> None:
    """Check a run's log and its ledger's journal against each other; name each bad record and its place.

    Checks that no record of the log or the bucket is missing or was changed, that periods, ticks and batches have no
    gaps, the journal's hash chain, every transfer and balance, that trades and postings agree, and the canonical hash
    that `econsim run` stored. Ends with 1 if anything is wrong.

    Example: [cyan]econsim ledger verify last[/cyan]
    """
    run_async(_verify(settings_of(context), run, as_json=as_json))


@ledger.command()
def balances(context: typer.Context, run: RunOrFileArgument = "last", *, as_json: JsonOption = False) -> None:
    """Show the balances of every holder of a run: owned, reserved, available.

    Example: [cyan]econsim ledger balances last[/cyan]
    """
    run_async(_balances(settings_of(context), run, as_json=as_json))


async def _verify(config: Settings, run: str | Path, *, as_json: bool) -> None:
    from econsim.cli.verification import verification_lines, verification_row, verify_run

    found = await verify_run(config, run)
    if as_json:
        write_rows([verification_row(found)])
    else:
        for text in verification_lines(found):
            say(text)
    if found.findings:
        raise typer.Exit(1)


async def _balances_of(config: Settings, run: str | Path) -> tuple[str, Balances, str]:
    """Return the name of a run, the positions of its holders, and what may be wrong with them."""
    from econsim.cli.readable_run import readable_run

    async with readable_run(config, run) as source:
        if source.client:
            found, gaps = await _stored_balances(source.client, source.name)
            return source.name, found, str(gaps[0]) if gaps else ""
        return source.name, *await _computed_balances(source)


async def _stored_balances(client: Client, name: str) -> tuple[Balances, list[Gap]]:
    """Return the newest positions of the ledger's bucket."""
    from econsim.adapters.jetstream.run_reader import history
    from econsim.adapters.jetstream.state_store import digest_subject
    from econsim.ports import StoredEntry
    from econsim.services.ledger.stored import StoredLedger

    books, gaps = StoredLedger(), list["Gap"]()
    async for stored in history(client, name, gaps):
        if stored.changed_as(digest_subject(stored.subject)):
            message = f"{stored.subject} at revision {stored.sequence} is not what was sent"
            raise CorruptJournal(message)
        books.fold(StoredEntry(stored.subject, stored.payload, stored.sequence))
    return books.balances, gaps


async def _computed_balances(source: ReadableRun) -> tuple[Balances, str]:
    """Return the positions that the journal of a run in a file leads to."""
    from econsim.domain.audit.decoding import decode
    from econsim.domain.ledger.verify import verify_journal
    from econsim.report.event_lines import event_text
    from econsim.subjects import TRANSFER_POSTED

    log = source.log()
    entries: list[Any] = [  # of journal entries, as their type says
        decode(entry.subject, event_text(entry).encode()).event
        async for entry in log.so_far()
        if entry.type == TRANSFER_POSTED.type
    ]
    return verify_journal(entries).balances, "; ".join(log.damage)


async def _balances(config: Settings, run: str | Path, *, as_json: bool) -> None:
    from econsim.report.tables import print_table

    name, found, wrong = await _balances_of(config, run)
    rows = [
        (holder, asset, position.posted, position.pending, position.posted - position.pending)
        for holder, positions in sorted(found.items())
        for asset, position in sorted(positions.items())
    ]
    if as_json:
        write_rows(dict(zip(HEADINGS, row, strict=True)) for row in rows)
    else:
        print_table(console(), _balance_table(name, rows))
    if wrong:
        message = f"these balances may be old: {wrong}; `econsim ledger verify {name}` names everything"
        raise CorruptJournal(message)


def _balance_table(name: str, rows: Iterable[tuple[str, str, int, int, int]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.schemas.ledger import format_amount

    table = Table(box=SIMPLE_HEAD, title=f"balances of {name}, credits and units", title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in {"holder", "asset"} else "right", no_wrap=True)
    for holder, asset, *amounts in rows:
        table.add_row(holder, asset, *(format_amount(amount, asset) for amount in amounts))
    return table
