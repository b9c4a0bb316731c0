"""What is left when all attacks are over: books that verify, victims who got everything and noticed nothing.

Facts about counts and ratios, not about seconds: how fast a machine is, is not what is judged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
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
"""How many times slower a victim's slowest hundredth may be while quiet attacks go on than in peace."""

FLOODED_MAX: Final = 40
"""The same while floods go on: what arrived before the door closes must be worked off."""

SLOWEST_FLOOR_S: Final = 0.1
"""The least that counts as slow: below it, two processors' other work decides."""

HELD_BACK_MAX_MS: Final = 10
"""Milliseconds a victim may be held back for each of its requests while attacks go on, on average: on a machine that
is busy with other work, commands queue up for a moment."""

EXPECTED: Final = ("econsim.services.rejections",)
"""Loggers that tell of attacks: to be heard of is what they are for."""


class UnforeseenLogs(logging.Handler):
    """What services logged that nobody foresaw: errors, and posts that had to be served again."""

    def __init__(self) -> None:
        """Hear warnings and worse."""
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        """What was logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record unless it tells of an attack."""
        if record.name not in EXPECTED and (
            record.levelno >= logging.ERROR or record.name.startswith("econsim")
        ):
            self.heard.append(f"{record.name}: {record.getMessage()}")


@dataclass(slots=True)
class VictimPhases:
    """How one external agent was served, in peace and under attack."""

    external: TradingVictim
    """Who."""
    peace: ServicePhase
    """Before the attacks."""
    siege: ServicePhase
    """During the quiet ones."""
    floods: ServicePhase
    """During the loud ones."""


@dataclass(slots=True)
class LoggedOutcomes:
    """What the log holds of a run."""

    told: dict[str, set[OutcomeKey]] = field(default_factory=dict)
    """External agent → every outcome it should have been told."""
    trades: int = 0
    """Trades of everybody."""
    unreadable: int = 0
    """Events that cannot be read."""
    left: int = 0
    """Orders of the siege nobody saw to, or at most as many, when the wait for it ended."""


async def read_outcomes(client: Client, run: str, externals: Sequence[str]) -> LoggedOutcomes:
    """Read a run's whole log, and what it says of these externals."""
    log = LoggedOutcomes({name: set() for name in externals})
    async with aclosing(read(client, run)) as events:
        async for stored in events:
            try:
                event = decode(stored.subject, stored.payload).event
            except InvalidMessage:
                log.unreadable += 1
                continue
            if isinstance(event.data, Accepted | Rejected | Traded | Cancelled):
                resource = stored.subject.split(".")[1]
                _add_items(log, event.data.items, resource, event.tick)
    return log


def _add_items(log: LoggedOutcomes, items: Iterable[Item], resource: str, tick: int) -> None:
    for item in items:
        log.trades += isinstance(item, TradeExecuted)
        concerned = {item.buyer, item.seller} if isinstance(item, TradeExecuted) else {item.agent}
        for name in concerned & log.told.keys():
            outcome = outcome_of(item, resource, tick, name)
            log.told[name].add((outcome.order_id, outcome.kind.value, item.n))


async def check_invariants(
    client: Client, run: str, served: Sequence[VictimPhases], noise: UnforeseenLogs, log: LoggedOutcomes
) -> list[Check]:
    """Return the facts that hold after an attack nobody noticed."""
    books = StoredLedger()
    async for stored in JetStreamStateStore(client).history(run):
        books.fold(stored)
    report = verify_journal(books.entries, books.balances)
    letters = await provision.waiting(client, "dead_letter", ">")
    victims = [each.external.name for each in served]
    theirs = [subject for subject in letters if subject.split(".")[-1] in victims]
    first = report.first.what if report.first else "nothing"
    return [
        Check(
            f"the books verify, every asset conserved: {report.entries} entries, {report.transfers} transfers, {first} amiss",
            not report.findings,
        ),
        Check(f"everybody went on trading: {log.trades} trades", log.trades > 0),
        Check(f"every event of the log can be read ({log.unreadable} cannot)", not log.unreadable),
        Check(f"{log.left or 'nothing'} of the siege is left in the queue of orders", not log.left),
        Check(f"{len(letters) or 'no'} dead letters, {len(theirs) or 'none'} of victims", not letters),
        Check(f"services logged {noise.heard[:3] or 'nothing unforeseen'}", not noise.heard),
        *(fact for each in served for fact in _victim_checks(each, log.told[each.external.name])),
    ]


def _victim_checks(served: VictimPhases, logged: set[OutcomeKey]) -> list[Check]:
    external, peace = served.external, served.peace
    missing, extra = logged - external.told, external.told - logged
    told = f"{external.name} was told all {len(logged)} outcomes of its orders ({len(missing)} missing, {len(extra)} that never were)"
    return [
        Check(told, bool(logged) and not missing and not extra),
        *_comparison_checks(external.name, "quiet attacks", peace, served.siege, SLOWER_MAX),
        *_comparison_checks(external.name, "floods", peace, served.floods, FLOODED_MAX),
        Check(
            f"{external.name} lost its connection {external.reconnects()} times", not external.reconnects()
        ),
        Check(
            f"{external.name} heard {external.strange[:2] or 'nothing'} that was not for it",
            not external.strange,
        ),
    ]


def _comparison_checks(
    name: str, during: str, peace: ServicePhase, phase: ServicePhase, slower_max: int
) -> Iterator[Check]:
    """Compare how an external agent was served with how it is in peace; yields nothing for attacks that were not tried."""
    if not phase.latencies and not phase.refused:
        return
    base = max(peace.p99(), SLOWEST_FLOOR_S)
    kept = f"{name}, {during}: {phase.refused} refused and {phase.waited_ms} ms held back of {len(phase.latencies)} requests, in peace {peace.refused} and {peace.waited_ms} ms"
    held_back = phase.waited_ms <= peace.waited_ms + HELD_BACK_MAX_MS * len(phase.latencies)
    yield Check(kept, phase.refused <= peace.refused and held_back)
    slow = f"{name}, {during}: the slowest hundredth took {phase.p99() / base:.1f} times {base * 1000:.0f} ms, at most {slower_max}"
    yield Check(slow, phase.p99() <= slower_max * base)
