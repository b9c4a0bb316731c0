"""`econsim dead-letters`: list, show, retry and drop messages that no handler could finish.

The content of a dead letter is not trusted: it is printed without markup and control characters, and cut to a screenful.
"""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.operator_connection import OperatorConnection, connect_operator
from econsim.cli.output import console, echo
from econsim.errors import Refused

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.jetstream.dead_letters import DeadLetter
    from econsim.config import Settings
    from econsim.schemas.admin import DropLetter, LetterDone, RetryLetter
    from econsim.schemas.subject import Subject

PAYLOAD_SHOWN_MAX: Final = 4_000
"""Characters of a payload that `show` prints: a screenful; the rest is counted."""

REASON_SHOWN_MAX: Final = 80
"""Characters of a reason in the list; `show` prints all of it."""

NO_LETTERS: Final = "there are no such dead letters"
"""Message when no dead letter matches."""

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))

dead_letters: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Show messages that no handler could process; retry or drop them.",
)

RunOption = Annotated[
    str | None,
    typer.Option("--run", help="Only letters about this run.", metavar="RUN", parser=option_types.name),
]
"""Option: run of the dead letters."""

CodeOption = Annotated[
    str | None,
    typer.Option(
        "--code",
        help="Only letters with this error code, like run_is_not_open.",
        metavar="CODE",
        parser=option_types.code,
    ),
]
"""Option: error code of the dead letters."""

AllOption = Annotated[bool, typer.Option("--all", help="All letters; --run and --code narrow the choice.")]
"""Option: all dead letters instead of sequences."""

SequencesArgument = Annotated[
    list[int] | None,
    typer.Argument(
        help="Sequences of letters, as `list` shows them.",
        metavar="SEQUENCE...",
        parser=option_types.Whole(1, option_types.SEQUENCE_MAX),
    ),
]
"""Argument: sequences of dead letters."""


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Filter of dead letters."""

    sequences: tuple[int, ...] = ()
    """Sequences of the letters; empty for all."""
    run: str | None = None
    """Run of the letters; none for all."""
    code: str | None = None
    """Error code of the letters; none for all."""

    def fits(self, letter: DeadLetter) -> bool:
        """Tell whether a letter matches the filter."""
        return (
            (not self.sequences or letter.sequence in self.sequences)
            and self.run in (None, letter.run)
            and self.code in (None, letter.code)
        )


@dead_letters.command("list")
def list_(
    context: typer.Context, *, run: RunOption = None, code: CodeOption = None, as_json: JsonOption = False
) -> None:
    """List dead letters, oldest first, with run, subject, reason and age.

    Example: [cyan]econsim dead-letters list --run last[/cyan]
    """
    run_async(_list(settings_of(context), LetterFilter(run=run, code=code), as_json=as_json))


@dead_letters.command()
def show(
    context: typer.Context,
    sequence: Annotated[
        int,
        typer.Argument(
            help="Sequence of the letter, as `list` shows it.",
            metavar="SEQUENCE",
            parser=option_types.Whole(1, option_types.SEQUENCE_MAX),
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show a dead letter: its origin, its reason, its headers and its payload.

    Example: [cyan]econsim dead-letters show 7[/cyan]
    """
    run_async(_show(settings_of(context), sequence, as_json=as_json))


@dead_letters.command()
def retry(
    context: typer.Context,
    sequences: SequencesArgument = None,
    *,
    all_: AllOption = False,
    run: RunOption = None,
    code: CodeOption = None,
) -> None:
    """Put letters back into the queues they came from, as new messages; one that fails again is a new letter.

    Does not ask for confirmation. Ends with 1 if one of them could not be put back.

    Example: [cyan]econsim dead-letters retry 7 8[/cyan]

    Example: [cyan]econsim dead-letters retry --all --code run_is_not_open[/cyan]
    """
    from econsim import subjects
    from econsim.schemas.admin import RetryLetter

    choice = letter_filter(sequences, run, code, everything=all_)
    run_async(_each(settings_of(context), choice, subjects.RETRY_LETTER, RetryLetter))


@dead_letters.command()
def drop(
    context: typer.Context,
    sequences: SequencesArgument = None,
    *,
    all_: AllOption = False,
    run: RunOption = None,
    code: CodeOption = None,
) -> None:
    """Delete letters for good; the log records who did it, and the subject of each letter.

    Does not ask for confirmation. Ends with 1 if one of them could not be dropped.

    Example: [cyan]econsim dead-letters drop --all --run last[/cyan]
    """
    from econsim import subjects
    from econsim.schemas.admin import DropLetter

    choice = letter_filter(sequences, run, code, everything=all_)
    run_async(_each(settings_of(context), choice, subjects.DROP_LETTER, DropLetter))


def letter_filter(
    sequences: list[int] | None, run: str | None, code: str | None, *, everything: bool
) -> LetterFilter:
    """Return the filter of a command line; raises BadParameter if it selects no letters, or selects them twice."""
    if bool(sequences) == everything:
        message = "name the sequences of letters, or --all (which --run and --code narrow)"
        raise typer.BadParameter(message)
    if sequences and (run or code):
        message = "--run and --code narrow --all; sequences are exact already"
        raise typer.BadParameter(message)
    return LetterFilter(tuple(dict.fromkeys(sequences or ())), run, code)


