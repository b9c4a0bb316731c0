"""Parsers of options and arguments: a value is checked when the command line is read, before anything starts.

Each parser is a `parser=` of Typer: it returns the value, or raises BadParameter with the right form, which ends the
command with 2. A test gives bad values to all of them, and refuses options that take any text. The name of a parser
stands in the help of an argument, as the type of its value: `__name__` in the classes. Every start of the program loads it.
"""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import typer

from econsim.cli.nearest import name_suggestion
from econsim.errors import EconsimError, quoted_value
from econsim.schemas import addresses

SCHEMES: Final = ("nats", "tls", "ws", "wss")
"""Schemes of a server's URL."""

PROCESSES_MAX: Final = 256
"""Processes one command starts at most: more than the cores of a usual machine, far below its limit of processes."""

ROWS_MAX: Final = 10_000_000
"""Facts of `--limit` at most: they take gigabytes of memory."""

SEQUENCE_MAX: Final = 2**63 - 1
"""Largest sequence of a stream."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,30}")
_EVENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CODE: Final = re.compile(r"[a-z0-9_]{1,128}")


@dataclass(frozen=True, slots=True)
class Whole:
    """Parser of a whole number within limits."""

    __name__ = "number"
    low: int
    """Smallest number."""
    high: int
    """Largest number."""

    def __call__(self, text: str | int) -> int:
        """Return the number."""
        written = str(text)
        if not _WHOLE.fullmatch(written) or not self.low <= int(written) <= self.high:
            message = f"{quoted_value(written)} is no whole number from {self.low} to {self.high}"
            raise typer.BadParameter(message)
        return int(written)


@dataclass(frozen=True, slots=True)
class ScenarioNumber:
    """Parser of a whole number that replaces a scenario's value, within the limits of that key."""

    table: str
    """Class of the scenario's table in `econsim.schemas.scenario`."""
    key: str
    """Key in that table."""

    def __call__(self, text: str | int) -> int:
        """Return the number."""
        table = getattr(import_module("econsim.schemas.scenario"), self.table)
        limits = {type(limit).__name__: limit for limit in table.model_fields[self.key].metadata}
        return Whole(limits["Ge"].ge, limits["Le"].le)(text)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Parser of a length of time in seconds, within limits."""

    low: float
    """Shortest length."""
    high: float
    """Longest length."""

    def __call__(self, text: str | float) -> float:
        """Return the seconds."""
        try:
            length = float(text)
        except ValueError:
            length = math.nan
        if not self.low <= length <= self.high:
            message = f"{quoted_value(str(text))} is no number of seconds from {self.low:g} to {self.high:g}"
            raise typer.BadParameter(message)
        return length


@dataclass(frozen=True, slots=True)
class OneOf:
    """Parser of a name that must exist."""

    __name__ = "name"
    what: str
    """Noun for one of the names."""
    known: Callable[[], Iterable[str]]
    """Returns the known names; called only for a given value, so it may import heavy modules."""

    def __call__(self, text: str) -> str:
        """Return the name."""
        names = list(self.known())
        if text not in names:
            message = f"there is no {self.what} {quoted_value(text)}; {name_suggestion(text, names, f'{self.what}s')}"
            raise typer.BadParameter(message)
        return text


@dataclass(frozen=True, slots=True)
class ParsedBy:
    """Parser that calls a function of econsim; the function's error is the option's error."""

    check: Callable[[str], Any]
    """Returns the value; raises EconsimError with the right form."""

    def __call__(self, text: object) -> Any:  # noqa: ANN401 - whatever the function returns
        """Return the value."""
        try:
            return self.check(str(text))
        except EconsimError as error:
            raise typer.BadParameter(str(error)) from error


def name(text: str) -> str:
    """Parse the name of a run, agent, scenario or person."""
    from econsim.schemas.types import NAME_LENGTH_MAX, NAME_PATTERN

    if not re.fullmatch(NAME_PATTERN.removesuffix("$"), text) or len(text) > NAME_LENGTH_MAX:
        message = f"{quoted_value(text)} is no name; use 1 to {NAME_LENGTH_MAX} of a-z 0-9 _ -, a letter or digit first"
        raise typer.BadParameter(message)
    return text


def person(text: str) -> str:
    """Parse the name of a person, who acts in the log beside services and agents' hosts."""
    from econsim.schemas.names import is_agent_name_reserved

    if is_agent_name_reserved(text):
        message = f"{quoted_value(text)} is reserved for the system; choose the name of the person"
        raise typer.BadParameter(message)
    return name(text)


def run_or_file(text: str | Path) -> str | Path:
    """Parse the name of a run, or the path of a file; a file of that path counts first."""
    path = any_path(text)
    if path.is_file():
        return path
    try:
        return name(str(text))
    except typer.BadParameter:
        message = f"{quoted_value(str(text))} is neither a file nor the name of a run; `econsim runs` lists the runs"
        raise typer.BadParameter(message) from None


def run_name(text: str) -> str:
    """Parse the name of a new run."""
    from econsim.schemas.names import RUNS_RESERVED

    if text in RUNS_RESERVED:
        message = f"{quoted_value(text)} is a reserved word; write a name of the run's own"
        raise typer.BadParameter(message)
    return name(text)


