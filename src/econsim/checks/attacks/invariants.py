"""The invariants after all attacks: the books verify, and every victim got all its outcomes and noticed nothing.

They compare counts and ratios, not seconds: the speed of the machine is not judged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from nats.aio.client import Client

from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.agents.outcomes import outcome_of
from econsim.checks.attacks.load import OutcomeKey, ServicePhase, TradingVictim
from econsim.checks.attacks.verdict import Check
from econsim.domain.audit.decoding import decode
from econsim.domain.ledger.verify import verify_journal
from econsim.errors import InvalidMessage
from econsim.schemas.market import Accepted, Cancelled, Item, Rejected, Traded, TradeExecuted
from econsim.services.ledger.stored import StoredLedger

SLOWER_MAX: Final = 10
"""Ratio allowed between a victim's 99th percentile of latency under quiet attacks and in peace."""

FLOODED_MAX: Final = 40
"""The same ratio under floods: messages that arrived before the revocation must still be processed."""

SLOWEST_FLOOR_S: Final = 0.1
"""Seconds below which a latency is not slow: below it, other work on two processors decides."""

HELD_BACK_MAX_MS: Final = 10
"""Milliseconds a victim may wait for each of its requests while attacks go on, on average: on a machine that
is loaded by other work, commands queue up for a moment."""

LETTERS_MAX: Final = 5
"""Subjects of dead letters, none of a victim: an attacker's message that a slow machine gave up is no attack that worked."""

EXAMPLES_MAX: Final = 20
"""Outcomes that a claim names."""

EXPECTED_LOGGERS: Final = ("econsim.services.rejections",)
"""Loggers that report attacks: their messages are expected."""


class UnforeseenLogs(logging.Handler):
    """Handler that records unforeseen log messages of services: errors, and tasks that had to be restarted."""

    def __init__(self) -> None:
        """Record warnings and worse."""
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        """Messages that were recorded."""

    def emit(self, record: logging.LogRecord) -> None:
        """Record a message unless it reports an attack."""
        if record.name not in EXPECTED_LOGGERS and (
            record.levelno >= logging.ERROR or record.name.startswith("econsim")
        ):
            self.lines.append(f"{record.name}: {record.getMessage()}")


@dataclass(slots=True)
class VictimPhases:
    """Quality of service of one victim, in peace and under attack."""

    victim: TradingVictim
    """Victim that was served."""
    peace: ServicePhase
    """Phase before the attacks."""
    quiet: ServicePhase
    """Phase of the quiet attacks."""
    floods: ServicePhase
    """Phase of the floods."""


@dataclass(slots=True)
class LoggedOutcomes:
    """Outcomes and trades that the log of a run holds."""

    outcomes: dict[str, set[OutcomeKey]] = field(default_factory=dict)
    """Victim → outcomes that the log holds for it."""
    received: dict[str, set[OutcomeKey]] = field(default_factory=dict)
    """Victim → outcomes it had received before the log was read: all of them must be in the log."""
    missing: dict[str, set[OutcomeKey]] = field(default_factory=dict)
    """Victim → logged outcomes it had not received when the log was read to its end."""
    trades: int = 0
    """Count of all trades."""
    unreadable: int = 0
    """Count of events that cannot be decoded."""
    unprocessed: int = 0
    """Upper bound of the orders that were still in the queue when the wait for them ended."""

    def unlogged_outcomes(self, name: str) -> set[OutcomeKey]:
        """Return the outcomes a victim received that the log does not hold."""
        return self.received[name] - self.outcomes[name]

    @property
    def complete(self) -> bool:
        """Tell whether every victim received exactly what the log holds."""
        return not any(self.missing.values()) and not any(map(self.unlogged_outcomes, self.received))


async def read_outcomes(client: Client, run: str, victims: Sequence[TradingVictim]) -> LoggedOutcomes:
    """Read a run's log to its end, and compare it with the outcomes the victims received.

    The run goes on meanwhile. So an outcome counts as unlogged only if it was received before the log was read,
    and as missing only if it has not arrived after.
    """
    log = LoggedOutcomes({victim.name: set() for victim in victims})
    log.received = {victim.name: set(victim.outcomes) for victim in victims}
    async with aclosing(read(client, run)) as events:
        async for stored in events:
            try:
                event = decode(stored.subject, stored.payload).event
            except InvalidMessage:
                log.unreadable += 1
                continue
            if isinstance(event.data, Accepted | Rejected | Traded | Cancelled):
                resource = stored.subject.split(".")[1]
                add_items(log, event.data.items, resource, event.tick)
    log.missing = {victim.name: log.outcomes[victim.name] - victim.outcomes for victim in victims}
    return log


