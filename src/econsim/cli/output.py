"""Output of all commands: one console, on streams that take every character.

The encoding of a terminal or pipe may lack characters of a table (`PYTHONIOENCODING=ascii`, latin-1, cp1252). The streams
then write a plain character instead of failing. Imports nothing heavy: functions that draw load Rich.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import datetime
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final, TextIO

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

PIPE_WIDTH: Final = 200
"""Columns in a pipe or file, unless COLUMNS says otherwise."""

PIPE_HEIGHT: Final = 24
"""Rows in a pipe or file; no output depends on them."""

PIPE_CLOSED: Final = 141
"""Exit code when the reader of the output has closed the pipe, as shells give it after SIGPIPE."""

WARNINGS_SHOWN_MAX: Final = 20
"""Warnings about one file that are shown: a screenful."""

ERRORS: Final = "econsim-plain"
"""Name of the streams' error handler."""

PLAIN: Final = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
    **dict.fromkeys("─━╌╴╶╸╺", "-"),
    **dict.fromkeys("│┃╎", "|"),
    **dict.fromkeys("•●", "*"),
    **dict.fromkeys("—\u2013\u2212", "-"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u201c\u201d\u201e", '"'),
    "…": "...",
    "→": "->",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "·": "-",
    "\u00d7": "x",
    **dict.fromkeys("▶▸", ">"),
    "✓": "+",
    "✗": "x",
    "↓": "v",
    "↑": "^",
    "§": "par.",
    "\\u00a0": " ",
}
"""Plain replacement of each character that an encoding may lack; other drawing characters become `+`, the rest escapes."""


def set_encoding_fallback() -> None:
    """Make standard output and error write every text in any encoding; idempotent."""
    codecs.register_error(ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        # A test may have replaced a stream; a stream is none if the shell closed it.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=ERRORS)


def flush_stdout() -> None:
    """Flush standard output while the error of a closed pipe can still change the exit code."""
    if sys.stdout is not None:
        sys.stdout.flush()


def discard_stdout() -> None:
    """Discard the rest of standard output, so that the end of the process does not fail on a closed pipe."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """Send what policies and their modules print to standard error: standard output is the command's own, as tables or JSON."""
    with redirect_stdout(sys.stderr):
        yield


def console(*, stderr: bool = False) -> Console:
    """Return the console for tables and trees, as wide as the terminal or COLUMNS; a pipe gets plain text and PIPE_WIDTH."""
    from rich.console import Console

    made = Console(highlight=False, stderr=stderr)
    if made.is_terminal:
        return made
    # Asks COLUMNS first, and gives the second width where there is no terminal.
    return Console(highlight=False, stderr=stderr, width=get_terminal_size((PIPE_WIDTH, PIPE_HEIGHT)).columns)


def say(sentence: str, style: str = "", **parts: object) -> None:
    """Print a sentence with markup on one line; `{name}` in it is replaced by a part, which has no markup."""
    from rich.markup import escape

    if parts:
        texts = {name: part if isinstance(part, int) else escape(str(part)) for name, part in parts.items()}
        sentence = sentence.format(**texts)
    console().print(sentence, style=style, soft_wrap=True)


def print_text_of_others(text: str) -> None:
    """Print a text of an agent or a tool: indented, so that none of its lines passes for one of ours, without control characters."""
    from econsim.domain.social.display import printable

    for line in printable(text).splitlines():
        console().print(f"  | {line}", markup=False, soft_wrap=True)


def size_text(size: int | None) -> str:
    """Return a number of bytes for people; a dash for what has no size of its own."""
    if size is None:
        return "—"
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):  # noqa: B007 - the last unit takes what is left
        if amount < 1000:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def age_text(then: str, now: str) -> str:
    """Return the time between two RFC 3339 times for people, in its largest unit."""
    seconds = (datetime.fromisoformat(now[:19]) - datetime.fromisoformat(then[:19])).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def line_printer(out: Console) -> Callable[[str], None]:
    """Return a function that prints a text without markup, on one line."""
    return lambda text: out.print(text, markup=False, soft_wrap=True)


def echo(text: str, *, end: str = "\n", err: bool = False, **style: Any) -> None:  # noqa: ANN401 - Typer's own
    """Print a text as it is; `style` colours it on a terminal."""
    stream = sys.stderr if err else sys.stdout
    # The stream is given, because Typer would write UTF-8 to a stream whose encoding is ASCII.
    typer.secho(text, file=stream, nl=False, color=False if os.environ.get("NO_COLOR") else None, **style)
    typer.echo(end, file=stream, nl=False)


def print_warnings(sentences: Sequence[str]) -> None:
    """Print warnings on standard error, one a line: WARNINGS_SHOWN_MAX at most, and the number of the others."""
    for sentence in sentences[:WARNINGS_SHOWN_MAX]:
        echo(f"warning: {sentence}", err=True, fg="yellow")
    if len(sentences) > WARNINGS_SHOWN_MAX:
        echo(f"and {len(sentences) - WARNINGS_SHOWN_MAX:,} warnings more", err=True, fg="yellow")


def write_json(text: str) -> None:
    """Write a line of JSON that is valid in any encoding; it is buffered until `flush_stdout`."""
    fits = _is_utf(sys.stdout)
    sys.stdout.write(
        text if fits else re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
    )
    sys.stdout.write("\n")


def _is_utf(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().startswith("utf")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of characters an encoding lacks, and the position after them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_plain_character, lacking)), error.end


def _plain_character(sign: str) -> str:
    if sign in PLAIN:
        return PLAIN[sign]
    if "\u2800" <= sign <= "\u28ff":
        # A part of a line that is drawn with dots of braille.
        return "*"
    is_drawing = "\u2500" <= sign <= "\u259f"
    return "+" if is_drawing else sign.encode("ascii", "backslashreplace").decode()
