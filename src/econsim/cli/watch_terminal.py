"""A run or a batch in the terminal: for the option `--terminal` of `econsim watch` and `econsim bench watch`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli.connect import OBSERVER, await_log, connect_to_server, creds_of, refuse_kept
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.config import Settings

TerminalOption = Annotated[bool, typer.Option("--terminal", help="Watch here, in the terminal.")]
"""Option `--terminal`."""


async def watch_in_terminal(config: Settings, name: str) -> None:
    """Show a run in the terminal until somebody leaves it; raises SetupError without a terminal or its libraries."""
    require_terminal()
    from econsim.cli.run_names import await_opening
    from econsim.cli.watched_run import WatchedRun
    from econsim.terminal.app import show

    refuse_kept(config, name)
    await await_log(config)
    async with connect_to_server(config, brief=False) as client:
        run = await await_opening(client, name)
        await show(WatchedRun(client, run, creds_of(config, OBSERVER)))


async def watch_batch(config: Settings, name: str) -> None:
    """Show a batch, and the run of any of its cells, in the terminal until somebody leaves it."""
    require_terminal()
    from econsim.cli.bench_options import BenchTransport
    from econsim.cli.watched_batch import WatchedBatch
    from econsim.evaluation.bench.records import BatchFiles
    from econsim.terminal.app import show_batch

    files = BatchFiles(config.state, name)
    if files.record().transport == BenchTransport.MEMORY:
        await show_batch(WatchedBatch(files, None, None))
        return
    async with connect_to_server(config, brief=False) as client:
        await show_batch(WatchedBatch(files, client, creds_of(config, OBSERVER)))


def require_terminal() -> None:
    """Raise SetupError with the remedy unless a view can be shown here."""
    try:
        import textual  # noqa: F401 - asked for alone, so that no error of ours is taken for its absence
    except ImportError:
        message = "the terminal view is not installed; install it with `pip install 'econsim[terminal]'`"
        raise SetupError(message) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the terminal view needs a terminal, and this is a pipe or a file; `econsim events RUN --follow` prints lines"
        raise SetupError(message)
