"""The command line: the table of commands, and `app`, which reads it.

Each command is a function in the module of its name, listed in COMMANDS, and loaded when it is named; `command_group` gives all of
them the global options and prints errors as one line. Heavy imports stay inside the functions: `econsim --help` is called often
and must answer at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from inspect import cleandoc
from typing import Any, Final

import typer
from typer.main import get_group

import econsim.adapters.nats.late_imports  # noqa: F401 - before nats-py, which commands import
from econsim.cli.command_group import RootGroup, global_options

RUN: Final = "Run"
READ: Final = "Read"
CHECK: Final = "Check"
OPERATE: Final = "Operate"
SET_UP: Final = "Set up"

COMMANDS: Final[tuple[tuple[str, str, str], ...]] = (
    (RUN, "run", "run:run"),
    (RUN, "resume", "run:resume"),
    (RUN, "up", "up:up"),
    (RUN, "play", "play:play"),
    (RUN, "scenarios", "scenarios:scenarios"),
    (RUN, "new", "scenarios:new"),
    (RUN, "mcp-server", "mcp_server:mcp_server"),
    (RUN, "synadia-bridge", "synadia_bridge:synadia_bridge"),
    (READ, "watch", "watch:watch"),
    (READ, "events", "events:events"),
    (READ, "why", "why:why"),
    (READ, "trace", "trace:trace"),
    (READ, "logs", "logs:logs"),
    (READ, "report", "report:report"),
    (READ, "figure", "figure:figure"),
    (READ, "export", "export:export"),
    (CHECK, "check", "scenarios:check"),
    (CHECK, "providers", "providers:providers"),
    (CHECK, "study", "study:study"),
    (CHECK, "experiment", "experiment:experiment"),
    (CHECK, "adversary", "adversary:adversary"),
    (SET_UP, "catalog", "catalog:catalog"),
)
"""Panel, name, and module and function of every command, in the order the help shows them."""

GROUPS: Final[tuple[tuple[str, str, str], ...]] = (
    (READ, "runs", "runs:runs"),
    (CHECK, "bench", "bench:bench"),
    (CHECK, "ledger", "ledger:ledger"),
    (OPERATE, "agent", "agent:agent"),
    (OPERATE, "dead-letters", "dead_letters:dead_letters"),
    (OPERATE, "inbox", "inbox:inbox"),
    (OPERATE, "quota", "quota:quota"),
    (OPERATE, "tools", "tools:tools"),
    (SET_UP, "streams", "streams:streams"),
    (SET_UP, "trust", "trust:trust"),
    (SET_UP, "operator", "operator:operator"),
)
"""Panel, name, and module and variable of every group of commands."""


class Commands(Mapping[str, Any]):
    """Name → command or group, each loaded when it is asked for: building all of them takes longer than a small run."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - its type is private to Typer
        """Return a command; raises KeyError if none has the name."""
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the order of the help."""
        return iter(_PLACES)

    def __len__(self) -> int:
        """Return the number of commands and groups."""
        return len(_PLACES)


class CommandTable(RootGroup):
    """Root group of the commands in the tables."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - Typer's own
        """Take what Typer gives a group."""
        super().__init__(**{**named, "commands": Commands()})


_PLACES: Final = {name: (panel, place) for panel, name, place in (*COMMANDS, *GROUPS)}


@cache
def _load(name: str) -> Any:  # noqa: ANN401 - its type is private to Typer
    panel, place = _PLACES[name]
    module, _, variable = place.partition(":")
    found = getattr(import_module(f"econsim.cli.{module}"), variable)
    holder = typer.Typer(rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name, rich_help_panel=panel)
        _unwrap_help(found)
    else:
        holder.command(name, rich_help_panel=panel)(found)
        _unwrap_help(holder)
    return get_group(holder).commands[name]


def _unwrap_help(commands: typer.Typer) -> None:
    """Give each command its docstring as help, a paragraph on one line: Typer would keep the line breaks of the source."""
    for command in commands.registered_commands:
        paragraphs = cleandoc(getattr(command.callback, "__doc__", "")).split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


app: Final = typer.Typer(
    name="econsim",
    cls=CommandTable,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.callback()(global_options)
