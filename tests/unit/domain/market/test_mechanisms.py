"""What holds for every mechanism whatever agents do, by Hypothesis.

Small prices and few agents make crossings, ties and meetings with oneself common.
"""

from collections import Counter
from dataclasses import replace

import pytest
from book_builder import fine_market, match
from factories import accepted_ids, trades
from hypothesis import given, settings
from hypothesis import strategies as st

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.market import OrderAccepted, OrderCancelled, TradeExecuted
from econsim.schemas.orders import Action, OrderKind, Side, Verb
from econsim.schemas.scenario import MechanismName, Rationing

GRID = 4
AGENTS = ("ann", "bob", "cas")
MARKETS = [
    fine_market(name, rationing=rationing)
    for name, rationing in (
        (MechanismName.CONTINUOUS_DOUBLE_AUCTION, Rationing.PRICE_TIME),
        (MechanismName.ZI_DOUBLE_AUCTION, Rationing.PRICE_TIME),
        (MechanismName.CALL_AUCTION, Rationing.PRICE_TIME),
        (MechanismName.CALL_AUCTION, Rationing.DRAW),
    )
]
BRIEFLY = settings(max_examples=50)  # times four markets: enough that each seeded defect was found
every_market = pytest.mark.parametrize("market", MARKETS, ids=lambda m: f"{m.mechanism}-{m.rationing}")


SMALL_ACTION = st.tuples(
    st.sampled_from([Verb.BID, Verb.ASK] * 3 + [Verb.CANCEL, Verb.REPLACE]),
    st.sampled_from(AGENTS),
    st.integers(1, 8),
    st.sampled_from([1, 1, 1, 2, 5]),
    st.sampled_from(list(OrderKind) + [OrderKind.LIMIT] * 5),
    st.integers(1, 6),
)
BATCHES = st.lists(st.lists(SMALL_ACTION, max_size=12), min_size=1, max_size=4).map(
    lambda plan: [[action(n, at, parts) for at, parts in enumerate(row)] for n, row in enumerate(plan)]
)


def action(batch, at, parts):
    """Return an action of these parts with a new id; cancels and replaces name one made up to six before."""
    verb, agent, price, quantity, kind, back = parts
    old, new = f"o{batch * 12 + at - back}", f"o{batch * 12 + at}"
    if verb is Verb.CANCEL:
        return Action(verb, agent, old)
    if verb is Verb.REPLACE:
        return Action(verb, agent, old, price, quantity, new_order_id=new)
    return Action(verb, agent, new, price, quantity, kind)


def on_grid(one):
    """Return the action with its price on a grid of GRID micro-credits."""
    return replace(one, price=one.price * GRID) if one.price else one


def play(market, plan, *, clear_every=2):
    """Match the batches, and return the open orders with all items."""
    orders, items = OpenOrders(), []
    for count, actions in enumerate(plan, start=1):
        draws = Draws(1, count) if count % clear_every == 0 else None
        items += match(market, orders, actions, len(items) + 1, draws)
    return orders, items


@every_market
@BRIEFLY
@given(plan=BATCHES)
def test_folding_all_items_rebuilds_the_book(market, plan):
    orders, items = play(market, plan)

    folded = OpenOrders()
    for item in items:
        folded.evolve(item)

    assert folded == orders
    assert (folded.quote(), folded.depth(9), len(folded)) == (orders.quote(), orders.depth(9), len(orders))
    assert all(folded.open_order_count(a) == orders.open_order_count(a) for a in AGENTS)
    assert folded.in_arrival_order() == orders.in_arrival_order()


@every_market
@BRIEFLY
@given(plan=BATCHES, cut=st.integers(0, 4))
def test_a_folded_book_goes_on_as_the_first_would_have(market, plan, cut):
    orders, items = play(market, plan)
    _, past = play(market, plan[:cut])

    folded = OpenOrders()
    for item in past:
        folded.evolve(item)
    for count, actions in enumerate(plan[cut:], start=len(plan[:cut]) + 1):
        past += match(market, folded, actions, len(past) + 1, Draws(1, count) if count % 2 == 0 else None)

    assert past == items
    assert folded == orders


@every_market
@BRIEFLY
@given(plan=BATCHES)
def test_items_are_numbered_without_gaps_and_trades_named_once(market, plan):
    _, items = play(market, plan)

    names = [t.trade_id for t in trades(items)]

    assert [i.n for i in items] == list(range(1, len(items) + 1))
    assert len(names) == len(set(names))


