"""Every service that rebuilds from the log or the journal is, after each entry, what it was when it lived through it.

Books are in test_book.py.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement
from run_builders import small_scenario

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.host_agents import HostAgents, HostState
from econsim.domain.agent.population import population
from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.domain.clock.attendance import Attendance
from econsim.domain.clock.progress import Progress
from econsim.domain.execution.in_memory import run
from econsim.domain.ledger import decided_chains
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.ledger_content import LedgerContent
from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Transfer
from econsim.services.agent import host
from econsim.services.clock import run_driver

HOLDERS = (TREASURY, "anna", "bert")
KINDS = (Kind.TRANSFER, Kind.TRANSFER, Kind.PENDING, Kind.PENDING, Kind.POST, Kind.VOID)


def chain(number):
    """Return one of 38 880 small chains: few ids, so that repeats, other fields and refusals are common."""
    number, id_ = divmod(number, 9)
    number, kind = divmod(number, 6)
    number, debit = divmod(number, 3)
    number, credit = divmod(number, 3)
    number, pending = divmod(number, 8)
    kind, parties = KINDS[kind], (HOLDERS[debit], HOLDERS[credit])
    amount, resolves = (0 if kind is Kind.VOID else number % 4), None
    if kind in {Kind.POST, Kind.VOID}:
        resolves = f"t{pending}"
    return Chain(f"c{id_}", "test", (Transfer(f"t{id_}", kind, *parties, CREDITS, amount, resolves),))


SUBMISSIONS = st.lists(st.lists(st.integers(0, 38_879).map(chain), max_size=5), max_size=12)


HOST = SnapshotForm(HostState, "1")
LEDGER = SnapshotForm(LedgerContent, "1")


@pytest.mark.parametrize(("remembered", "older"), [(3, 2), (3, 100), (100, 100)])
@settings(max_examples=80)
@given(submissions=SUBMISSIONS, cut=st.integers(0, 12))
@requirement("log.replay")
def test_a_ledger_is_its_journal_replayed_after_each_submission_also_from_a_snapshot(
    monkeypatch, remembered, older, *, submissions, cut
):
    monkeypatch.setattr(decided_chains, "CHAINS_REMEMBERED_MAX", remembered)
    monkeypatch.setattr(decided_chains, "OLDER_CHAINS_REMEMBERED_MAX", older)
    live, replayed, restored, journal = Ledger(), Ledger(), Ledger(), Journal()

    for count, chains in enumerate(submissions):
        if count == cut:
            restored = ledger_from_snapshot(live)
        for entry in journal.append(live.apply(chains)):
            replayed.replay(entry)
            restored.replay(entry)
        assert replayed == restored == live


def ledger_from_snapshot(ledger):
    """Return the ledger that a snapshot of this one makes."""
    snapshot = LEDGER.decode(LEDGER.encode(StateSnapshot(1, "", ledger.content(), ledger.older_numbers())))
    restored = Ledger()
    restored.restore(snapshot.state, snapshot.numbers)
    return restored


def events_of(events, rows):
    """Return the events on subjects that a service asks the log for."""
    types = {row.type for row in rows}
    return [addressed for addressed in events if addressed.event.type in types]


@pytest.mark.parametrize("policy", ["zip", "zi_c", "truthful"])
@pytest.mark.parametrize("mechanism", ["continuous_double_auction", "zi_double_auction", "call_auction"])
@requirement("log.replay", "runtime.stateless")
def test_a_host_that_replays_the_log_acts_as_the_one_before(policy, mechanism):
    scenario = small_scenario(policy, mechanism)
    live, events = HostAgents(scenario), list(run(scenario))
    restored = HostAgents(scenario)

    for count, addressed in enumerate(events, 1):
        live.evolve(addressed)
        restored.evolve(addressed)
        if isinstance(addressed.event.data, Ticked):
            replayed, tick = HostAgents(scenario), addressed.event.tick
            for before in events_of(events[:count], (*host.MARKET_EVENTS, *host.CLOCK_EVENTS)):
                replayed.evolve(before)
            assert (replayed.act(tick), replayed.limits()) == (live.act(tick), live.limits())
            assert restored.state() == replayed.state() == live.state()
            if tick % 3 == 1:
                restored = host_from_snapshot(scenario, restored)


def host_from_snapshot(scenario, agents):
    """Return the agents that a snapshot of these makes."""
    restored = HostAgents(scenario)
    restored.restore(HOST.decode(HOST.encode(StateSnapshot(1, "", agents.state()))).state)
    return restored


@requirement("log.replay")
def test_a_clock_that_replays_the_log_knows_the_same_as_the_one_before():
    scenario = small_scenario("zi_c")
    agents, events = population(scenario), list(run(scenario))
    live, live_attendance = Progress(Conditions(scenario)), Attendance(["host_1"], ["anna"], 1_000)

    for count, addressed in enumerate(events, 1):
        live.evolve(addressed)
        live_attendance.evolve(addressed)
        replayed, attendance = Progress(Conditions(scenario)), Attendance(["host_1"], ["anna"], 1_000)
        if isinstance(addressed.event.data, Ticked):
            for before in events_of(
                events[:count],
                (*run_driver.CLOCK_EVENTS, *run_driver.MARKET_EVENTS, *run_driver.ATTENDANCE_EVENTS),
            ):
                replayed.evolve(before)
                attendance.evolve(before)
            assert answers_of(replayed, agents) == answers_of(live, agents)
            assert attendance.missing(addressed.event.tick) == live_attendance.missing(addressed.event.tick)


def answers_of(progress, agents):
    """Return everything a clock asks for."""
    held = [progress.balance(agent.id, asset) for agent in agents for asset in (CREDITS, "cpu")]
    tick, period = progress.now.tick, progress.now.period
    reached = (
        progress.cleared(["cpu"], tick - 1),
        progress.emptied(["cpu"], period),
        progress.limits(["host_1"]),
    )
    return progress.now, progress.ticked_id, progress.period_closed, progress.failure, held, reached
