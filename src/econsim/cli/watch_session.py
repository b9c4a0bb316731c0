"""Answers of `econsim watch` to the page that it serves: credentials, and all that follows from the scenario or the whole run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.jetstream.direct_get import StoredMessage
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

Json = dict[str, object]
"""An object that is told to the page."""


class WatchSession:
    """Answers to the page about one run."""

    def __init__(
        self, connected: Connected, trust: Trust, run: str, sockets: str, *, life_s: int = LIFE_S
    ) -> None:
        """Prepare for a run of the log; `sockets` is the URL of the server's websockets, `life_s` how long credentials hold.

        `connected` gives a connection for the time of a context: the server of a run may be gone when the run is judged.
        """
        self._connected, self._trust, self._run, self._sockets = connected, trust, run, sockets
        self._life_s = life_s
        self._opening: StoredMessage | None = None
        self._scenario: Scenario | None = None
        self._verdicts: Json | None = None
        self._judging = asyncio.Lock()

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
            "equilibria": self._equilibria(),
            "sentences": SENTENCES,
            "asked": {verb or "": sentence for verb, sentence in ASKED.items()},
        }

    async def judge(self) -> Mapping[str, object]:
        """Return the verdicts on a closed run's expectations; made once, because the log of the run does not change any more.

        Raises InvalidMessage if the log lacks the run's opening, Unavailable and SetupError if it cannot be read now.
        """
        async with self._judging:
            if self._verdicts is None:
                self._verdicts = _verdicts(await self._summarise())
            return self._verdicts

    def _equilibria(self) -> Json:
        """Return the lowest and highest equilibrium price of each market that has one for all periods, in micro-credits."""
        from econsim.domain.expectation.markets import lasting_equilibrium

        scenario = self._scenario
        if scenario is None:
            return {}
        found = {each.resource: lasting_equilibrium(scenario, each.resource) for each in scenario.markets}
        return {resource: prices for resource, prices in found.items() if prices is not None}

    async def _summarise(self) -> Summary:
        from econsim.cli.run_log import RunLog
        from econsim.report.aggregate import RunAggregator

        tally = RunAggregator()
        async with self._connected() as client:
            async for entry in RunLog(client, self._run).so_far():
                tally.add(entry)
        return tally.summary()


def _verdicts(summary: Summary) -> Json:
    judged = [
        {
            "name": each.name,
            "outcome": each.outcome.value,
            "reason": each.message,
            "events": [witness.event_id for witness in each.witness],
        }
        for each in summary.judged
    ]
    return {"verdicts": [*map(_result_json, summary.verdicts), *judged]}


def _result_json(result: ExpectationResult) -> Json:
    from econsim.report.format import decimal, measure_words

    expected = result.expectation
    return {
        "name": measure_words(expected),
        "outcome": "holds" if result.holds else "fails",
        "reason": f"{decimal(result.measured, 3)} measured, {expected.value:g} ± {expected.tolerance:g} expected",
    }
