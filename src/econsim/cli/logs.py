"""`econsim logs`: show what services wrote to their logs, those of `--spread`, together and in order."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import echo, flush_stdout
from econsim.errors import NotFound
from econsim.report.log_line import LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from econsim.report.log_line import LogLine

POLL_INTERVAL_S: Final = 0.2
"""Pause between two looks for new lines, in seconds."""

COLOURS: Final = {"warning": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}
"""Colour of a line, by its level."""


def logs(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            "-s",
            help="Only this service; may be repeated.",
            metavar="S",
            parser=option_types.name,
        ),
    ] = None,
    *,
    level: Annotated[LogLevel, typer.Option("--level", help="Least severe level.")] = LogLevel.INFO,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Only lines about this run.", metavar="RUN", parser=option_types.name),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as they are written.")] = False,
) -> None:
    """Show the logs of services that run in processes of their own, in order of time.

    Example: [cyan]econsim logs[/cyan]

    Example: [cyan]econsim logs --service market --level warning --follow[/cyan]
    """
    directory = settings_of(context).state / "logs"

    def fits(line: LogLine) -> bool:
        return line.is_at_least(level) and (run is None or line.fields.get("run") == run)

    def show(lines: Iterable[LogLine]) -> None:
        for line in filter(fits, lines):
            echo(
                line.text if as_json else line.display_text(), fg=None if as_json else COLOURS.get(line.level)
            )
        flush_stdout()

    logs_of = ServiceLogs(directory, service)
    show(sorted(logs_of.new_lines(), key=lambda line: line.time))
    if follow:
        run_async(_follow(logs_of, show))


async def _follow(logs_of: ServiceLogs, show: Callable[[Iterable[LogLine]], None]) -> None:
    from econsim.adapters.poll import Poll

    async for _ in Poll(POLL_INTERVAL_S):
        show(sorted(logs_of.new_lines(), key=lambda line: line.time))


class ServiceLogs:
    """The logs of a state directory, read once and then as they grow."""

    def __init__(self, directory: Path, services: Iterable[str] | None) -> None:
        """Read the logs of these services, by default all; raises NotFound for a service without one."""
        self._directory = directory
        self._services = services
        self._places: dict[Path, dict[int, int]] = {}
        there = {path.stem for path in directory.glob("*.log")}
        if not there:
            message = f"there are no logs in {directory}: services write there if `econsim up --spread` or `econsim run --spread` started them"
            raise NotFound(message)
        if services and (missing := sorted({*services} - there)):
            message = f"there is no log of {missing[0]} in {directory}; there are those of {', '.join(sorted(there))}"
            raise NotFound(message)

    def new_lines(self) -> list[LogLine]:
        """Return the whole lines that were written since the last call; a line without a time goes with the one before."""
        paths = sorted(self._directory.glob("*.log"))
        return [
            line
            for path in paths
            if not self._services or path.stem in self._services
            for line in self._read(path)
        ]

    def _read(self, path: Path) -> list[LogLine]:
        from econsim.report.log_line import parse_log_line

        lines: list[LogLine] = []
        for text in self._new_text(path).decode(errors="replace").splitlines():
            before = lines[-1].time if lines else ""
            lines.append(parse_log_line(path.stem, text, before))
        return lines

    def _new_text(self, path: Path) -> bytes:
        """Return the new whole lines of a log and of its older files, oldest first."""
        from econsim.adapters.logs import FILES_KEPT

        older = [path.with_name(f"{path.name}.{number}") for number in range(1, FILES_KEPT + 1)]
        known = self._places.get(path, {})
        now: dict[int, int] = {}
        found: list[bytes] = []
        with ExitStack() as stack:
            files = []
            # All are opened before any is read, newest first: one that is renamed meanwhile is opened twice, and never missed.
            for each in (path, *older):
                with suppress(FileNotFoundError):
                    files.append(stack.enter_context(each.open("rb")))
            for file in reversed(files):
                status = os.fstat(file.fileno())
                place = now.get(status.st_ino, known.get(status.st_ino, 0))
                # A shorter file was emptied, or has the number of one that is gone.
                start = file.seek(place if place <= status.st_size else 0)
                whole, end, _ = file.read().rpartition(b"\n")
                now[status.st_ino] = start + len(whole) + len(end)
                found.append(whole + end)
        self._places[path] = now
        return b"".join(found)
