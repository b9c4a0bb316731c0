"""Policies: the quotes of each, the limits they keep, and the learning of ZIP (Cliff 1997)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders import QUOTERS, Scripted, TraderPosition, View
from econsim.domain.agent.traders.zip import SHOUTS_MAX, Zip
from econsim.schemas.agent import Limits
from econsim.schemas.market import Quote, Shout
from econsim.schemas.orders import Side, Verb
from econsim.schemas.scenario import Market, PolicyName, ScriptedAction
from econsim.schemas.types import AMOUNT_MAX

CENT = 10_000
MARKET = Market(resource="cpu")
MONEY_SAFE = [PolicyName.ZI_C, PolicyName.TRUTHFUL, PolicyName.ZIP]
"""Policies that never quote at a loss."""
MAY_LOSE = [PolicyName.ZI_U]
"""Policies that quote at a loss by design."""
MAY_PASS: list[PolicyName] = []
"""Policies that may be silent with units left; every other one quotes at each tick."""
SIDES = st.sampled_from(Side)
SEEDS = st.integers(0, 2**63 - 1)


def position(side=Side.BID, values=(2_000_000,), **state):
    return TraderPosition("a_001", 0, side, values, MARKET, **state)


def trader(policy, trader_position, seed=1):
    return QUOTERS[policy](trader_position, Draws(seed, "trader"))


def view(tick=1):
    return View(tick, 1, tick, Quote())


def quotes(policy, trader_position, n=50):
    one = trader(policy, trader_position)
    return [action.price for i in range(n) for action in one.act(view(i), Draws("act", i))]


def test_every_policy_is_said_to_be_money_safe_or_not():
    unsaid = {*QUOTERS} ^ {*MONEY_SAFE, *MAY_LOSE}

    assert not unsaid, f"put {sorted(unsaid)} in MONEY_SAFE or MAY_LOSE at the head of this file"


@given(st.sampled_from(MONEY_SAFE), SIDES, st.integers(1, 5_000_000), SEEDS)
def test_constrained_traders_never_quote_at_a_loss(policy, side, value, seed):
    actions = trader(policy, position(side, (value,)), seed).act(view(), Draws(seed, "act"))

    for action in actions:
        assert action.price <= value if side is Side.BID else action.price >= value


@given(st.sampled_from(list(QUOTERS)), SIDES, st.integers(1, 5_000_000), SEEDS)
def test_quotes_lie_on_the_markets_grid_and_within_its_limits(policy, side, value, seed):
    actions = trader(policy, position(side, (value,)), seed).act(view(), Draws(seed, "act"))

    for action in actions:
        assert action.price % MARKET.tick_size == 0
        assert MARKET.price_min <= action.price <= MARKET.price_max


@given(st.sampled_from(list(QUOTERS)), SIDES, SEEDS)
def test_equal_draws_give_equal_actions(policy, side, seed):
    first, second = (trader(policy, position(side), seed).act(view(), Draws(seed, "act")) for _ in range(2))

    assert first == second


def test_zi_c_buyers_draw_from_the_lowest_price_up_to_their_value():
    prices = quotes(PolicyName.ZI_C, position(values=(3 * CENT,)))

    assert set(prices) == {CENT, 2 * CENT, 3 * CENT}


def test_zi_u_draws_over_all_prices_whatever_its_value():
    prices = quotes(PolicyName.ZI_U, position(values=(CENT,)), n=400)

    assert min(prices) < 20 * CENT
    assert max(prices) > 380 * CENT


def test_truthful_quotes_its_cost_rounded_up_to_the_tick():
    assert quotes(PolicyName.TRUTHFUL, position(Side.ASK, (1_234_567,)), n=1) == [1_240_000]


def test_a_value_below_the_lowest_price_is_silent():
    assert quotes(PolicyName.ZI_C, position(values=(CENT - 1,))) == []


@pytest.mark.parametrize("policy", QUOTERS)
def test_a_trader_whose_units_are_traded_is_silent(policy):
    assert quotes(policy, position(traded=1)) == []


def test_units_are_traded_in_order():
    assert quotes(PolicyName.TRUTHFUL, position(values=(3 * CENT, 2 * CENT), traded=1), n=1) == [2 * CENT]


def test_an_open_order_is_replaced_so_that_never_two_are_open():
    (action,) = trader(PolicyName.TRUTHFUL, position(open={"old": CENT})).act(view(7), Draws())

    assert (action.verb, action.order_id, action.new_order_id) == (Verb.REPLACE, "old", "a_001-7-0")


CALL = Market(resource="cpu", mechanism="call_auction")


@pytest.mark.parametrize("policy", [policy for policy in QUOTERS if policy not in MAY_PASS])
def test_in_a_call_every_unit_left_is_quoted_under_an_id_of_its_own(policy):
    trader_position = position(values=(3_000_000, 2_000_000, 1_000_000), traded=1)
    trader_position.market = CALL

    orders = trader(policy, trader_position).act(view(7), Draws("act"))

    assert [(order.order_id, order.quantity) for order in orders] == [("a_001-7-0", 1), ("a_001-7-0-1", 1)]


def test_quotes_in_a_call_stay_until_it_clears():
    trader_position = position(open={"old": CENT})
    trader_position.market = CALL

    assert quotes(PolicyName.TRUTHFUL, trader_position) == []


def test_an_open_order_at_the_wanted_price_stays():
    assert quotes(PolicyName.TRUTHFUL, position(open={"old": 2_000_000})) == []


def test_a_less_active_agent_acts_in_proportion():
    acted = quotes(PolicyName.TRUTHFUL, position(activity_percent=30), n=1000)

    assert 250 < len(acted) < 350


def test_limits_of_zi_u_are_the_markets_own():
    assert trader(PolicyName.ZI_U, position()).limits(1) == Limits(bid=MARKET.price_max, value=AMOUNT_MAX)
    assert trader(PolicyName.ZI_U, position(Side.ASK)).limits(1) == Limits(ask=MARKET.price_min, cost=0)


def test_limits_of_the_others_are_the_next_units_value():
    assert trader(PolicyName.ZIP, position()).limits(1) == Limits(bid=2_000_000, value=2_000_000)
    assert trader(PolicyName.ZI_C, position(traded=1)).limits(1) == Limits()


def margin_change(side, shout, **state):
    """Return how one shout changes a ZIP trader's distance from its limit, as a factor."""
    learner = Zip(position(side, **state), Draws("zip"))
    before = abs(learner.margin)
    learner.learn([shout], Draws("learn"))
    return abs(learner.margin) - before


