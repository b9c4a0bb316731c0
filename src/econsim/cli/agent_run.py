"""`econsim agent run`: run an untrusted agent in a sandbox and print why it ended."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.agents.sandbox import limits as bounds
from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import echo
from econsim.cli.unused_options import UnusedOption, refuse_unused_options

if TYPE_CHECKING:
    from econsim.agents.sandbox.process import SandboxResult
    from econsim.agents.sandbox.spec import AgentSpec
    from econsim.config import Settings

BROKEN: Final = 1
"""Exit code when the agent exceeded a limit; otherwise the agent's exit code is passed on."""


class Isolated(StrEnum):
    """Levels of isolation that the option offers."""

    NAMESPACES = "namespaces"
    """The agent sees only the files it is shown, and reaches NATS alone."""
    LIMITS = "limits"
    """The agent has limits, a clean environment and a hard stop, nothing else."""


Seconds = Annotated[
    int | None,
    typer.Option(
        help="Processor time, in seconds.", metavar="N", parser=option_types.Whole(1, bounds.TIME_MAX_S)
    ),
]
"""Option: limit on processor time, in seconds."""

Mebibytes = Annotated[
    int | None,
    typer.Option(help="Memory, in MiB.", metavar="N", parser=option_types.Whole(1, bounds.MEMORY_MAX_MIB)),
]
"""Option: limit on memory, in MiB."""

Files = Annotated[
    int | None,
    typer.Option(
        help="Open files of a process.", metavar="N", parser=option_types.Whole(1, bounds.OPEN_FILES_MAX)
    ),
]
"""Option: limit on open files of a process."""

MadeFiles = Annotated[
    int | None,
    typer.Option(help="Files in its /tmp.", metavar="N", parser=option_types.Whole(1, bounds.FILES_MAX)),
]
"""Option: limit on files in the agent's `/tmp`."""

Output = Annotated[
    int | None,
    typer.Option(help="Output, in MiB.", metavar="N", parser=option_types.Whole(1, bounds.OUTPUT_MAX_MIB)),
]
"""Option: limit on output, in MiB."""

Processes = Annotated[
    int | None,
    typer.Option(
        help="Processes and threads.", metavar="N", parser=option_types.Whole(1, bounds.PROCESSES_MAX)
    ),
]
"""Option: limit on processes and threads."""

Wall = Annotated[
    float | None,
    typer.Option(
        help="Seconds until it is stopped.", metavar="S", parser=option_types.Seconds(0.1, bounds.TIME_MAX_S)
    ),
]
"""Option: seconds from start to stop."""

ReadOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Let it read this directory or file too.", metavar="PATH", parser=option_types.existing
    ),
]
"""Option: a path the agent may read beside its own files."""


AGENT_RUN_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "read",
        lambda given: given["isolation"] == Isolated.LIMITS,
        "does nothing with --isolation limits, which hides nothing",
    ),
)
"""Rules for options of `agent run` that would have no effect."""


def run(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="The agent's name in the run.", metavar="NAME", parser=option_types.agent)
    ],
    command: Annotated[list[str], typer.Argument(help="After --: the program and its arguments.")],
    *,
    run: Annotated[
        str,
        typer.Option("--run", help="The run it takes part in.", metavar="RUN", parser=option_types.run_name),
    ],
    read: ReadOption = None,
    cpu_s: Seconds = None,
    memory_mib: Mebibytes = None,
    open_files: Files = None,
    processes: Processes = None,
    wall_s: Wall = None,
    files: MadeFiles = None,
    output_mib: Output = None,
    isolation: Annotated[
        Isolated, typer.Option(help="namespaces, or limits where the kernel allows no more.")
    ] = Isolated.NAMESPACES,
) -> None:
    """Run an untrusted agent: its own process, its own creds, nothing but NATS to reach.

    The files that the command names are shown to it, read-only; the rest of the machine is not.

        econsim agent run bob --run genesis-1 -- python bot.py
        econsim agent run bob --run genesis-1 --read ./bob --wall-s 60 -- python bob/main.py
    """
    refuse_unused_options(context, AGENT_RUN_UNUSED_OPTIONS)
    from econsim.agents.sandbox.limits import MIB, MachineLimits
    from econsim.agents.sandbox.spec import AgentSpec, Isolation

    config = settings_of(context)
    creds = _creds(config, run, name)
    usual = MachineLimits()
    limits = replace(
        usual,
        cpu_s=cpu_s or usual.cpu_s,
        memory_bytes=memory_mib * MIB if memory_mib else usual.memory_bytes,
        open_files=open_files or usual.open_files,
        processes=processes or usual.processes,
        wall_s=wall_s or usual.wall_s,
        files=files or usual.files,
        output_bytes=output_mib * MIB if output_mib else usual.output_bytes,
    )
    spec = AgentSpec(
        run=run,
        agent=name,
        command=tuple(command),
        server=_server(config),
        creds=creds,
        directory=Path.cwd(),
        readable=tuple(path.absolute() for path in read or ()),
        secrets=(config.state, creds),
        limits=limits,
        isolation=Isolation(isolation),
    )
    _exit_with_result(run_async(_run_sandbox(spec)))


async def _run_sandbox(spec: AgentSpec) -> SandboxResult:
    from econsim.agents.sandbox.process import Sandbox

    async with Sandbox(spec, echo) as sandbox:
        return await sandbox.wait()


def _exit_with_result(outcome: SandboxResult) -> None:
    """Print on stderr why a limit stopped the agent and end with 1; otherwise end with the agent's exit code."""
    from econsim.agents.sandbox.process import EndReason

    if outcome.end_reason is EndReason.BY_ITSELF:
        raise typer.Exit(outcome.status)
    spent = f"{outcome.wall_s:.1f} s, {outcome.cpu_s:.1f} s of processor time"
    echo(f"the agent was stopped: {outcome.end_reason} ({spent})", err=True, fg="yellow")
    raise typer.Exit(BROKEN)


def _server(config: Settings) -> str:
    """Return the server's URL; raises SetupError if none runs."""
    from econsim.adapters.server import state_directory
    from econsim.errors import SetupError

    url = config.nats or state_directory.running_url(config.state)
    if url is None:
        message = f"no server runs on {config.state}; start one with `econsim up`, or name one with --nats"
        raise SetupError(message)
    return url


def _creds(config: Settings, run: str, name: str) -> Path:
    """Return the agent's creds file: the given one, else the one that `econsim agent create` wrote."""
    from econsim.schemas.subject import token

    token(run, "run")
    token(name, "agent")
    if config.creds and not config.creds.is_dir():
        return config.creds
    return (config.creds or config.state / "trust" / "agents" / run) / f"{name}.creds"
