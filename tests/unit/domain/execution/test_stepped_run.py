"""A run that goes on tick by tick is the run that goes on by itself, and its players' gains are those of its trades."""

import pytest
from factories import group, role, scenario
from run_builders import small_scenario

from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution.coded_items import TradeRows
from econsim.domain.execution.coded_run import CodedRun
from econsim.domain.execution.stepped_run import SteppedRun
from econsim.errors import NotFound, ScenarioError

CREDIT = 1_000_000
DUEL = scenario(
    group("buyer", "truthful", roles=[role("bid", values=[[3, 2]])]),
    group("seller", "truthful", roles=[role("ask", values=[[1, 1]])]),
    clock={"periods": 2, "ticks_per_period": 3},
)


def test_nobody_is_played_and_the_run_ends_when_it_ends_by_itself():
    stepped = SteppedRun(DUEL, ())
    places = []
    while not stepped.has_ended:
        places.append((stepped.period, stepped.tick_of_period))
        stepped.step({})

    assert places == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]


def test_a_player_that_quotes_its_value_trades_as_the_truthful_do():
    stepped, gains = SteppedRun(DUEL, ("buyer_001",)), []
    player = stepped.players["buyer_001"]
    while not stepped.has_ended:
        gains.append(stepped.step({"buyer_001": player.seat.value})["buyer_001"])

    assert sum(gains) == sum((3 + 2) * CREDIT - pair for pair in prices(DUEL))


def prices(wanted):
    """Return what a buyer of two units a period pays in each, micro-credits."""
    events = CodedRun(wanted, Envelope("r", "s", 0, "now")).events()
    found = [each.content for each in events if isinstance(each, LateEvent)]
    paid = [row[2] for content in found if isinstance(content, TradeRows) for row in content.rows]
    return [sum(paid[:2]), sum(paid[2:])]


def test_a_gain_is_that_of_the_unit_also_when_the_period_ends_with_its_tick():
    one_tick = DUEL.model_copy(update={"clock": DUEL.clock.model_copy(update={"ticks_per_period": 1})})
    stepped = SteppedRun(one_tick, ("buyer_001", "seller_001"))

    gains = stepped.step({"buyer_001": 2 * CREDIT, "seller_001": 2 * CREDIT})

    assert gains == {"buyer_001": CREDIT, "seller_001": CREDIT}
    assert (stepped.period, stepped.players["buyer_001"].seat.value) == (2, 3 * CREDIT)


def test_a_player_without_a_price_leaves_its_order():
    stepped = SteppedRun(DUEL, ("buyer_001", "seller_001"))
    stepped.step({"buyer_001": CREDIT // 2})

    stepped.step({})

    assert stepped.players["buyer_001"].seat.order.price == CREDIT // 2


@pytest.mark.parametrize(
    ("wanted", "agent", "error", "what"),
    [
        (small_scenario("zip"), "buyer_099", NotFound, "no agent 'buyer_099'; it has buyer_001"),
        (scenario(group("a", "scripted")), "a_001", ScenarioError, "do not just quote prices by code"),
        (scenario(group("a", "zi_c")), "a_001", ScenarioError, "has 0 roles"),
    ],
)
def test_who_cannot_be_played_is_refused(wanted, agent, error, what):
    with pytest.raises(error, match=what):
        SteppedRun(wanted, (agent,))
