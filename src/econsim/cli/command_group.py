"""What surrounds every command: the global options, and errors as one line with an exit code.

Exit codes: 0 done, 1 refused or something was found wrong, 2 the command line itself was wrong,
130 stopped with Ctrl-C. Imports nothing heavy: every start of the program pays for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from econsim import __version__
from econsim.cli import option_types
from econsim.cli.help_page import Row, page
from econsim.cli.output import PIPE_CLOSED, discard_stdout, echo, flush_stdout, set_encoding_fallback
from econsim.errors import EconsimError, SetupError

Result = TypeVar("Result")

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from econsim.config import Settings

STOPPED: Final = 130
"""Exit code after Ctrl-C, as shells give it."""

USAGE: Final = 2
"""Exit code when the command line itself was wrong."""

SHORT_MAX: Final = 200
"""Characters of a command's one-line help."""

UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]
"""What Typer raises for every mistake in a command line; it has no public name for it."""

_INVALID: Final = "Invalid value for "
_HELP_ASKED: Final = "econsim.help"
_VALUED: Final = ("--state", "--nats", "--creds")


class RootGroup(TyperGroup):
    """The group of all commands."""

    def main(self, args: Any = None, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - Typer's own
        """Run the command line and end the process; a mistake in it is said in one line."""
        set_encoding_fallback()
        standalone = named.pop("standalone_mode", True)
        try:
            status = super().main(args, *more, **{**named, "standalone_mode": False})
        except UsageError as error:
            if not standalone:
                raise
            print_usage_error(error)
            status = USAGE
        if not standalone:
            return status
        sys.exit(status if isinstance(status, int) else 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - its type is private to Typer
        """Take the global options wherever they stand, so that nobody has to know where they belong."""
        ctx.meta[_HELP_ASKED] = not {"--help", "-h"}.isdisjoint(args)
        return super().parse_args(ctx, global_options_first(args))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - their types are private to Typer
        """Show the front page."""
        panels: dict[str, list[Row]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panels.setdefault(command.rich_help_panel, []).append(
                (name, command.get_short_help_str(SHORT_MAX))
            )
        records = (option.get_help_record(ctx) for option in self.get_params(ctx))
        echo(page(panels.items(), [row for row in records if row]))

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - its type is private to Typer
        """Run the command; an error is said in one line, without a traceback."""
        try:
            done = super().invoke(ctx)
            flush_stdout()
        except EconsimError as error:
            fail(error)
        except BrokenPipeError:
            discard_stdout()
            raise typer.Exit(PIPE_CLOSED) from None
        except OSError as error:
            fail(SetupError(": ".join(filter(None, (error.filename, error.strerror or str(error))))))
        except KeyboardInterrupt:
            echo("stopped", err=True, fg="yellow")
            raise typer.Exit(STOPPED) from None
        return done


def global_options_first(args: list[str]) -> list[str]:
    """Return the arguments with the global options moved to the front; what follows `--` stays."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(args)
    for arg in left:
        name, equals, _ = arg.partition("=")
        if arg == "--":
            return [*front, *rest, arg, *left]
        if name not in _VALUED:
            rest.append(arg)
            continue
        front.append(arg)
        if not equals:
            front.extend(value for value in [next(left, None)] if value is not None)
    return front + rest


def fail(error: EconsimError) -> NoReturn:
    """Say an error in a red line on stderr and end the command with 1."""
    remedy = "; try again in a moment" if error.retryable else ""
    print_error(f"{error}{remedy}")
    raise typer.Exit(1)


def print_usage_error(error: Any) -> None:  # noqa: ANN401 - its type is private to Typer
    """Say in a red line on stderr what is wrong with the command line, and which help tells more."""
    # Without a message it is Typer's sign that a group was called bare and its help was shown.
    if said := error.format_message():
        where = f"; see `{error.ctx.command_path} --help`" if error.ctx else ""
        print_error(f"{said.strip().removesuffix('.').removeprefix(_INVALID)}{where}")


def print_error(sentence: str) -> None:
    """Print an error in red on stderr, on one line."""
    echo("error: ", err=True, end="", fg="red", bold=True)
    echo(" ".join(sentence.split()), err=True, fg="red")


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's coroutine; Ctrl-C and a polite kill both let it clean up, then count as stopped."""
    import asyncio
    import signal
    import threading

    async def stoppable() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        heard = threading.current_thread() is threading.main_thread()
        for sent in (signal.SIGINT, signal.SIGTERM) if heard else ():
            loop.add_signal_handler(sent, task.cancel)  # type: ignore[union-attr]  # a task runs this
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def settings_of(context: typer.Context) -> Settings:
    """Return the settings with the global options over them."""
    made: Settings = context.obj
    return made


@contextmanager
def report_path(config: Settings, run: str, named: Path | None, option: str) -> Iterator[Path]:
    """Give where a run's report goes: where it was asked for, else into the state directory, closed to other users.

    Raises SetupError, naming the option that asks for another place, if it cannot be written.
    """
    from econsim.identity.private_files import private_files

    path = named or config.state / "runs" / run / "report.html"
    try:
        with nullcontext() if named else private_files(path.parent):
            yield path
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; choose another place with {option}"
        raise SetupError(message) from error


def _version(wanted: bool) -> None:  # noqa: FBT001 - called by Typer with the flag
    if wanted:
        echo(f"econsim {__version__}")
        raise typer.Exit


def global_options(
    ctx: typer.Context,
    *,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Directory of keys, data and reports. Default: .econsim",
            metavar="DIR",
            parser=option_types.state_directory,
        ),
    ] = None,
    nats: Annotated[
        str | None,
        typer.Option(
            help="Use this NATS server, or a cluster's URL,URL,…, not the embedded one.",
            metavar="URL",
            parser=option_types.urls,
        ),
    ] = None,
    creds: Annotated[
        Path | None,
        typer.Option(
            help="Creds file for --nats, or a directory of ROLE.creds.",
            metavar="PATH",
            parser=option_types.existing,
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Read the settings, for the command to find in its context; help needs none."""
    if not ctx.meta[_HELP_ASKED]:
        from econsim.config import settings

        ctx.obj = settings(state=state, nats=nats, creds=creds)
