"""Connection of one command: to a given server, to the server that runs here, or to an embedded server of its own.

A command that finds no running server starts the embedded one on the stored data for as long as it reads. It creates
nothing: without a state directory there is nothing to read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from econsim.errors import NotFound, SetupError

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.server.embedded import EmbeddedServer
    from econsim.config import Settings

OBSERVER: Final = "observer"
"""Role that reads everything and changes nothing; an auditor's credentials are enough for the log alone."""

OPERATOR: Final = "operator"
"""Role of people who command."""

SETUP: Final = "setup"
"""Role that creates and changes streams."""

WAITING: Final = "waiting for it (stop with Ctrl-C)"
"""Words of a command that follows a run which is not there yet."""

LOG_INTERVAL_S: Final = 0.5
"""Pause between two looks whether another command has started a server."""


def server_url(config: Settings) -> str | None:
    """Return the URL of the given server, else of the one that runs on the state directory; none without either."""
    from econsim.adapters.server import state_directory

    return config.nats or state_directory.running_url(config.state)


def required_server_url(config: Settings) -> str:
    """Return the URL of the server; raises SetupError with the remedy if none runs."""
    if url := server_url(config):
        return url
    message = f"no NATS server runs on {config.state}; start one with `econsim up`, or name one with --nats"
    raise SetupError(message)


def creds_of(config: Settings, role: str) -> Path | None:
    """Return the creds file of a role; none for a given server without given credentials."""
    if config.creds and not config.creds.is_dir():
        return config.creds
    directory = config.creds or config.state / "trust" / "creds"
    path = directory / f"{role}.creds"
    if role == OBSERVER and not path.exists() and (log_alone := directory / "auditor.creds").exists():
        return log_alone
    return path if path.exists() or config.creds or not config.nats else None


def agent_creds(config: Settings, run: str, name: str) -> Path:
    """Return an external agent's creds file: the given one, else the one that `econsim agent create` writes.

    Raises InvalidSubject for names that are no subject tokens.
    """
    from econsim.schemas.subject import token

    token(run, "run")
    token(name, "agent")
    if config.creds and not config.creds.is_dir():
        return config.creds
    return (config.creds or config.state / "trust" / "agents" / run) / f"{name}.creds"


@asynccontextmanager
async def connect_to_server(
    config: Settings, role: str = OBSERVER, *, brief: bool = True
) -> AsyncIterator[Client]:
    """Connect as a role for the time of the context.

    A brief command is waited for by whoever started the server; one that goes on until it is stopped, or for as long as a run, is not.
    Raises SetupError with the remedy if there is no server, or if it refuses the connection.
    """
    if config.nats:
        async with _client(config.nats, creds_of(config, role), role) as client:
            yield client
        return
    from econsim.adapters.server.server_use import running_or_own

    own = partial(_own_server, config, brief=brief)
    async with running_or_own(config.state, own, brief=brief) as (url, started):
        creds = started.creds(role) if started else creds_of(config, role)
        async with _client(url, creds, role) as client:
            yield client


def _own_server(config: Settings, *, brief: bool) -> EmbeddedServer:
    """Return a server to start; raises SetupError if there is nothing to read."""
    from econsim.adapters.server.embedded import EmbeddedServer

    require_runs(config)
    return EmbeddedServer(config.state, port=config.port, binary=config.nats_server, brief=brief)


def has_log(config: Settings) -> bool:
    """Tell whether there is a log to read: of a given server, or of the state directory."""
    return bool(config.nats) or (config.state / "nats" / "data").is_dir()


def require_runs(config: Settings) -> None:
    """Raise SetupError with the remedy if no server is given and the state directory has no runs."""
    if has_log(config):
        return
    from econsim.runs.kept_runs import kept_runs

    remedy = (
        "start one with `econsim run genesis`, or name another directory with --state or a server with --nats"
    )
    if kept_runs(config.state):
        message = f"all runs in {config.state} are in memory (`econsim runs` lists them), and this is about runs over NATS; {remedy}"
        raise SetupError(message)
    message = f"there are no runs in {config.state}; {remedy}"
    raise SetupError(message)


def refuse_kept(config: Settings, run: str) -> None:
    """Raise NotFound with the remedy for a run in memory, for who follows a run: its name is taken, so no run of it will come."""
    from econsim.runs.kept_runs import kept_run

    kept = None if config.nats else kept_run(config.state, run)
    if kept and kept.facts.transport == "memory":
        message = (
            f"run {run!r} is in memory, where nobody can watch it; `econsim report {run}` and `econsim events {run}` show it, and its scenario "
            "run without --transport memory can be watched"
        )
        raise NotFound(message, code="run_does_not_exist")


async def await_log(config: Settings) -> None:
    """Wait until there is a log to read, for who follows a run that another command is about to start; that is said once."""
    from econsim.adapters.poll import Poll
    from econsim.cli.output import echo

    try:
        require_runs(config)
    except SetupError as error:
        echo(f"{error}; {WAITING}", fg="yellow", err=True)
    async for _ in Poll(LOG_INTERVAL_S):
        if has_log(config):
            return


@asynccontextmanager
async def _client(url: str, creds: Path | None, role: str) -> AsyncIterator[Client]:
    from econsim.adapters.jetstream.run_reader import reader
    from econsim.adapters.nats.connection import connect

    if role == OBSERVER and creds:
        reader(creds)
    client = await connect(url, creds, f"econsim-cli-{role}")
    try:
        yield client
    finally:
        # A server that has gone took the connection with it.
        with suppress(OSError):
            await client.close()
