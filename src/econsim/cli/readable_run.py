"""Runs as commands read them: from the log of a server, from the state directory that keeps a run in memory, or from an archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from econsim.cli.connect import await_log, connect_to_server, has_log, require_runs
from econsim.cli.nearest import name_suggestion
from econsim.errors import InvalidSubject, NotFound

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.cli.kept_log import KeptLog
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.runs.kept_runs import KeptRun

LAST: Final = "last"
"""Word for the newest run, wherever it is."""


@dataclass(frozen=True, slots=True)
class ReadableRun:
    """A run to read; each `log` reads it anew."""

    name: str
    """Name of the run."""
    asked: str | Path
    """Name, pattern or path that it was asked for by."""
    client: Client | None = None
    """Connection to the server whose log has the run; none for a run in a file."""
    kept: KeptRun | None = None
    """Run in a file; none for a run of the log."""

    def log(self, *, with_texts: bool = False) -> RunLog | KeptLog:
        """Return the records to read; with long texts of calls in the records themselves if asked: a file always has them."""
        if self.kept:
            from econsim.cli.kept_log import KeptLog

            return KeptLog(self.kept.path, self.name)
        return self.server_log(with_texts=with_texts)

    def server_log(self, *, with_texts: bool = False) -> RunLog:
        """Return the records of a run of the log, which can be read from the end, too."""
        from econsim.adapters.jetstream.text_store import BucketTextStore
        from econsim.cli.run_log import RunLog

        assert self.client is not None
        return RunLog(self.client, self.name, BucketTextStore(self.client) if with_texts else None)

    async def require_agent(self, agent: str) -> None:
        """Raise NotFound with the nearest name if the run has no such agent."""
        if self.client:
            from econsim.cli.run_names import require_agent

            await require_agent(self.client, self.name, agent)
        elif self.kept:
            from econsim.domain.agent.population import population

            names = [each.id for each in population(self.kept.facts.read_scenario())]
            if agent not in names:
                message = f"there is no agent {agent!r} in run {self.name}; {name_suggestion(agent, names, 'agents')}"
                raise NotFound(message, code="agent_is_not_in_this_run")


class ReadableRuns:
    """All runs that a command can read; a server is asked only for what is in no file, over one connection."""

    def __init__(self, config: Settings, stack: AsyncExitStack, *, brief: bool = True) -> None:
        """Read as these settings say; the stack closes the connection, which is a brief command's or not."""
        self._config = config
        self._brief = brief
        self._stack = stack
        self._client: Client | None = None

    async def find(self, run: str | Path, *others: str | Path, unopened: bool = False) -> ReadableRun:
        """Return a run: of an archive's path, of a name, or for `last` the newest one; if there is none, one of `others`.

        `unopened` accepts a run of the log that was not opened yet, and `none`. Raises NotFound; who follows a run waits for the last one
        named instead.
        """
        *before, final = (run, *others)
        for asked in before:
            with suppress(InvalidSubject, NotFound):
                return await self._find(asked, unopened=unopened)
        return await self._find(final, unopened=unopened, waits=not self._brief)

    async def matching(self, pattern: str) -> list[str]:
        """Return the names of all runs that a pattern of a shell matches, oldest first; raises NotFound without one."""
        from econsim.adapters.jetstream import run_reader
        from econsim.runs.kept_runs import kept_runs
        from econsim.schemas.subject import fields

        known = [(kept.facts.opened_at, kept.facts.run) for kept in kept_runs(self._config.state)]
        if has_log(self._config):
            openings = await run_reader.openings(await self._connect(), [])
            known += [(each.stored_at, fields(each.subject).run) for each in openings]
        if found := [name for _, name in sorted(known) if fnmatchcase(name, pattern)]:
            return found
        message = f"no run is named like {pattern!r}; `econsim runs` lists those there are"
        raise NotFound(message, code="run_does_not_exist")

    async def _find(self, run: str | Path, *, unopened: bool, waits: bool = False) -> ReadableRun:
        kept = _find_kept(self._config, run)
        if kept and (
            run != LAST or not has_log(self._config) or await _is_newer(await self._connect(), kept)
        ):
            return ReadableRun(kept.facts.run, run, kept=kept)
        if waits:
            await await_log(self._config)
        if not has_log(self._config):
            raise self._not_kept(run)
        from econsim.cli.run_names import await_opening, resolve

        client, found = await self._connect(), await_opening if waits else resolve
        return ReadableRun(await found(client, str(run), unopened=unopened), run, client)

    async def _connect(self) -> Client:
        if self._client is None:
            self._client = await self._stack.enter_async_context(
                connect_to_server(self._config, brief=self._brief)
            )
        return self._client

    def _not_kept(self, run: str | Path) -> NotFound:
        from econsim.runs.kept_runs import kept_runs

        names = [kept.facts.run for kept in kept_runs(self._config.state)]
        if not names:
            require_runs(self._config)
        message = f"there is no run {str(run)!r}; {name_suggestion(str(run), names, 'runs')}"
        return NotFound(message, code="run_does_not_exist")


@asynccontextmanager
async def readable_runs(config: Settings, *, brief: bool = True) -> AsyncIterator[ReadableRuns]:
    """Provide all runs that a command can read; a command that follows a run is not brief."""
    async with AsyncExitStack() as stack:
        yield ReadableRuns(config, stack, brief=brief)


@asynccontextmanager
async def readable_run(
    config: Settings, run: str | Path, *others: str | Path, unopened: bool = False, brief: bool = True
) -> AsyncIterator[ReadableRun]:
    """Provide one run, as `ReadableRuns.find` does."""
    async with readable_runs(config, brief=brief) as sources:
        yield await sources.find(run, *others, unopened=unopened)


def _find_kept(config: Settings, run: str | Path) -> KeptRun | None:
    from econsim.runs.kept_runs import KeptRun, kept_run, kept_runs
    from econsim.runs.run_file import read_facts

    if isinstance(run, Path):
        return KeptRun(run, read_facts(run))
    if run != LAST:
        return kept_run(config.state, run)
    return next(reversed(kept_runs(config.state)), None)


async def _is_newer(client: Client, kept: KeptRun) -> bool:
    """Tell whether a kept run was opened after every run of the log."""
    from econsim import subjects
    from econsim.adapters.jetstream import run_reader

    newest = await run_reader.newest(client, subjects.RUN_OPENED.pattern())
    return newest is None or newest.stored_at < kept.facts.opened_at