async def _list(config: Settings, choice: LetterFilter, *, as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from econsim.adapters.clock import unix_seconds
    from econsim.report.tables import print_table

    async with connect_to_server(config) as client:
        found = await _matching_letters(client, choice)
    if as_json:
        write_rows(map(letter_row, found))
        return
    if not found:
        echo(NO_LETTERS)
        return
    table = Table(box=SIMPLE_HEAD, title=f"{len(found)} dead letters", title_justify="left")
    table.add_column("sequence", justify="right", no_wrap=True)
    for heading in ("run", "subject", "code", "reason", "age"):
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("subject", "reason"))
    for letter in found:
        row = (letter.run, letter.subject, letter.code, truncate(letter.reason, REASON_SHOWN_MAX))
        cells = (*row, age(letter.buried_at, unix_seconds()))
        table.add_row(str(letter.sequence), *(Text(printable(cell)) for cell in cells))
    print_table(console(), table)


async def _show(config: Settings, sequence: int, *, as_json: bool) -> None:
    from econsim.adapters.jetstream.dead_letters import each_dead_letter, no_dead_letter

    async with connect_to_server(config) as client, aclosing(each_dead_letter(client, sequence)) as following:
        found = await anext(following, None)
    if found is None or found.sequence != sequence:
        raise no_dead_letter(sequence)
    if as_json:
        write_rows([letter_row(found)])
        return
    console().print(letter_text(found), markup=False, soft_wrap=True)


async def _each(
    config: Settings, choice: LetterFilter, subject: Subject, request: type[RetryLetter | DropLetter]
) -> None:
    """Send the command for every letter, one after the other; a refusal does not stop the rest."""
    refused = 0
    sequences = choice.sequences
    if not sequences:
        async with connect_to_server(config) as client:
            sequences = tuple(found.sequence for found in await _matching_letters(client, choice))
    async with connect_operator(config) as commander:
        for sequence in sequences:
            refused += not await _one(commander, subject, request(sequence=sequence))
    if not sequences:
        echo(NO_LETTERS)
    if refused:
        raise typer.Exit(1)


async def _one(commander: OperatorConnection, subject: Subject, request: RetryLetter | DropLetter) -> bool:
    """Send the command for one letter and print the result; return false if it was refused."""
    from econsim.schemas.admin import LetterDone

    try:
        done = await commander.ask(subject, request, LetterDone)
    except Refused as error:
        echo(f"letter {request.sequence}: {printable(str(error))}", err=True, fg="red")
        return False
    echo(outcome_line(done))
    return True


async def _matching_letters(client: Client, choice: LetterFilter) -> list[DeadLetter]:
    from econsim.adapters.jetstream.dead_letters import each_dead_letter
    from econsim.cli.run_names import LAST, resolve

    # Another name needs no run in the log: a letter may be about a run that never existed.
    if choice.run == LAST:
        choice = replace(choice, run=await resolve(client, LAST))
    async with aclosing(each_dead_letter(client)) as found:
        return [letter async for letter in found if choice.fits(letter)]


def outcome_line(done: LetterDone) -> str:
    """Return the result of a command about a letter, as a sentence."""
    if done.stream is None:
        return f"letter {done.sequence} to {printable(done.subject)} was dropped"
    return f"letter {done.sequence} went back to {printable(done.subject)}: message {done.stored} of {done.stream}"


def letter_row(letter: DeadLetter) -> dict[str, object]:
    """Return a letter as a row of JSON, its payload as text; bytes that are no text are escaped."""
    payload = letter.payload.decode(errors="backslashreplace")
    return {"run": letter.run, **asdict(letter), "headers": dict(letter.headers), "payload": payload}


def letter_text(letter: DeadLetter) -> str:
    """Return a letter as text that is safe for a terminal."""
    lines = [
        f"letter    {letter.sequence}",
        f"subject   {letter.subject}",
        f"run       {letter.run}",
        f"code      {letter.code}",
        f"reason    {letter.reason}",
        f"handler   {letter.handler}",
        f"origin    {letter.origin}",
        f"buried    {letter.buried_at}",
        *([f"lacks     {letter.lacks}"] if letter.lacks else []),
        *(f"header    {name}: {value}" for name, value in sorted(letter.headers.items())),
        f"payload   {len(letter.payload):,} bytes",
    ]
    return "\n".join([*map(printable, lines), "", payload_text(letter.payload)])


def payload_text(payload: bytes) -> str:
    """Return a payload as printable text: indented if it is JSON, and cut."""
    text = payload.decode(errors="replace")
    # A payload that is no JSON, or nested too deeply, is shown without indents.
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    shown = "\n".join(map(printable, text[:PAYLOAD_SHOWN_MAX].split("\n")))
    hidden = len(text) - PAYLOAD_SHOWN_MAX
    return f"{shown}\n… and {hidden:,} more characters" if hidden > 0 else shown


def printable(text: str) -> str:
    """Return a text with control characters written as escapes, which a terminal does not obey."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "backslashreplace").decode()
        for sign in text
    )


def truncate(text: str, most: int) -> str:
    """Return the first characters of a text, `most` at most."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def age(since: str, now_s: int) -> str:
    """Return how long ago a time (RFC 3339, UTC) was, in its largest unit; `now_s` is seconds since 1970."""
    passed_s = max(0, now_s - int(datetime.fromisoformat(f"{since[:19]}+00:00").timestamp()))
    for length_s, unit in _UNITS:
        if passed_s >= length_s:
            return f"{passed_s // length_s} {unit}"
    return f"{passed_s} s"
