"""Calls of models in tests: short prompts, providers with an answer set beforehand, and a journal on the pure ledger."""

from __future__ import annotations

import asyncio
from collections import Counter

from factories import NOON
from ledger_builders import endow

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.cognition.calls import Calls
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.errors import ProviderFailed, QuotaExceeded, Unavailable
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import CREDITS, TransferPosted
from econsim.schemas.model_call import (
    Call,
    CallPosition,
    ChatMessage,
    ChatRole,
    Completion,
    Prompt,
    TokenUsage,
)

ENVELOPE = Envelope("run_1", "salt", 1, NOON)


def prompt(text="What do you bid?", max_tokens=100, **fields):
    return Prompt(messages=(ChatMessage(ChatRole.USER, text),), max_tokens=max_tokens, **fields)


def call(agent="ana", cycle=1, ordinal=1, deadline_ms=1_000, **fields):
    return Call(CallPosition(agent, cycle, ordinal), prompt(**fields), deadline_ms, tick=cycle)


def answer(content="I pass.", input_tokens=10, output_tokens=5):
    return Completion(content, TokenUsage(input_tokens, output_tokens))


class Provider:
    """A provider that gives its answers in turn; the last one for ever. An error is raised."""

    calls_max = 1_000

    def __init__(self, *answers, name="rules", bound=20):
        self.name = name
        self.asked = []
        self._answers = list(answers or (answer(),))
        self._bound = bound

    def count_input(self, _):
        return self._bound

    async def complete(self, asked, on_text=None):
        self.asked.append(asked.position)
        await asyncio.sleep(0)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(found, Exception):
            raise found
        if on_text:
            on_text(found.content)
        return found


class Silent(Provider):
    """A provider that never answers."""

    async def complete(self, asked, _=None):
        self.asked.append(asked.position)
        await asyncio.Event().wait()


def failure(code="provider_failed", input_tokens=0, output_tokens=0):
    return ProviderFailed("it broke", code=code, input_tokens=input_tokens, output_tokens=output_tokens)


class Meter:
    """A meter that notes what is taken and given back; `limits` refuse more of a kind."""

    def __init__(self, **limits):
        self.taken = Counter()
        self._limits = limits

    async def take(self, kind, _run, _agent, amount=1):
        if self.taken[kind.token] + amount > self._limits.get(kind.token, amount + self.taken[kind.token]):
            raise QuotaExceeded(code=kind.code)
        self.taken[kind.token] += amount

    async def give_back(self, kind, _run, _agent, amount):
        self.taken[kind.token] -= amount


class LedgerJournal:
    """The durable steps of calls on the pure ledger, with the log they would leave; `crash` fails one step once."""

    def __init__(self, calls, budget=1_000_000, agent="ana"):
        self.ledger = Ledger()
        self.ledger.apply([endow(agent, budget)])
        self.log = []
        self.crash = None
        self._calls = calls
        self._journal = Journal()

    async def reserve(self, plans):
        self._crash("before reserve")
        refusals = [await self._apply(plan.chain) for plan in plans]
        self._crash("after reserve")
        for plan, refusal in zip(plans, refusals, strict=True):
            if refusal is None:
                self._calls.reserve(plan.call.position, NOON, plan.call.tick)
        return refusals

    async def record(self, outcomes, *_):
        self._crash("before record")
        await asyncio.sleep(0)
        invoked = LlmInvoked(items=tuple(outcomes))
        self.log.append(ENVELOPE.event(subjects.LLM_INVOKED, "cognition", invoked, outcomes[0].id))
        self._crash("after record")
        return [self._calls.add(outcome) for outcome in outcomes]

    async def read_text(self, outcome):
        return outcome

    async def settle(self, chains, _, **_how):
        self._crash("before settle")
        for chain in chains:
            assert await self._apply(chain) is None
        self._crash("after settle")
        for chain in chains:
            self._calls.settle(chain.cause)

    def restarted(self):
        """Return the calls as the next leader folds them from the log, which this journal now notes outcomes in."""
        self._calls = Calls()
        for addressed in self.log:
            self._calls.evolve(addressed)
        return self._calls

    def credits(self, agent="ana"):
        position = self.ledger.position(agent, CREDITS)
        return position.posted, position.pending

    async def _apply(self, chain):
        await asyncio.sleep(0)
        decisions = self.ledger.apply([chain])
        for entry in self._journal.append(decisions):
            if isinstance(entry, TransferPosted):
                self.log.append(ENVELOPE.event(subjects.TRANSFER_POSTED, "ledger", entry, entry.sequence))
        return decisions.refusals().get(chain.id)

    def _crash(self, step):
        if self.crash == step:
            self.crash = None
            raise Unavailable(step)
