"""The command line: the table of commands, and `main`.

Each command is a function in the module of its name, listed in COMMANDS; `command_group` gives all of them the global
options and prints errors as one line. Heavy imports stay inside the functions: `econsim --help` is called often and
must answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import cleandoc
from typing import Final

import typer

import econsim.adapters.nats.late_imports  # noqa: F401 - before nats-py, which commands import
from econsim.cli import (
    adversary,
    agent,
    bench,
    catalog,
    dead_letters,
    events,
    experiment,
    export,
    figure,
    inbox,
    ledger,
    logs,
    mcp_server,
    operator,
    play,
    providers,
    quota,
    report,
    run,
    runs,
    scenarios,
    streams,
    study,
    synadia_bridge,
    tools,
    trace,
    trust,
    up,
    watch,
    why,
)
from econsim.cli.command_group import RootGroup, global_options
from econsim.services.gc_tuning import collect_rarely

RUN: Final = "Run"
READ: Final = "Read"
CHECK: Final = "Check"
OPERATE: Final = "Operate"
SET_UP: Final = "Set up"

COMMANDS: Final[tuple[tuple[str, str, Callable[..., None]], ...]] = (
    (RUN, "run", run.run),
    (RUN, "resume", run.resume),
    (RUN, "up", up.up),
    (RUN, "play", play.play),
    (RUN, "scenarios", scenarios.scenarios),
    (RUN, "new", scenarios.new),
    (RUN, "mcp-server", mcp_server.mcp_server),
    (RUN, "synadia-bridge", synadia_bridge.synadia_bridge),
    (READ, "watch", watch.watch),
    (READ, "events", events.events),
    (READ, "why", why.why),
    (READ, "trace", trace.trace),
    (READ, "logs", logs.logs),
    (READ, "report", report.report),
    (READ, "figure", figure.figure),
    (READ, "export", export.export),
    (CHECK, "check", scenarios.check),
    (CHECK, "providers", providers.providers),
    (CHECK, "study", study.study),
    (CHECK, "experiment", experiment.experiment),
    (CHECK, "adversary", adversary.adversary),
    (SET_UP, "catalog", catalog.catalog),
)
"""Panel, name and function of every command, in the order the help shows them."""

GROUPS: Final[tuple[tuple[str, str, typer.Typer], ...]] = (
    (READ, "runs", runs.runs),
    (CHECK, "bench", bench.bench),
    (CHECK, "ledger", ledger.ledger),
    (OPERATE, "agent", agent.agent),
    (OPERATE, "dead-letters", dead_letters.dead_letters),
    (OPERATE, "inbox", inbox.inbox),
    (OPERATE, "quota", quota.quota),
    (OPERATE, "tools", tools.tools),
    (SET_UP, "streams", streams.streams),
    (SET_UP, "trust", trust.trust),
    (SET_UP, "operator", operator.operator),
)
"""Panel, name and commands of every group."""


def _unwrap_help(commands: typer.Typer) -> None:
    """Give each command its docstring as help, a paragraph on one line: Typer would keep the line breaks of the source."""
    for command in commands.registered_commands:
        paragraphs = cleandoc(getattr(command.callback, "__doc__", "")).split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


app: Final = typer.Typer(
    name="econsim",
    cls=RootGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.callback()(global_options)
for _panel, _name, _function in COMMANDS:
    app.command(_name, rich_help_panel=_panel)(_function)
for _panel, _name, _group in GROUPS:
    _unwrap_help(_group)
    app.add_typer(_group, name=_name, rich_help_panel=_panel)
_unwrap_help(app)


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    collect_rarely()
    # Typer builds every command from its signature before it looks which one is wanted: a tenth of the start of a small run.
    wanted = [each for each in app.registered_commands if sys.argv[1:2] == [each.name]]
    if wanted:
        app.registered_commands, app.registered_groups = wanted, []
    app()
