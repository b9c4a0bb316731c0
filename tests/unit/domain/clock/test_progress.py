"""The progress of a run, folded from its log."""

from dataclasses import replace

from factories import group, scenario

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import Envelope
from econsim.domain.clock.progress import Progress
from econsim.domain.cognition.outcome import abandoned_outcome
from econsim.schemas.agent import CycleCompleted, Limits
from econsim.schemas.clock import PeriodClosed, PeriodOpened, Ticked
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import CREDITS
from econsim.schemas.market import Quote, Side, TickCleared, Traded, TradeExecuted
from econsim.schemas.model_call import CallPosition
from econsim.schemas.tool_events import ToolCompleted, ToolFailed

TRADE = TradeExecuted(1, "t", 4, 2, "anna", "bert", "b", "a", Side.BID)
CLEARED = TickCleared(batch=1, period=1, items=1, orders=1, trades=0, volume=0, quote=Quote(), tape=())


NO_EXTERNALS = {"cpu": Limits()}


def progress_after(*events, tick=1):
    progress = Progress(Conditions(scenario(group("zoe", "external"))))
    for subject, actor, data in events:
        places = {
            name: value for name, value in (("resource", "cpu"), ("agent", actor)) if name in subject.places
        }
        progress.evolve(Envelope("run", "salt", tick, "now").event(subject, actor, data, **places))
    return progress


def test_a_tick_moves_logical_time():
    now = progress_after((subjects.TICKED, "clock", Ticked(period=2, tick_of_period=3)), tick=7).now

    assert (now.tick, now.period, now.tick_of_period) == (7, 2, 3)


def test_a_tick_is_cleared_when_every_book_has():
    progress = progress_after((subjects.TICK_CLEARED, "market", CLEARED))

    assert progress.cleared(["cpu"], 1)
    assert not progress.cleared(["cpu", "gpu"], 1)


def test_a_trade_published_twice_counts_once_and_a_period_starts_anew():
    trade = (subjects.TRADE_EXECUTED, "market", Traded(items=(TRADE,)))
    closed = (subjects.PERIOD_CLOSED, "clock", PeriodClosed(period=1))

    assert progress_after(trade, trade).balance("anna", "cpu") == 2
    assert progress_after(trade, trade).balance("bert", "cpu") == -2
    assert progress_after(trade, closed).balance("anna", "cpu") == 0


def test_what_a_call_costs_is_gone_when_the_period_is_settled():
    progress = Progress(Conditions(scenario(group("anna", "external", credits=1))), "tokens")

    ended = replace(abandoned_outcome(CallPosition("anna", 1, 1)), price=300_000, units=2)
    event = Envelope("run", "salt", 1, "now").event(
        subjects.LLM_INVOKED, "cognition", LlmInvoked(items=(ended,))
    )
    progress.evolve(event)

    assert (progress.balance("anna", CREDITS), progress.balance("anna", "tokens")) == (700_000, -2)


def answer(tick, host="host_1"):
    return (subjects.CYCLE_COMPLETED, host, CycleCompleted(tick=tick, agents=1, limits={}))


def test_limits_are_known_once_every_host_has_reported_them_in_the_period():
    opened = (subjects.PERIOD_OPENED, "clock", PeriodOpened(period=2))

    assert progress_after(answer(1)).limits({"host_1"}) == [{}, NO_EXTERNALS]
    assert progress_after(answer(1)).limits({"host_1", "host_2"}) is None
    assert progress_after(answer(1), opened).limits({"host_1"}) is None


def test_limits_from_before_a_trade_do_not_count():
    ticked = (subjects.TICKED, "clock", Ticked(period=1, tick_of_period=1))
    trade = (subjects.TRADE_EXECUTED, "market", Traded(items=(TRADE,)))

    assert progress_after(ticked, answer(1), trade, tick=1).limits({"host_1"}) is None
    assert progress_after(ticked, trade, answer(2), tick=1).limits({"host_1"}) == [{}, NO_EXTERNALS]


def test_only_the_last_batch_of_a_period_empties_the_book():
    last = CLEARED.model_copy(update={"period_closed": True})

    assert not progress_after((subjects.TICK_CLEARED, "market", CLEARED)).emptied(["cpu"], 1)
    assert progress_after((subjects.TICK_CLEARED, "market", last)).emptied(["cpu"], 1)
    assert not progress_after((subjects.TICK_CLEARED, "market", last)).emptied(["cpu"], 2)


def test_what_a_tool_costs_is_gone_when_the_period_is_settled():
    progress = Progress(Conditions(scenario(group("anna", "external", credits=1))), "tokens")
    paid = {"id": "mcp.anna.1", "msg_id": "1", "agent": "anna", "tool": "look", "price": 300_000}
    events = (
        (subjects.TOOL_COMPLETED, ToolCompleted.model_construct(**paid)),
        (subjects.TOOL_FAILED, ToolFailed.model_construct(**paid)),
    )

    for row, data in events:
        progress.evolve(Envelope("run", "salt", 1, "now").event(row, "mcp", data, server="library"))

    assert (progress.balance("anna", CREDITS), progress.balance("anna", "tokens")) == (400_000, 0)
