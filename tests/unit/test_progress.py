"""How far a run is, folded from its log."""

from econsim import subjects
from econsim.domain.envelope import Stamp
from econsim.domain.progress import Progress
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.clock import PeriodClosed, Ticked
from econsim.schemas.market import Quote, Side, TickCleared, Traded, TradeExecuted

TRADE = TradeExecuted(1, "t", 4, 2, "anna", "bert", "b", "a", Side.BID)
CLEARED = TickCleared(batch=1, period=1, items=1, orders=1, trades=0, volume=0, quote=Quote(), tape=())


def told(*events, tick=1):
    progress = Progress(())
    for subject, actor, data in events:
        places = {
            name: value for name, value in (("resource", "cpu"), ("agent", actor)) if name in subject.places
        }
        progress.evolve(Stamp("run", "salt", tick, "now").event(subject, actor, data, **places))
    return progress


def test_a_tick_moves_the_moment():
    moment = told((subjects.TICKED, "clock", Ticked(period=2, tick_of_period=3)), tick=7).moment

    assert (moment.tick, moment.period, moment.tick_of_period) == (7, 2, 3)


def test_a_tick_is_answered_when_everybody_has():
    progress = told((subjects.CYCLE_COMPLETED, "host_1", CycleCompleted(tick=1, agents=1)))

    assert progress.answered({"host_1"}, 1)
    assert not progress.answered({"host_1", "anna"}, 1)
    assert not progress.answered({"host_1"}, 2)


def test_a_tick_is_cleared_when_every_book_has():
    progress = told((subjects.TICK_CLEARED, "market", CLEARED))

    assert progress.cleared(["cpu"], 1)
    assert not progress.cleared(["cpu", "gpu"], 1)


def test_a_trade_told_twice_counts_once_and_a_period_starts_anew():
    trade = (subjects.TRADE_EXECUTED, "market", Traded(items=(TRADE,)))
    closed = (subjects.PERIOD_CLOSED, "clock", PeriodClosed(period=1))

    assert told(trade, trade).held("anna", "cpu") == 2
    assert told(trade, trade).held("bert", "cpu") == -2
    assert told(trade, closed).held("anna", "cpu") == 0
