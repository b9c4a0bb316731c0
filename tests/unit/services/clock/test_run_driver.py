"""The driver of a run over memory: what it publishes in which order, what it waits for, and what a crash changes.

The ledger, the books and the hosts are functions that answer at once.
"""

import asyncio
import json

import pytest
from factories import NOON, active, group, role, scenario
from fake_consumers import ConsumerNats, service_context

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.social.tasks import delegated_task
from econsim.errors import InvalidMessage
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.clock import RunClosed
from econsim.schemas.ledger import Refusal, Submit, Submitted
from econsim.schemas.market import Quote, TickCleared, TradingHalted
from econsim.schemas.orders import CloseTick
from econsim.schemas.social_events import TaskDelegated, TaskOffered
from econsim.schemas.social_tasks import DelegateTask
from econsim.services.clock import run_driver, run_effects
from econsim.services.handlers import error_reply

AGENTS = (
    group("buyer", credits=10, roles=[role("bid", values=[[2]])]),
    group("seller", roles=[role("ask", values=[[1]])]),
)
CLOCK = {"periods": 2, "ticks_per_period": 2}
PERIOD = ["period_opened", "ticked", "tick_cleared", "ticked", "tick_cleared", "period_closed"]


class Economy:
    """One run, with everything around its driver answering at once."""

    def __init__(self, wanted):
        self.client, self.run = ConsumerNats(), active(wanted)
        self.submitted, self.refused, self.submit_errors = [], {}, []
        self.pending = []
        self.is_answering, self.halts_at = True, 0
        self.client.answers[subjects.SUBMIT.pattern()] = self._submit
        self.client.reactions[subjects.TICKED.pattern()] = self._answer_tick
        self.client.reactions[subjects.CLOSE_TICK.pattern()] = self._clear

    async def drive(self):
        async with asyncio.timeout(20):
            await run_driver.serve(service_context("clock", self.client), self.run)

    def publish(self, subject, data, tick, actor="market", **places):
        event = Envelope("run", "salt", tick, NOON).event(subject, actor, data, **places)
        self.client.store(event.subject, event.json(), {"Nats-Msg-Id": event.event.event_id})

    def actions(self):
        """Return the actions of all events of the log, the agents' answers left out."""
        stored = self.client.stored(subjects.AUDIT)
        found = [subject.split(".")[2] for subject, _ in stored]
        return [each for each in found if each != "cycle_completed"]

    def closing(self):
        (event,) = self.client.events("closed")
        return RunClosed.model_validate(event["data"])

    def _submit(self, payload):
        command = Submit.model_validate_json(payload)
        self.submitted.append(command)
        if self.submit_errors:
            return error_reply(self.submit_errors.pop())
        refused = {chain.id: self.refused[chain.id] for chain in command.chains if chain.id in self.refused}
        pending = self.pending.pop() if self.pending else 0
        return Submitted(refused=refused, sequence=len(self.submitted), pending=pending)

    def _answer_tick(self, payload):
        if self.is_answering:
            tick = json.loads(payload)["tick"]
            data = CycleCompleted(tick=tick, agents=2)
            self.publish(subjects.CYCLE_COMPLETED, data, tick, "host_1", agent="host_1")

    def _clear(self, payload):
        mark = CloseTick.model_validate_json(payload)
        if mark.tick == self.halts_at:
            data = TradingHalted(resource="cpu", chain="x", reason="reservation_is_gone")
            self.publish(subjects.TRADING_HALTED, data, mark.tick, resource="cpu")
            return
        data = TickCleared(
            batch=mark.tick,
            period=mark.period,
            items=0,
            orders=0,
            trades=0,
            volume=0,
            quote=Quote(),
            tape=(),
            period_closed=mark.close_period,
        )
        self.publish(subjects.TICK_CLEARED, data, mark.tick, resource="cpu")


@pytest.fixture
def economy():
    return Economy(scenario(*AGENTS, clock=CLOCK))


async def test_a_run_is_driven_period_by_period_to_its_end(economy):
    await economy.drive()

    assert economy.actions() == [*PERIOD, *PERIOD, "closed"]
    assert economy.closing() == RunClosed(ticks=4, periods=2, journal_sequence=len(economy.submitted))


async def test_a_period_is_dealt_before_it_opens_and_redeemed_before_it_closes(economy):
    await economy.drive()

    ids = [command.command_id for command in economy.submitted]
    assert ids == ["endow-1", "deal-1-1", "redeem-1-1", "deal-2-1", "redeem-2-1", "close-1"]