@every_market
@BRIEFLY
@given(plan=BATCHES)
def test_every_unit_is_traded_cancelled_or_open(market, plan):
    orders, items = play(market, plan)

    left = Counter()
    for item in items:
        if isinstance(item, OrderAccepted):
            left[item.order_id] += item.quantity
        elif isinstance(item, TradeExecuted):
            left[item.bid_id] -= item.quantity
            left[item.ask_id] -= item.quantity
        elif isinstance(item, OrderCancelled):
            left[item.order_id] -= item.quantity

    assert {i: q for i, q in left.items() if q} == {
        o: orders.find(o).open for o in accepted_ids(items) if orders.find(o)
    }


@every_market
@BRIEFLY
@given(plan=BATCHES)
def test_no_trade_is_within_an_agent_or_outside_a_limit(market, plan):
    _, items = play(market, plan)
    limits = {i.order_id: i.price for i in items if isinstance(i, OrderAccepted)}

    for trade in trades(items):
        assert trade.buyer != trade.seller
        assert limits[trade.ask_id] <= trade.price <= limits[trade.bid_id]


@every_market
@BRIEFLY
@given(plan=BATCHES)
def test_every_trade_lies_on_the_price_grid(market, plan):
    coarse = market.model_copy(update={"tick_size": GRID, "price_min": GRID})

    _, items = play(coarse, [[on_grid(each) for each in actions] for actions in plan])

    assert [trade.price for trade in trades(items) if trade.price % GRID] == []


@every_market
@BRIEFLY
@given(plan=BATCHES)
@pytest.mark.slow
def test_the_book_is_never_left_crossed(market, plan):
    orders, _ = play(market, plan, clear_every=1)

    quote = orders.quote()

    assert quote.bid is None or quote.ask is None or quote.bid < quote.ask


@given(plan=BATCHES)
def test_the_order_book_fills_by_price_then_time(plan):
    _, items = play(MARKETS[0], plan)
    standing, places = {}, {}

    for item in items:
        if isinstance(item, OrderAccepted):
            standing[item.order_id] = item
            places[item.order_id] = _place(items, item, places)
        elif isinstance(item, OrderCancelled):
            del standing[item.order_id]
        elif isinstance(item, TradeExecuted):
            maker_id = item.ask_id if item.taker is Side.BID else item.bid_id
            taker_id = item.bid_id if item.taker is Side.BID else item.ask_id
            maker, sign = standing[maker_id], (1 if item.taker is Side.BID else -1)
            rivals = [o for o in standing.values() if o.side is maker.side and o.order_id != taker_id]
            assert maker == min(rivals, key=lambda o: (o.price * sign, places[o.order_id]))
            assert item.price == maker.price
            done = [o for o in (maker_id, taker_id) if _open_after(items, item, o) == 0]
            for order_id in done:
                del standing[order_id]


def _place(items, accepted, places):
    """Return an order's place in its queue: a replacement that asks for no more keeps the old one."""
    replaced = next((i for i in items if _is_accepted(i, accepted.replaces)), None)
    if replaced is None or replaced.price != accepted.price:
        return accepted.n
    is_more = accepted.quantity > _open_after(items, accepted, replaced.order_id)
    return accepted.n if is_more else places[replaced.order_id]


def _is_accepted(item, order_id):
    return isinstance(item, OrderAccepted) and item.order_id == order_id


def _open_after(items, last, order_id):
    """Return an order's open units once `last` has happened."""
    past = items[: last.n]
    asked = next(i.quantity for i in past if _is_accepted(i, order_id))
    return asked - sum(t.quantity for t in trades(past) if order_id in (t.bid_id, t.ask_id))


@given(plan=BATCHES)
def test_the_zi_auction_never_shows_more_than_one_quote_a_side(plan):
    orders, _ = play(MARKETS[1], plan)

    assert all(sum(level.orders for level in side) <= 1 for side in orders.depth(9))


@given(plan=BATCHES, rationing=st.sampled_from(Rationing))
def test_the_call_auction_trades_the_most_any_price_could(plan, rationing):
    market, orders = fine_market("call_auction", rationing=rationing), OpenOrders()
    match(market, orders, [a for actions in plan for a in actions])
    waiting = orders.in_arrival_order()
    merits = {}
    for price in range(10):
        demand = sum(o.open for o in waiting if o.side is Side.BID and o.price >= price)
        supply = sum(o.open for o in waiting if o.side is Side.ASK and o.price <= price)
        merits[price] = min(demand, supply), -abs(demand - supply)

    made = trades(match(market, orders, [], draws=Draws(1)))

    best = max(merits.values())
    fit = [price for price, merit in merits.items() if merit == best]
    assert sum(t.quantity for t in made) == best[0]
    assert {t.price for t in made} <= {(fit[0] + fit[-1]) // 2}
