"""The invariants after attacks: outcomes, latencies, and what services logged."""

import logging

import pytest

from econsim.checks.attacks import invariants
from econsim.checks.attacks.invariants import (
    FLOODED_MAX,
    SLOWER_MAX,
    LoggedOutcomes,
    UnforeseenLogs,
    VictimPhases,
    add_items,
    phase_checks,
    victim_checks,
)
from econsim.checks.attacks.load import ServicePhase
from econsim.schemas.market import OrderCancelled, TradeExecuted


class Victim:
    """A victim as the invariants see it."""

    name = "anna"

    def __init__(self, reconnects=0, unexpected=()):
        self.unexpected = list(unexpected)
        self._reconnects = reconnects

    def reconnects(self):
        return self._reconnects


CANCELLED = ("anna.1", "cancelled", 3)


def log(outcomes=(CANCELLED,), received=(CANCELLED,), missing=()):
    return LoggedOutcomes({"anna": set(outcomes)}, {"anna": set(received)}, {"anna": set(missing)})


def false_claims(victim=None, logged=None):
    phases = VictimPhases(victim or Victim(), ServicePhase(), ServicePhase(), ServicePhase())
    return [check.claim for check in victim_checks(phases, logged or log()) if not check.holds]


def phase(seconds=0.01, count=100, refused=0, waited_ms=0):
    return ServicePhase([seconds] * count, refused, waited_ms)


def test_a_victim_with_all_its_outcomes_passes():
    assert false_claims() == []
    assert log().complete


@pytest.mark.parametrize(
    ("logged", "counts"),
    [
        (log(missing=[CANCELLED]), "(1 missing: anna.1 cancelled (3), 0 that are not in the log)"),
        (
            log(received=[CANCELLED, ("anna.2", "filled", 4)]),
            "(0 missing, 1 that are not in the log: anna.2 filled (4))",
        ),
    ],
)
def test_a_missing_and_an_invented_outcome_are_told_apart(logged, counts):
    (claim,) = false_claims(logged=logged)

    assert claim.endswith(counts)
    assert not logged.complete


def test_a_victim_without_any_outcome_proves_nothing():
    assert len(false_claims(logged=log((), ()))) == 1


def test_an_outcome_received_after_the_log_was_read_is_not_held_against_it():
    logged = log()
    logged.received = {"anna": set()}

    assert logged.complete


async def test_an_outcome_that_arrives_while_the_log_is_read_is_neither_missing_nor_invented(monkeypatch):
    victim = Victim()
    victim.outcomes = set()

    async def read(_client, _run):
        victim.outcomes.add(CANCELLED)
        return
        yield

    monkeypatch.setattr(invariants, "read", read)
    logged = await invariants.read_outcomes(None, "run", [victim])

    assert logged.complete


def test_a_lost_connection_and_an_unexpected_message_are_seen():
    claims = false_claims(Victim(reconnects=2, unexpected=["about bert.1"]))

    assert [claim for claim in claims if "lost its connection 2 times" in claim]
    assert [claim for claim in claims if "about bert.1" in claim]


def test_a_trade_concerns_both_sides_and_a_cancellation_its_owner():
    logged = LoggedOutcomes({"anna": set(), "bert": set()})
    trade = TradeExecuted(2, "t1", 10_000, 1, "anna", "bert", "anna.1", "bert.1", "bid")
    cancel = OrderCancelled(3, "anna.1", "anna", "bid", 1, "cancelled_by_owner")
    other = OrderCancelled(4, "carl.1", "carl", "bid", 1, "cancelled_by_owner")

    add_items(logged, [trade, cancel, other], "cpu", 1)

    assert logged.trades == 1
    assert logged.outcomes["anna"] == {("anna.1", "filled", 2), ("anna.1", "cancelled", 3)}
    assert logged.outcomes["bert"] == {("bert.1", "filled", 2)}


@pytest.mark.parametrize(
    ("attacked", "held"),
    [
        (phase(), [True, True]),
        (phase(seconds=SLOWER_MAX * 0.1 + 0.01), [True, False]),
        (phase(refused=1), [False, True]),
        (phase(waited_ms=1_001), [False, True]),
    ],
)
def test_service_under_attack_is_compared_with_service_in_peace(attacked, held):
    checks = list(phase_checks("anna", "quiet attacks", phase(), attacked, SLOWER_MAX))

    assert [check.holds for check in checks] == held


def test_attacks_that_were_not_tried_are_not_compared():
    assert list(phase_checks("anna", "floods", phase(), ServicePhase(), FLOODED_MAX)) == []


@pytest.mark.parametrize(
    ("name", "level", "recorded"),
    [
        ("econsim.services.market", logging.WARNING, 1),
        ("econsim.services.rejections", logging.ERROR, 0),
        ("nats.aio.client", logging.WARNING, 0),
        ("nats.aio.client", logging.ERROR, 1),
    ],
)
def test_only_unforeseen_log_messages_are_recorded(name, level, recorded):
    logs = UnforeseenLogs()
    logs.emit(logging.LogRecord(name, level, "", 0, "text", (), None))

    assert len(logs.lines) == recorded
