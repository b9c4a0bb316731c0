"""The root command group: global options of every command, and errors as one line with an exit code.

Exit codes: 0 done, 1 refused or something was found wrong, 2 the command line itself was wrong,
130 stopped with Ctrl-C. Imports nothing heavy, because every start of the program loads it.
"""

from __future__ import annotations

import errno
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from econsim import __version__
from econsim.cli import interrupts, option_types
from econsim.cli.help_page import Row, page
from econsim.cli.output import PIPE_CLOSED, discard_stdout, echo, flush_stdout, set_encoding_fallback
from econsim.errors import EconsimError, SetupError

Result = TypeVar("Result")

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from econsim.config import Settings

STOPPED: Final = 130
"""Exit code after Ctrl-C, as in shells."""

USAGE: Final = 2
"""Exit code when the command line itself was wrong."""

SHORT_MAX: Final = 200
"""Characters of a command's one-line help."""

UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]
"""Class of every error in a command line that Typer raises; Typer has no public name for it."""

_INVALID: Final = ("Invalid value for ", "Invalid value: ")
_REMEDIES: Final = {
    errno.EACCES: "be the user whom it belongs to, or choose another state directory with --state",
    errno.EROFS: "choose another state directory with --state",
    errno.ENOSPC: "free some space, and try again",
    errno.EDQUOT: "free some space, and try again",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), and try again",
}
_HELP_ASKED: Final = "econsim.help"
_TYPED: Final = "econsim.typed"
_VALUED: Final = ("--state", "--nats", "--creds")


class RootGroup(TyperGroup):
    """Root group of all commands.

    It takes global options before and after the command's name, prints an error as one line, and prints its own help page:
    loading Rich for Typer's page would take 0.3 s, more than the rest of the start.
    """

    def main(self, args: Any = None, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - Typer's own
        """Run the command line and end the process; print an error in the command line as one line."""
        set_encoding_fallback()
        interrupts.forget_interrupts()
        interrupts.note_interrupts()
        standalone = named.pop("standalone_mode", True)
        try:
            status = super().main(args, *more, **{**named, "standalone_mode": False})
        except UsageError as error:
            if not standalone:
                raise
            print_usage_error(error)
            status = USAGE
        except Exception:
            # The options of the command line import modules, too.
            if not standalone or not interrupts.interrupted():
                raise
            status = _print_stopped()
        if not standalone:
            return status
        sys.exit(status if isinstance(status, int) else 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - its type is private to Typer
        """Move the global options to the front, so that they may stand before or after the command."""
        ctx.meta[_HELP_ASKED] = not {"--help", "-h"}.isdisjoint(args)
        ctx.meta[_TYPED] = (*args,)
        return super().parse_args(ctx, global_options_first(args))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - their types are private to Typer
        """Print the help page of all commands."""
        panels: dict[str, list[Row]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panels.setdefault(command.rich_help_panel, []).append(
                (name, command.get_short_help_str(SHORT_MAX))
            )
        records = (option.get_help_record(ctx) for option in self.get_params(ctx))
        echo(page(panels.items(), [row for row in records if row]))

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - its type is private to Typer
        """Run the command; print an error as one line, without a traceback."""
        try:
            done = super().invoke(ctx)
            flush_stdout()
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            raise typer.Exit(_print_stopped()) from None
        except Exception as error:
            if interrupts.interrupted():
                raise typer.Exit(_print_stopped()) from None
            _fail_if_known(error)
            raise
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


def command_line(context: typer.Context) -> str:
    """Return the command line as it was typed, quoted for a shell."""
    return shlex.join(["econsim", *context.meta[_TYPED]])


def _print_stopped() -> int:
    """Print that the command was stopped; return its exit code."""
    echo("stopped", err=True, fg="yellow")
    return STOPPED


def _fail_if_known(error: Exception) -> None:
    """End the command with one line about an error of econsim or of the system; return for any other."""
    if isinstance(error, EconsimError):
        fail(error)
    if isinstance(error, BrokenPipeError):
        discard_stdout()
        raise typer.Exit(PIPE_CLOSED) from None
    if isinstance(error, OSError):
        what = ": ".join(str(each) for each in (error.filename, error.strerror or error) if each)
        remedy = _REMEDIES.get(error.errno or 0)
        fail(SetupError(f"{what}; {remedy}" if remedy else what))


def fail(error: EconsimError) -> NoReturn:
    """Print an error in red on stderr and end the command with 1."""
    remedy = "; try again in a moment" if error.retryable else ""
    print_error(f"{error}{remedy}")
    raise typer.Exit(1)


def print_usage_error(error: Any) -> None:  # noqa: ANN401 - its type is private to Typer
    """Print in red on stderr the error in the command line, and the command that shows help about it."""
    # An error without a message: a group was called without a command, and Typer has printed its help.
    if message := error.format_message():
        command = error.ctx.command_path if error.ctx else "econsim"
        for opening in _INVALID:
            message = message.removeprefix(opening)
        print_error(f"{message.strip().removesuffix('.')}; see `{command} --help`")


def print_error(sentence: str) -> None:
    """Print an error in red on stderr, on one line."""
    echo("error: ", err=True, end="", fg="red", bold=True)
    echo(" ".join(sentence.split()), err=True, fg="red")


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's coroutine; Ctrl-C and SIGTERM cancel it, let it clean up, and count as stopped."""
    import asyncio
    import signal

    from econsim.adapters.cancellation import cancel_others

    async def stoppable() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            interrupts.note_interrupt()
            task.cancel()  # type: ignore[union-attr]  # a task runs this

        for number in (signal.SIGINT, signal.SIGTERM) if interrupts.in_main_thread() else ():
            loop.add_signal_handler(number, stop)
        # Ctrl-C while modules were loaded may have been dropped.
        if interrupts.interrupted():
            stop()
        try:
            return await work
        finally:
            await cancel_others()

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        interrupts.note_interrupts()


def settings_of(context: typer.Context) -> Settings:
    """Return the settings with the global options over them."""
    made: Settings = context.obj
    return made


@contextmanager
def report_path(
    config: Settings, run: str, named: Path | None, option: str, file: str = "report.html"
) -> Iterator[Path]:
    """Provide the path of a run's report: the given one, else this file in the state directory, private to this user.

    Raises SetupError, naming the option that asks for another place, if it cannot be written.
    """
    from econsim.identity.private_files import private_files

    path = named or config.state / "runs" / run / file
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
    """Read the settings into the command's context; help needs no settings."""
    if not ctx.meta[_HELP_ASKED]:
        from econsim.config import settings

        ctx.obj = settings(state=state, nats=nats, creds=creds)
