"""`econsim agent run`: run an untrusted agent in a sandbox and print why it ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.agents.sandbox import limits as bounds
from econsim.agents.sandbox.spec import AgentSpec, Isolation
from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import agent_creds, required_server_url
from econsim.cli.output import echo
from econsim.cli.unused_options import UnusedOption, refuse_unused_options

if TYPE_CHECKING:
    from econsim.agents.sandbox.process import SandboxResult

BROKEN: Final = 1
"""Exit code when the agent exceeded a limit; otherwise the agent's exit code is passed on."""

USUAL: Final = bounds.MachineLimits()
"""Limits of an agent unless options change them."""

Seconds = Annotated[
    int,
    typer.Option(
        help="Limit on processor time, in seconds.",
        metavar="N",
        parser=option_types.Whole(1, bounds.TIME_MAX_S),
    ),
]
"""Option: limit on processor time, in seconds."""

Mebibytes = Annotated[
    int,
    typer.Option(
        help="Limit on memory, in MiB.", metavar="N", parser=option_types.Whole(1, bounds.MEMORY_MAX_MIB)
    ),
]
"""Option: limit on memory, in MiB."""

Files = Annotated[
    int,
    typer.Option(
        help="Limit on open files of a process.",
        metavar="N",
        parser=option_types.Whole(1, bounds.OPEN_FILES_MAX),
    ),
]
"""Option: limit on open files of a process."""

MadeFiles = Annotated[
    int,
    typer.Option(
        help="Limit on files in its /tmp.", metavar="N", parser=option_types.Whole(1, bounds.FILES_MAX)
    ),
]
"""Option: limit on files in the agent's `/tmp`."""

Output = Annotated[
    int,
    typer.Option(
        help="Limit on output, in MiB.", metavar="N", parser=option_types.Whole(1, bounds.OUTPUT_MAX_MIB)
    ),
]
"""Option: limit on output, in MiB."""

Processes = Annotated[
    int,
    typer.Option(
        help="Limit on processes and threads.",
        metavar="N",
        parser=option_types.Whole(1, bounds.PROCESSES_MAX),
    ),
]
"""Option: limit on processes and threads."""

Wall = Annotated[
    float,
    typer.Option(
        help="Seconds until it is stopped.", metavar="S", parser=option_types.Seconds(0.1, bounds.TIME_MAX_S)
    ),
]
"""Option: seconds from start to stop."""

ReadOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="A directory or file it may read too; may be repeated.",
        metavar="PATH",
        parser=option_types.existing,
    ),
]
"""Option: a path the agent may read beside its own files."""


AGENT_RUN_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "read",
        lambda given: given["isolation"] == Isolation.LIMITS,
        "does nothing with --isolation limits, which hides nothing",
    ),
)
"""Rules for options of `agent run` that would have no effect."""


def run(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Name of the agent in the run.", metavar="NAME", parser=option_types.agent)
    ],
    command: Annotated[
        list[str],
        typer.Argument(
            help="After --: program and arguments.", metavar="COMMAND...", parser=option_types.text
        ),
    ],
    *,
    run: Annotated[
        str, typer.Option("--run", help="Run of the agent.", metavar="RUN", parser=option_types.run_name)
    ],
    read: ReadOption = None,
    cpu_s: Seconds = USUAL.cpu_s,
    memory_mib: Mebibytes = USUAL.memory_bytes // bounds.MIB,
    open_files: Files = USUAL.open_files,
    processes: Processes = USUAL.processes,
    wall_s: Wall = USUAL.wall_s,
    files: MadeFiles = USUAL.files,
    output_mib: Output = USUAL.output_bytes // bounds.MIB,
    isolation: Annotated[
        Isolation, typer.Option(help="namespaces, or limits where the kernel forbids namespaces.")
    ] = Isolation.NAMESPACES,
) -> None:
    """Run an untrusted agent in a sandbox, from which it reaches NATS and nothing else.

    It can read the system's programs, the files that the command names and those of --read; nothing else of the machine.

    Example: [cyan]econsim agent run bob --run genesis-1 -- python bot.py[/cyan]

    Example: [cyan]econsim agent run bob --run genesis-1 --read ./bob --wall-s 60 -- python bob/main.py[/cyan]
    """
    refuse_unused_options(context, AGENT_RUN_UNUSED_OPTIONS)
    config = settings_of(context)
    creds = agent_creds(config, run, name)
    limits = bounds.MachineLimits(
        cpu_s=cpu_s,
        memory_bytes=memory_mib * bounds.MIB,
        open_files=open_files,
        processes=processes,
        wall_s=wall_s,
        files=files,
        output_bytes=output_mib * bounds.MIB,
    )
    spec = AgentSpec(
        run=run,
        agent=name,
        command=tuple(command),
        server=required_server_url(config),
        creds=creds,
        directory=Path.cwd(),
        readable=tuple(path.absolute() for path in read or ()),
        secrets=(config.state, creds),
        limits=limits,
        isolation=isolation,
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