HIGH, LOW = 3_500_000, 500_000


@pytest.mark.parametrize(
    ("side", "shout", "direction"),
    [
        (Side.ASK, Shout(Side.BID, HIGH, traded=True), 1),
        (Side.ASK, Shout(Side.ASK, HIGH, traded=True), 1),
        (Side.ASK, Shout(Side.BID, 2_020_000, traded=True), -1),
        (Side.ASK, Shout(Side.ASK, 2_020_000, traded=True), 0),
        (Side.ASK, Shout(Side.ASK, 2_020_000, traded=False), -1),
        (Side.ASK, Shout(Side.BID, LOW, traded=False), 0),
        (Side.ASK, Shout(Side.ASK, HIGH, traded=False), 0),
        (Side.BID, Shout(Side.ASK, LOW, traded=True), 1),
        (Side.BID, Shout(Side.BID, LOW, traded=True), 1),
        (Side.BID, Shout(Side.ASK, 1_980_000, traded=True), -1),
        (Side.BID, Shout(Side.BID, 1_980_000, traded=True), 0),
        (Side.BID, Shout(Side.BID, 1_980_000, traded=False), -1),
        (Side.BID, Shout(Side.ASK, HIGH, traded=False), 0),
        (Side.BID, Shout(Side.BID, LOW, traded=False), 0),
    ],
)
def test_zip_moves_its_margin_as_the_paper_says(side, shout, direction):
    change = margin_change(side, shout)

    assert (change > 0) - (change < 0) == direction


def test_a_zip_trader_without_units_raises_its_margin_but_never_lowers_it():
    assert margin_change(Side.ASK, Shout(Side.ASK, 2_020_000, traded=False), traded=1) == 0
    assert margin_change(Side.ASK, Shout(Side.BID, HIGH, traded=True), traded=1) > 0


@given(SIDES, st.lists(st.builds(Shout, SIDES, st.integers(1, 4_000_000), st.booleans())), SEEDS)
def test_zip_margins_never_turn_into_losses(side, tape, seed):
    learner = Zip(position(side), Draws(seed, "zip"))

    learner.learn(tape, Draws(seed, "learn"))

    assert learner.margin > 0 if side is Side.ASK else -1 <= learner.margin < 0


def test_zip_starts_with_the_papers_margins():
    margins = [Zip(position(Side.ASK), Draws(i)).margin for i in range(200)]

    assert 0.05 <= min(margins) < 0.07
    assert 0.33 < max(margins) <= 0.35


STEPS = (
    ScriptedAction(tick=3, resource="cpu", verb="bid", order_id="b", price=1.5, quantity=2),
    ScriptedAction(tick=3, resource="memory", verb="bid", order_id="m", price=1),
    ScriptedAction(tick=9, resource="cpu", verb="cancel", order_id="b"),
)


def test_a_script_is_followed_tick_by_tick_on_its_market():
    scripted = Scripted("a_001", MARKET, STEPS)

    done = {
        tick: [(a.verb, a.price, a.quantity) for a in scripted.act(view(tick), Draws())] for tick in (2, 3, 9)
    }

    assert done == {2: [], 3: [(Verb.BID, 1_500_000, 2)], 9: [(Verb.CANCEL, 0, 0)]}


def test_a_script_holds_its_period_open_until_its_last_step():
    scripted = Scripted("a_001", MARKET, STEPS)

    assert scripted.limits(8) == Limits(MARKET.price_max, AMOUNT_MAX, MARKET.price_min, 0)
    assert scripted.limits(9) == Limits()


def test_zip_learns_from_the_newest_shouts_of_a_tick():
    quiet, noisy = (Zip(position(Side.ASK), Draws("zip")) for _ in range(2))
    newest = [Shout(Side.BID, HIGH, traded=True)] * SHOUTS_MAX

    quiet.learn(newest, Draws("learn"))
    noisy.learn([Shout(Side.BID, LOW, traded=True), *newest], Draws("learn"))

    assert quiet.margin == noisy.margin
