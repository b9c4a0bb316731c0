"""Driver of a run in memory of any agents: the whole run in one thread, without server, clock or network.

Composes the pure parts that the services use over NATS (host agents, books, ledger, journal, schedule), so the
same scenario and seed give the same canonical log. Runs whose agents all trade by code have a quicker driver (`coded_run`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.host_agents import HostAgents
from econsim.domain.agent.population import host_name
from econsim.domain.agent.prospects import external_limits
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.clock.period import deal, endow, redeem, require_applied, return_held
from econsim.domain.clock.schedule import LogicalTime, ends_period
from econsim.domain.cognition.recording import Recording
from econsim.domain.cognition.texts import with_texts
from econsim.domain.execution.in_memory_calls import InMemoryCalls
from econsim.domain.execution.in_memory_files import InMemoryFiles
from econsim.domain.execution.in_memory_social import InMemorySocial
from econsim.domain.execution.in_memory_tools import InMemoryTools
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.domain.market.book import BatchEnd, ClearedBatch, MarketBook, PendingBatch
from econsim.domain.market.events import allocation_events, cleared_event, item_events, price_event
from econsim.domain.market.settlement import run_failure, settlement_halt
from econsim.domain.runtime.cycle_events import completed_event, started_event
from econsim.domain.runtime.cycle_run import chosen_actions, chosen_ends
from econsim.domain.runtime.deciding import MakePolicy
from econsim.domain.runtime.effects import HostedFile, HostedToolCall, Use, UseReply
from econsim.domain.runtime.policy_agents import NONE_LOADED, DecidedRun, PolicyAgents
from econsim.domain.runtime.thinking_agents import ThinkingAgents
from econsim.domain.scenario.own_tools import uses_people_or_tasks
from econsim.errors import RunFailed
from econsim.schemas.agent import Limits
from econsim.schemas.base import Message
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, RunOpened, Ticked
from econsim.schemas.ledger import Chain, Refusal, TransferPosted
from econsim.schemas.orders import Action
from econsim.schemas.scenario import Scenario, Until
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.subject import Subject

HOST: Final = host_name(0)
"""Name of the host of all agents in memory."""


class InMemoryRun:
    """State of one run in memory; its ledger is that of all events yielded so far."""

    def __init__(
        self,
        scenario: Scenario,
        envelope: Envelope,
        recording: Recording | None = None,
        policies: Mapping[str, MakePolicy] = NONE_LOADED,
        decided: DecidedRun | None = None,
    ) -> None:
        """Start before the run opens; raises ScenarioError for a scenario that cannot be populated.

        At the ticks of `decided`, policies of one's own decide again what they decided then, without being asked.
        """
        self._scenario = scenario
        self._envelope = envelope
        self._conditions = Conditions(scenario)
        self._agents = self._conditions.agents(1)
        self._markets = self._conditions.in_period(1).markets
        self._clock = self._conditions.clock(1)
        self._resources = tuple(market.resource for market in scenario.markets)
        self._hosts = HostAgents(scenario)
        self._thinking = ThinkingAgents(scenario)
        self._own = PolicyAgents(scenario, policies, decided=decided)
        cognition = scenario.cognition or Cognition()
        self._tools = InMemoryTools(scenario, self._post)
        self._files = InMemoryFiles()
        self._social = InMemorySocial(scenario.people, self._post)
        self._is_social = uses_people_or_tasks(scenario)
        self._calls = InMemoryCalls(cognition, self._post, self._use, recording=recording)
        self._token_resource = cognition.resource
        self.ledger = Ledger()
        """Ledger of the run, to read."""
        self.journal = Journal()
        """Head of the run's journal, to read."""
        books = sorted(self._markets, key=lambda market: market.resource)
        self._books = {market.resource: MarketBook(market, scenario.seed) for market in books}
        self._moment = LogicalTime()
        self._now = envelope.now

    def events(self) -> Iterator[AddressedEvent]:
        """Yield the events of the run from its opening to its closing."""
        yield self._event(subjects.RUN_OPENED, RunOpened(scenario=self._scenario, salt=self._envelope.salt))
        failure = ""
        try:
            yield from self._conduct()
        except RunFailed as failed:
            failure = str(failed)
        closed = RunClosed(
            ticks=self._moment.tick,
            periods=self._moment.period,
            journal_sequence=self.journal.sequence,
            failure=failure,
        )
        yield self._event(subjects.RUN_CLOSED, closed)

    def set_now(self, now: str) -> None:
        """Set the wall-clock time of the events from the next tick on, RFC 3339."""
        self._now = now

    def _conduct(self) -> Iterator[AddressedEvent]:
        """Yield the events of all periods; raises RunFailed if the run cannot go on."""
        yield from self._move(endow(self._agents))
        while True:
            yield from self._period()
            if self._moment.period == self._scenario.clock.periods:
                return
            self._moment = self._moment.next_period()

    def _period(self) -> Iterator[AddressedEvent]:
        period, ended = self._moment.period, False
        self._open_period(period)
        yield from self._move(deal(self._agents, period))
        yield self._event(subjects.PERIOD_OPENED, PeriodOpened(period=period))
        while not ended:
            self._moment = self._moment.next_tick()
            ended = yield from self._tick(self._moment)
        if period == self._scenario.clock.periods and (held := self._social.held_prices()):
            yield from self._move(return_held(held))
        yield from self._move(redeem(self._agents, self._resources, period, self._posted_balance))
        yield self._event(subjects.PERIOD_CLOSED, PeriodClosed(period=period))

    def _open_period(self, period: int) -> None:
        """Have the conditions of a period hold."""
        held = self._conditions.in_period(period)
        self._agents, self._markets, self._clock = self._conditions.agents(period), held.markets, held.clock
        for market in held.markets:
            self._books[market.resource].use(market)

    def _tick(self, moment: LogicalTime) -> Generator[AddressedEvent, None, bool]:
        """Yield the events of a tick; return true if it was the last tick of its period."""
        self._envelope = replace(self._envelope, tick=moment.tick, now=self._now, causation_id=None)
        data = Ticked(period=moment.period, tick_of_period=moment.tick_of_period)
        ticked = self._event(subjects.TICKED, data)
        yield ticked
        self._envelope = replace(self._envelope, causation_id=ticked.event.event_id)
        # Evaluated after the tick opened, as hosts do it: the last step of a script needs no further tick.
        asked = self._clock.until is Until.EXHAUSTED
        ended = ends_period(self._clock, moment, self._limits() if asked else None)
        end = BatchEnd(moment.tick, moment.period, moment.tick_of_period, ends_period=ended)
        pending, refused = yield from self._open(moment.tick, (yield from self._act(moment.tick)))
        for resource, book in self._books.items():
            yield from self._close(resource, book.clear(pending[resource], refused[resource], end))
        return ended

    def _act(self, tick: int) -> Generator[AddressedEvent, None, dict[str, list[Action]]]:
        """Return resource → actions of the tick, after the agents that think have thought."""
        actions = self._hosts.act(tick)
        cycles = self._thinking.cycles(tick) | self._own.failures(tick)
        if cycles:
            yield self._apply(started_event(self._envelope, HOST, cycles))
            for addressed in self._calls.run(self._envelope, cycles):
                self._apply(with_texts(addressed, self._calls.texts))
                yield addressed
            yield self._apply(completed_event(self._envelope, HOST, cycles))
            for resource, chosen in chosen_actions(cycles.values()).items():
                actions[resource] = [*actions[resource], *chosen]
        for resource, own in self._own.actions(tick).items():
            actions[resource] = [*actions[resource], *own]
        if self._is_social:
            ends = self._social.end_tick(self._envelope, self._thinking.names, chosen_ends(cycles.values()))
            yield from map(self._apply, ends)
        return actions

    def _use(
        self, envelope: Envelope, requests: Sequence[Use]
    ) -> Generator[AddressedEvent, None, list[UseReply]]:
        """Make requests that are no thoughts, one after the other."""
        replies: list[UseReply] = []
        for request in requests:
            reply: UseReply
            match request:
                case HostedToolCall():
                    reply = yield from self._tools.use(envelope, request)
                case HostedFile():
                    reply = yield from self._files.use(envelope, request)
                case _:
                    reply = yield from self._social.use(envelope, request)
            replies.append(reply)
        return replies

    def _open(
        self, tick: int, actions: Mapping[str, Sequence[Action]]
    ) -> Generator[AddressedEvent, None, tuple[dict[str, PendingBatch], dict[str, dict[str, Refusal]]]]:
        """Check every book's actions, then reserve for all books in one order: by resource."""
        pending: dict[str, PendingBatch] = {}
        refused: dict[str, dict[str, Refusal]] = {}
        for resource, book in self._books.items():
            pending[resource] = book.reserve(tick, actions.get(resource, ()), shuffle=True)
            refused[resource] = yield from self._post(pending[resource].chains)
        return pending, refused

    def _close(self, resource: str, cleared: ClearedBatch) -> Iterator[AddressedEvent]:
        """Settle the batch of a book and yield its events; raises RunFailed if it cannot be settled."""
        refused = yield from self._post(cleared.chains)
        if halted := settlement_halt(resource, cleared.chains, refused):
            yield self._apply(
                self._envelope.event(subjects.TRADING_HALTED, "market", halted, resource=resource)
            )
            raise RunFailed(run_failure(halted, self._envelope.tick))
        if updated := price_event(self._envelope, resource, cleared):
            yield self._apply(updated)
        for addressed in item_events(self._envelope, resource, cleared):
            yield self._apply(addressed)
        if resource == self._token_resource:
            for addressed in allocation_events(self._envelope, resource, cleared):
                yield self._apply(addressed)
        yield self._apply(cleared_event(self._envelope, resource, cleared))

    def _move(self, chains: Sequence[Chain]) -> Iterator[AddressedEvent]:
        """Post transfers of the clock; raises RunFailed if one is refused."""
        refused = yield from self._post(chains)
        require_applied(chains, refused)

    def _post(self, chains: Sequence[Chain]) -> Generator[AddressedEvent, None, dict[str, Refusal]]:
        if not chains:
            return {}
        outcome = self.ledger.apply(chains)
        for entry in self.journal.append(outcome):
            posted = isinstance(entry, TransferPosted)
            subject = subjects.TRANSFER_POSTED if posted else subjects.TRANSFER_REFUSED
            yield self._envelope.event(subject, "ledger", entry, entry.sequence)
        return outcome.refusals()

    def _event(self, subject: Subject, data: Message) -> AddressedEvent:
        return self._apply(self._envelope.event(subject, "clock", data))

    def _apply(self, addressed: AddressedEvent) -> AddressedEvent:
        self._hosts.evolve(addressed)
        self._thinking.evolve(addressed)
        self._own.evolve(addressed)
        return addressed

    def _limits(self) -> list[Mapping[str, Limits]]:
        externals = external_limits(self._agents, self._markets, self._posted_balance)
        return [self._hosts.limits(), self._thinking.limits(), self._own.limits(), externals]

    def _posted_balance(self, agent: str, asset: str) -> int:
        return self.ledger.position(agent, asset).posted
