"""Answers of `econsim watch` to the page that it serves: credentials, and all that follows from the scenario or the whole run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.jetstream.direct_get import StoredMessage
    from econsim.adapters.live_page.page_server import Answer
    from econsim.domain.expectation.verdict import Verdict
    from econsim.evaluation.bench.live_verdicts import Told
    from econsim.identity.trust_root import Trust
    from econsim.report.summary import ExpectationResult, Summary
    from econsim.schemas.scenario import Scenario

ROLE: Final = "auditor"
"""Role of the page: it reads the log and its long texts, and nothing else."""

USER: Final = "watch"
"""Name of the page's user, by which the server lists its connection."""

LIFE_S: Final = 8 * 3600
"""Seconds that the server knows the page's credentials: a working day; a page that is open longer is given new ones."""

Connected = Callable[[], "AbstractAsyncContextManager[Client]"]
"""Connects as a reader for the time of a context."""

JudgedLive = Callable[[], "AsyncGenerator[Told, None]"]
"""Yields the verdicts on a run that goes on whenever they rest on more events."""

Json = dict[str, object]
"""An object that is told to the page."""


class WatchSession:
    """Answers to the page about one run."""

    def __init__(  # noqa: PLR0913 - what a run is read, judged and shown with
        self,
        connected: Connected,
        trust: Trust,
        run: str,
        sockets: str,
        *,
        judged: JudgedLive | None = None,
        life_s: int = LIFE_S,
    ) -> None:
        """Prepare for a run of the log; `sockets` is the URL of the server's websockets, `life_s` how long credentials hold.

        `connected` gives a connection for the time of a context: the server of a run may be gone when the run is judged. `judged`
        yields verdicts while a run goes on; without it there are none before its end. Close a session that a page has used.
        """
        self._connected, self._trust, self._run, self._sockets = connected, trust, run, sockets
        self._judged, self._life_s = judged, life_s
        self._opening: StoredMessage | None = None
        self._scenario: Scenario | None = None
        self._equilibria: Json | None = None
        self._verdicts: Json | None = None
        self._computing, self._judging = asyncio.Lock(), asyncio.Lock()
        self._so_far: Told = (0, ())
        self._following: asyncio.Task[None] | None = None

    @property
    def answers(self) -> Mapping[str, Answer]:
        """Return what the page may ask for, by path."""
        return {
            "/session": self.describe,
            "/equilibria": self.find_equilibria,
            "/verdicts": self.judge,
            "/verdicts/so-far": self.judge_so_far,
        }

    async def aclose(self) -> None:
        """End the judge of a run that goes on."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def read_opening(self, client: Client) -> None:
        """Read what the run was opened with, if the log still has it."""
        from econsim import subjects
        from econsim.adapters.jetstream.run_reader import newest
        from econsim.domain.audit.decoding import event_of
        from econsim.schemas.clock import RunOpened

        self._opening = found = await newest(client, subjects.RUN_OPENED(run=self._run))
        opened = event_of(RunOpened, found.subject, found.payload) if found else None
        self._scenario = opened.data.scenario if opened else None

    async def describe(self) -> Mapping[str, object]:
        """Return what the page needs to read the run and to put it into words; its credentials are new each time."""
        from econsim.domain.audit.describe import ASKED, SENTENCES
        from econsim.identity.roles import INBOX
        from econsim.streams import LLM_TEXTS
        from econsim.subjects import AUDIT

        jwt, seed = self._trust.sign_user(USER, ROLE, self._life_s)
        return {
            "run": self._run,
            "title": self._scenario.title if self._scenario else "",
            "sockets": self._sockets,
            "jwt": jwt,
            "seed": seed,
            "inbox": f"{INBOX}.{ROLE}",
            "log": AUDIT,
            "texts": LLM_TEXTS.name,
            "first": self._opening.sequence if self._opening else 1,
            "judged": bool(self._judged and self._scenario and self._scenario.expectations),
            "sentences": SENTENCES,
            "asked": {verb or "": sentence for verb, sentence in ASKED.items()},
        }

    async def find_equilibria(self) -> Mapping[str, object]:
        """Return resource → stretches of periods with one equilibrium: first period, its lowest and highest price, and those without limits.

        Prices are micro-credits, none where nobody has private values. The first pair is within the price limits and after the tax. They
        are found once, period by period: those of many agents take seconds, in which the page is served.
        """
        async with self._computing:
            if self._equilibria is None:
                self._equilibria = await _equilibria(self._scenario) if self._scenario else {}
            return self._equilibria

    async def judge_so_far(self) -> Mapping[str, object]:
        """Return the newest verdicts on a run that goes on, and the place in the log of the newest event that they rest on.

        The first call begins to judge it, in a process of its own.
        """
        place, verdicts = self._so_far
        is_final = bool(verdicts) and all(each.outcome.is_final for each in verdicts)
        if self._judged and not is_final and (self._following is None or self._following.done()):
            self._following = asyncio.create_task(self._follow(self._judged))
        return {"place": place, "verdicts": _judged_json(verdicts)}

    async def _follow(self, judged: JudgedLive) -> None:
        async with aclosing(judged()) as found:
            async for self._so_far in found:
                pass

    async def judge(self) -> Mapping[str, object]:
        """Return the verdicts on a closed run's expectations; made once, because the log of the run does not change any more.

        Raises InvalidMessage if the log lacks the run's opening, Unavailable and SetupError if it cannot be read now.
        """
        async with self._judging:
            if self._verdicts is None:
                self._verdicts = _verdicts(await self._summarise())
            return self._verdicts

    async def _summarise(self) -> Summary:
        from econsim.cli.run_log import RunLog
        from econsim.report.aggregate import RunAggregator

        tally = RunAggregator()
        async with self._connected() as client:
            async for entry in RunLog(client, self._run).so_far():
                tally.add(entry)
        return tally.summary()


async def _equilibria(scenario: Scenario) -> Json:
    from econsim.domain.agent.conditions import Conditions
    from econsim.domain.agent.optima import Optima

    conditions = Conditions(scenario)
    optima = {market.resource: Optima(conditions, market.resource) for market in scenario.markets}
    found: dict[str, list[tuple[int | None, ...]]] = {resource: [] for resource in optima}
    # Markets within periods: the agents of a period are made once for all of them.
    for period in range(1, scenario.clock.periods + 1) if conditions.change else (1,):
        for resource, stretches in found.items():
            await asyncio.sleep(0)
            bound = optima[resource].constrained_optimum(period)
            free = optima[resource].free_optimum(period)
            prices = (bound.price_low, bound.price_high, free.price_low, free.price_high)
            if not stretches or stretches[-1][1:] != prices:
                stretches.append((period, *prices))
    return {**found}


def _verdicts(summary: Summary) -> Json:
    return {"verdicts": [*map(_result_json, summary.verdicts), *_judged_json(summary.judged)]}


def _judged_json(verdicts: Sequence[Verdict]) -> list[Json]:
    return [
        {
            "name": each.name,
            "outcome": each.outcome.value,
            "reason": each.message,
            "events": [witness.event_id for witness in each.witness],
        }
        for each in verdicts
    ]


def _result_json(result: ExpectationResult) -> Json:
    from econsim.report.format import decimal, measure_words

    expected = result.expectation
    return {
        "name": measure_words(expected),
        "outcome": "holds" if result.holds else "fails",
        "reason": f"{decimal(result.measured, 3)} measured, {expected.value:g} ± {expected.tolerance:g} expected",
    }