def agent(text: str) -> str:
    """Parse the name of an external agent."""
    from econsim.schemas.names import is_agent_name_reserved

    if is_agent_name_reserved(name(text)):
        message = f"{quoted_value(text)} is reserved for the system; choose another name for the agent"
        raise typer.BadParameter(message)
    return text


def event(text: str) -> str:
    """Parse the id of an event, trade, order, call or chain, or the beginning of one."""
    if not _EVENT.fullmatch(text):
        message = f"{quoted_value(text)} is no id; `econsim events` shows those of trades and orders, `--json` all of them"
        raise typer.BadParameter(message)
    return text


def event_or_file(text: str | Path) -> str | Path:
    """Parse the id of an event or the name of a run, or the path of a file; a file of that path counts first."""
    path = any_path(text)
    return path if path.is_file() else event(str(text))


def code(text: str) -> str:
    """Parse the code of a refusal."""
    if not _CODE.fullmatch(text):
        message = f"{quoted_value(text)} is no code; those are sentences in snake case, like run_is_not_open"
        raise typer.BadParameter(message)
    return text


def identifier(text: str) -> str:
    """Parse the id that a command gets from its user."""
    if not _IDENTIFIER.fullmatch(text):
        message = f"{quoted_value(text)} is no id; use 1 to 128 of a-z A-Z 0-9 _ . -"
        raise typer.BadParameter(message)
    return text


def text(given: str) -> str:
    """Take any text: it is judged where it is used."""
    return given


def urls(text: str) -> str:
    """Parse the URL of a NATS server, or of several nodes with commas between them."""
    for each in text.split(","):
        try:
            parts = urlsplit(each.strip() if "://" in each else f"nats://{each.strip()}")
            usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or re.search(r"[\s\x00-\x1f]", each.strip()):
            message = f"{quoted_value(text)} is no URL of a NATS server; write it like nats://127.0.0.1:4222, nodes with commas"
            raise typer.BadParameter(message)
    return text


def http_url(text: str) -> str:
    """Parse the address of an HTTP server."""
    return _address(addresses.http_url, text)


def websocket_url(text: str) -> str:
    """Parse the address of a server's websockets."""
    return _address(addresses.websocket_url, text)


def _address(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def state_directory(text: str | Path) -> Path:
    """Parse the state directory: it need not be there yet, but nothing else may be in its place."""
    path = any_path(text)
    if path.exists() and not path.is_dir():
        message = f"{quoted_value(str(text))} is a file, not a directory"
        raise typer.BadParameter(message)
    return path


def writable_state(path: Path, context: typer.Context) -> None:
    """Raise BadParameter if the state directory cannot be written, before a run whose report goes there."""
    try:
        new_directory(path)
    except typer.BadParameter as error:
        message = f"{error.message}; choose another state directory with --state"
        raise typer.BadParameter(message, ctx=context, param_hint="'--state'") from None


def existing(text: str | Path) -> Path:
    """Parse a file or directory that exists and can be read."""
    path = any_path(text)
    if not path.exists():
        message = f"there is no {quoted_value(str(text))}; give a file or directory that is there"
        raise typer.BadParameter(message)
    if not os.access(path, os.R_OK):
        message = f"{quoted_value(str(text))} may not be read by you"
        raise typer.BadParameter(message)
    return path


def new_file(text: str | Path) -> Path:
    """Parse the place of a file to write; directories on the way to it are made as needed."""
    path = any_path(text)
    if path.is_dir():
        message = f"{quoted_value(str(text))} is a directory; name a file in it"
        raise typer.BadParameter(message)
    # A file is written beside its place and moved there: it would take the place of a device such as /dev/stdout.
    if str(text) == "-" or Path("/dev") in path.absolute().parents or (path.exists() and not path.is_file()):
        message = f"{quoted_value(str(text))} is no plain file; name one"
        raise typer.BadParameter(message)
    _writable(path, text)
    return path


def new_directory(text: str | Path) -> Path:
    """Parse a directory to write in; it need not exist."""
    path = any_path(text)
    if path.exists() and not path.is_dir():
        message = f"{quoted_value(str(text))} is a file; name a directory"
        raise typer.BadParameter(message)
    _writable(path, text)
    return path


def any_path(text: str | Path) -> Path:
    """Parse a path that is valid on this system, whether it exists or not."""
    written = str(text)
    if not written or "\0" in written:
        message = f"{quoted_value(written)} is no path; name a file or directory"
        raise typer.BadParameter(message)
    try:
        os.lstat(written)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES):
            message = f"{quoted_value(written)} is no usable path: {(error.strerror or '').lower()}"
            raise typer.BadParameter(message) from None
    return Path(written)


def _writable(path: Path, text: str | Path) -> None:
    """Raise BadParameter if a path cannot be written; the check leaves no file behind."""
    place = path
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK) or (place.is_dir() and not _takes_directories(place)):
        message = f"{quoted_value(str(text))} cannot be written: {str(place)!r} may not be changed by you"
        raise typer.BadParameter(message)


def _takes_directories(place: Path) -> bool:
    """Tell whether a directory can be made here, by making one: root's permissions do not show a read-only file system."""
    trial = place / f".econsim-{os.getpid()}.part"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True
