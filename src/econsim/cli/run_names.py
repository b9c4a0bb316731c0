"""Names of runs and agents as a user gives them, looked up in the log."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.adapters.jetstream import run_reader
from econsim.adapters.poll import Poll
from econsim.cli.connect import WAITING
from econsim.cli.nearest import name_suggestion
from econsim.cli.output import echo
from econsim.domain.audit.facts import record
from econsim.errors import NotFound, Unavailable
from econsim.schemas import names, subject
from econsim.schemas.names import NO_RUN

if TYPE_CHECKING:
    from nats.aio.client import Client

LAST: Final = names.LAST
"""Word for the newest run."""

OPENING_INTERVAL_S: Final = 0.5
"""Pause between two looks whether a run has opened that somebody wants to follow."""

OF_AN_OPEN_RUN: Final = ("clock", "market", "ledger")
"""Services whose events about a run are its opening, or come after it."""


async def resolve(client: Client, run: str, *, unopened: bool = False) -> str:
    """Return the id of a run in the log, for `last` the newest; raises NotFound.

    `unopened` accepts also a run that has only records from before its opening, and `none`, the word for events about
    no run.
    """
    if run != LAST:
        if not await _is_in_log(client, run):
            near = await _nearest(client, run)
            message = f"there is no run {run!r} in the log; {near}`econsim runs` lists those there are"
            raise NotFound(message, code="run_does_not_exist")
        if not unopened and run == NO_RUN:
            message = f"{NO_RUN!r} stands for events about no run; `econsim events {NO_RUN}` shows them"
            raise NotFound(message, code="run_does_not_exist")
        if not unopened and not await was_opened(client, run):
            raise not_opened(run)
        return run
    newest = await run_reader.newest(client, subjects.RUN_OPENED.pattern())
    if newest is None:
        message = "there are no runs in the log yet; start one with `econsim run genesis`"
        raise NotFound(message, code="run_does_not_exist")
    return subject.fields(newest.subject).run


async def await_opening(client: Client, run: str, *, unopened: bool = False) -> str:
    """Return the id of a run as `resolve` does, for who follows it.

    A run that is not there yet, or a server that does not answer, is waited for, and that is said once.
    """
    try:
        return await resolve(client, run, unopened=unopened)
    except (NotFound, Unavailable) as error:
        if run == NO_RUN:
            raise
        echo(f"{error}; {WAITING}", fg="yellow", err=True)
    pattern = subjects.RUN_OPENED.pattern() if run == LAST else subjects.RUN_OPENED(run=run)
    async for _ in Poll(OPENING_INTERVAL_S):
        # On a busy machine the server of a run that opens with 10 000 agents does not answer for seconds.
        with suppress(Unavailable):
            if await run_reader.newest(client, pattern) is not None:
                return await resolve(client, run, unopened=unopened)
    raise AssertionError


async def _nearest(client: Client, run: str) -> str:
    names = [subject.fields(opening.subject).run for opening in await run_reader.openings(client, [])]
    found = name_suggestion(run, names, "runs")
    return f"{found} " if found.endswith("?") else ""


async def require_agent(client: Client, run: str, agent: str) -> None:
    """Raise NotFound with the nearest name if a run has no such agent; do nothing if the log lacks the opening."""
    from econsim.domain.agent.population import population
    from econsim.schemas.scenario import Scenario

    opening = await run_reader.newest(client, subjects.RUN_OPENED(run=run))
    if opening is None:
        return
    scenario = Scenario.model_validate(record(opening.subject, opening.payload).data["scenario"])
    names = [each.id for each in population(scenario)]
    if agent not in names:
        message = f"there is no agent {agent!r} in run {run}; {name_suggestion(agent, names, 'agents')}"
        raise NotFound(message, code="agent_is_not_in_this_run")


async def _is_in_log(client: Client, run: str) -> bool:
    """Tell whether a run has any record: its opening, or a part of a damaged log."""
    if run == NO_RUN or await run_reader.newest(client, subjects.RUN_OPENED(run=run)) is not None:
        return True
    return bool(await run_reader.newest(client, f"*.*.*.{run}") or await run_reader.journal_head(client, run))


async def was_opened(client: Client, run: str) -> bool:
    """Tell whether a run has a record that follows from its opening, even if the opening itself is gone.

    Accounts and connections of agents come before the opening; a tick, a market's record or a ledger entry proves that
    there was one.
    """
    for row in subjects.TABLE:
        follows = row.kind is subject.SubjectKind.EVENT and row.owner in OF_AN_OPEN_RUN
        if follows and await run_reader.newest(client, row.pattern(run=run)) is not None:
            return True
    return bool(await run_reader.journal_head(client, run))


def not_opened(run: str) -> NotFound:
    """Return the error of a run that was not opened yet."""
    message = f"run {run!r} was not opened yet; `econsim run SCENARIO --name {run}` opens it"
    return NotFound(message, code="run_is_not_open")