async def test_every_book_gets_the_end_of_every_tick_once(economy):
    await economy.drive()

    ends = [CloseTick.model_validate_json(body) for _, body in economy.client.stored(subjects.ORDERS)]
    assert [(each.tick, each.period, each.close_period) for each in ends] == [
        (1, 1, False),
        (2, 1, True),
        (3, 2, False),
        (4, 2, True),
    ]


@pytest.mark.parametrize("place", range(1, 17))
async def test_a_driver_that_takes_over_anywhere_ends_the_run_the_same(place):
    whole, broken = (Economy(scenario(*AGENTS, clock=CLOCK)) for _ in range(2))
    await whole.drive()
    log = whole.client.streams[subjects.AUDIT].messages

    for kept in log[:place]:
        broken.client.store(kept.subject, kept.payload, kept.headers)
    await broken.drive()

    def contents(economy):
        return sorted((event["type"], event["tick"], event["event_id"]) for event in economy.client.events())

    assert contents(broken) == contents(whole)


async def test_a_chain_that_the_ledger_refuses_ends_the_run(economy):
    economy.refused = {"deal.2.seller_001": Refusal.AMOUNT_EXCEEDS_LIMIT}

    await economy.drive()

    assert economy.actions() == [*PERIOD, "closed"]
    assert "deal.2.seller_001" in economy.closing().failure


async def test_a_submission_that_the_ledger_refuses_as_a_whole_ends_the_run(economy):
    economy.submit_errors = [InvalidMessage("no such chain")]

    await economy.drive()

    assert economy.closing().failure == "the ledger refused submission endow-1: no such chain"


async def test_a_book_that_halts_ends_the_run(economy):
    economy.halts_at = 3

    await economy.drive()

    assert economy.closing().failure.startswith("the book of cpu stopped in tick 3")


async def test_a_tick_goes_on_without_an_agent_that_misses_its_deadline(economy, caplog):
    late = Economy(scenario(*AGENTS, group("anna", "external"), clock=CLOCK | {"deadline_ms": 100}))

    await late.drive()

    assert late.actions() == [*PERIOD, *PERIOD, "closed"]
    assert [record.getMessage() for record in caplog.records] == ["tick 1 of run run goes on without anna"]


async def test_ticks_of_real_time_come_by_themselves():
    clock = {"mode": "real_time", "periods": 1, "ticks_per_period": 3, "tick_ms": 10}
    economy = Economy(scenario(*AGENTS, clock=clock))
    economy.is_answering = False

    await economy.drive()

    assert economy.actions().count("ticked") == 3
    assert economy.closing().ticks == 3


async def test_an_operator_who_closes_the_run_is_not_contradicted(economy):
    data = RunClosed(ticks=1, periods=1, journal_sequence=0, interrupted=True)
    economy.publish(subjects.RUN_CLOSED, data, 1, "anna")

    await economy.drive()

    assert economy.closing() == data


WITH_EXTERNAL = scenario(*AGENTS, group("anna", "external"), clock=CLOCK | {"deadline_ms": 100, "periods": 1})


async def test_a_period_is_settled_once_payments_are_closed_and_no_reservation_is_left(monkeypatch):
    monkeypatch.setattr(run_effects, "CLOSING_INTERVAL_S", 0)
    economy = Economy(WITH_EXTERNAL)
    economy.pending = [
        0,
        0,
        2,
        2,
        0,
        0,
    ]  # of the dealing, of three looks, of the redeeming and the close, from the end

    await economy.drive()

    ids = [command.command_id for command in economy.submitted]
    closing = ["close-payments-1-1"] * 3
    assert ids == ["endow-1", "deal-1-1", *closing, "redeem-1-1", "close-1"]
    assert [each.closes_payments for each in economy.submitted] == [each in closing for each in ids]


async def test_a_period_is_settled_by_payments_that_ended_while_they_were_closed():
    economy = Economy(WITH_EXTERNAL)
    command = DelegateTask(command_id="t", taker="buyer_001", text="dig", price=5, deadline_ms=1_000)
    task = delegated_task("anna", command, NOON)

    def offer(payload):
        if Submit.model_validate_json(payload).closes_payments:
            economy.publish(subjects.TASK_DELEGATED, TaskDelegated(**dict(task)), 2, "social")
            economy.publish(subjects.TASK_OFFERED, TaskOffered(task_id=task.task_id), 2, "social")
        return economy._submit(payload)

    economy.client.answers[subjects.SUBMIT.pattern()] = offer
    await economy.drive()

    returned = [each for each in economy.submitted if each.command_id == "return-1"]
    assert [chain.id for each in returned for chain in each.chains] == ["task.anna.t.returned"]


async def test_a_run_whose_agents_are_all_coded_closes_no_payments(economy):
    await economy.drive()

    assert not any(command.closes_payments for command in economy.submitted)