def add_items(log: LoggedOutcomes, items: Iterable[Item], resource: str, tick: int) -> None:
    """Add a market event's items to the trades and to the outcomes of the victims they concern."""
    for item in items:
        log.trades += isinstance(item, TradeExecuted)
        concerned = {item.buyer, item.seller} if isinstance(item, TradeExecuted) else {item.agent}
        for name in concerned & log.outcomes.keys():
            outcome = outcome_of(item, resource, tick, name)
            log.outcomes[name].add((outcome.order_id, outcome.kind.value, item.n))


async def check_invariants(
    client: Client, run: str, phases: Sequence[VictimPhases], logs: UnforeseenLogs, log: LoggedOutcomes
) -> list[Check]:
    """Return the checks that hold if nobody noticed the attacks."""
    books = StoredLedger()
    async for stored in JetStreamStateStore(client).history(run):
        books.fold(stored)
    report = verify_journal(books.entries, books.balances, books.behind)
    letters = await provision.subject_counts(client, "dead_letter", ">")
    victims = [each.victim.name for each in phases]
    theirs = [subject for subject in letters if subject.split(".")[-1] in victims]
    first = report.first.what if report.first else "nothing"
    return [
        Check(
            f"the books verify, every asset conserved: {report.entries} entries, {report.transfers} transfers, {first} amiss",
            not report.findings,
        ),
        Check(f"all went on trading: {log.trades} trades", log.trades > 0),
        Check(f"every event of the log can be decoded ({log.unreadable} cannot)", not log.unreadable),
        Check(f"{log.unprocessed or 'nothing'} is left in the queue of orders", not log.unprocessed),
        Check(
            f"{len(letters) or 'no'} dead letters, {len(theirs) or 'none'} of victims{_of(letters)}",
            not theirs and len(letters) <= LETTERS_MAX,
        ),
        Check(f"services logged {logs.lines[:3] or 'nothing unforeseen'}", not logs.lines),
        *(check for each in phases for check in victim_checks(each, log)),
    ]


def _of(letters: Iterable[str]) -> str:
    """Return a clause with some subjects of dead letters; nothing if there are none."""
    shown = ", ".join(sorted(letters)[:LETTERS_MAX])
    return f": {shown}" if shown else ""


def examples(outcomes: set[OutcomeKey], what: str) -> str:
    """Return how many outcomes there are, and the first of them."""
    first = sorted(outcomes, key=itemgetter(2))[:EXAMPLES_MAX]
    shown = ", ".join(f"{order_id} {kind} ({n})" for order_id, kind, n in first)
    return f"{len(outcomes)} {what}: {shown}" if shown else f"{len(outcomes)} {what}"


def victim_checks(phases: VictimPhases, log: LoggedOutcomes) -> list[Check]:
    """Return the checks that one victim got all its outcomes, and was served as in peace."""
    victim, peace, logged = phases.victim, phases.peace, log.outcomes[phases.victim.name]
    missing, extra = log.missing[victim.name], log.unlogged_outcomes(victim.name)
    received = (
        f"{victim.name} received all {len(logged)} outcomes of its orders "
        f"({examples(missing, 'missing')}, {examples(extra, 'that are not in the log')})"
    )
    return [
        Check(received, bool(logged) and not missing and not extra),
        *phase_checks(victim.name, "quiet attacks", peace, phases.quiet, SLOWER_MAX),
        *phase_checks(victim.name, "floods", peace, phases.floods, FLOODED_MAX),
        Check(f"{victim.name} lost its connection {victim.reconnects()} times", not victim.reconnects()),
        Check(
            f"{victim.name} received {victim.unexpected[:2] or 'nothing'} that was not for it",
            not victim.unexpected,
        ),
    ]


def phase_checks(
    name: str, during: str, peace: ServicePhase, phase: ServicePhase, slower_max: int
) -> Iterator[Check]:
    """Compare a victim's service under attack with its service in peace; yield nothing for attacks not tried."""
    if not phase.latencies and not phase.refused:
        return
    base = max(peace.p99(), SLOWEST_FLOOR_S)
    kept = f"{name}, {during}: {phase.refused} refused and {phase.waited_ms} ms held back of {len(phase.latencies)} requests, in peace {peace.refused} and {peace.waited_ms} ms"
    held_back = phase.waited_ms <= peace.waited_ms + HELD_BACK_MAX_MS * len(phase.latencies)
    yield Check(kept, phase.refused <= peace.refused and held_back)
    slow = f"{name}, {during}: the slowest hundredth took {phase.p99() / base:.1f} times {base * 1000:.0f} ms, at most {slower_max}"
    yield Check(slow, phase.p99() <= slower_max * base)
