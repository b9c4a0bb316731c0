"""A market in two steps around the ledger: what is refused, what repeats, and that money is conserved."""

import pytest
from book_builder import AGENTS, MECHANISMS, C, FundedMarket
from factories import ask, bid, cancel, codes, replace_order
from hypothesis import given
from hypothesis import strategies as st
from requirements import requirement

from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.domain.market.book_state import BookState
from econsim.errors import CorruptLog
from econsim.schemas.ledger import CREDITS, clearing_holder
from econsim.schemas.market import OrderRejected
from econsim.schemas.orders import OrderKind, Side, Verb
from econsim.schemas.scenario import Market


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (bid("anna", "x", C + 1, 2), "price_is_not_a_multiple_of_the_tick_size"),
        (bid("anna", "x", 400 * C, 2), "price_is_outside_the_limits_of_the_market"),
        (bid("anna", "x", C, 3), "quantity_is_not_a_multiple_of_the_lot_size"),
        (bid("anna", "x", C, 2_000_000), "quantity_is_above_the_limit"),
        (bid("anna", "x", 2_000 * C, 2), "price_is_outside_the_limits_of_the_market"),
        (bid("anna", "x", 3 * C, 4), "debit_account_would_go_negative"),
        (ask("anna", "x", C, 6), "debit_account_would_go_negative"),
        (cancel("anna", "x"), "order_not_found"),
        (cancel("anna", "theirs"), "order_belongs_to_another_agent"),
        (replace_order("anna", "theirs", "x", C, 2), "order_belongs_to_another_agent"),
        (replace_order("anna", "gone", "x", C, 2), "order_not_found"),
        (bid("anna", "theirs", C, 2), "order_id_exists_with_different_fields"),
    ],
)
def test_a_refused_order_is_an_item_and_reserves_nothing(action, code):
    market = FundedMarket(lot_size=2)
    market.run_batch(bid("bert", "theirs", C, 2))
    before = market.positions()

    assert [found for _, found in codes(market.run_batch(action))] == [code]
    assert market.positions() == before


def test_limits_on_open_orders_hold_for_an_agent_and_for_the_book():
    own, full = FundedMarket(open_orders_max=1), FundedMarket(book_orders_max=1)

    assert codes(own.run_batch(bid("anna", "a", C), bid("anna", "b", C))) == [
        ("b", "agent_has_too_many_open_orders")
    ]
    assert codes(full.run_batch(bid("anna", "a", C), bid("bert", "b", C))) == [("b", "order_book_is_full")]


def test_an_order_sent_again_changes_nothing():
    market = FundedMarket()
    market.run_batch(bid("anna", "a", C))
    before = market.positions()

    assert not market.run_batch(bid("anna", "a", C))
    assert market.positions() == before


def test_repeating_a_batch_gives_the_same_items_and_chains():
    one, other = FundedMarket(), FundedMarket()
    batch = [ask("bert", "s", C, 2), bid("anna", "b", 2 * C)]

    assert one.run_batch(*batch) == other.run_batch(*batch)
    assert not any(one.ledger.apply(one.cleared.chains).posted)


def small_action(number):
    """Return one of 60 060 small actions: few agents, ids and prices make repeats, crossings and ties common."""
    number, agent = divmod(number, 3)
    number, order_id = divmod(number, 13)
    number, verb = divmod(number, 7)
    number, price = divmod(number, 5)
    quantity, other = divmod(number, 11)
    agent, order_id, price, quantity = AGENTS[agent], f"o{order_id}", (price + 1) * C // 2, quantity % 4 + 1
    if verb == 0:
        return cancel(agent, order_id)
    if verb < 3:
        return replace_order(agent, f"o{other}", order_id, price, quantity)
    kind = OrderKind.POST_ONLY if other == 0 else OrderKind.LIMIT
    return (bid if verb < 5 else ask)(agent, order_id, price, quantity, kind)


SNAPSHOT = SnapshotForm(BookState, "1")
BATCHES = st.lists(st.lists(st.integers(0, 60_059).map(small_action), max_size=6), max_size=6)


def lasting_market(mechanism):
    """Return a market whose orders outlive a batch, also in a call auction."""
    return FundedMarket(mechanism, **({"window_ticks": 2} if mechanism == "call_auction" else {}))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@given(batches=BATCHES)
def test_money_and_units_are_conserved_and_nothing_stays_reserved(mechanism, batches):
    market = lasting_market(mechanism)

    for batch in batches:
        market.run_batch(*batch)
        positions = market.positions()
        for asset in (CREDITS, "cpu"):
            assert sum(p.posted for (_, a), p in positions.items() if a == asset) == 0
            assert positions[clearing_holder("cpu"), asset].posted == 0
    market.run_batch(ends_period=True)

    assert all(position.pending == 0 for position in market.positions().values())


@pytest.mark.parametrize("mechanism", MECHANISMS)
@given(batches=BATCHES)
def test_the_reserved_amount_is_exactly_the_need_of_the_open_orders(mechanism, batches):
    market = lasting_market(mechanism)

    for batch in batches:
        market.run_batch(*batch)
        for agent in AGENTS:
            mine = market.book.agent_orders(agent)
            bids = sum(order.price * order.open for order in mine if order.side is Side.BID)
            assert market.pending(agent) == (bids, sum(o.open for o in mine if o.side is Side.ASK))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@given(batches=BATCHES)
@requirement("log.replay")
def test_a_book_is_its_items_folded_after_each_batch(mechanism, batches):
    market = lasting_market(mechanism)

    for batch in batches:
        market.run_batch(*batch)
        assert market.rebuild() == market.book


@pytest.mark.parametrize("mechanism", MECHANISMS)
@given(batches=BATCHES, which=st.integers(0, 35))
def test_asking_again_for_anything_of_the_past_adds_nothing(mechanism, batches, which):
    market = lasting_market(mechanism)
    for batch in [*batches, [bid("anna", "last", C)], []]:
        market.run_batch(*batch)
    past = [action for batch in batches for action in batch if action.verb is not Verb.CANCEL]
    known = [*past, bid("anna", "last", C)]
    before, resting = market.positions(), market.book.depth(9)

    market.restart()
    market.run_batch(known[which % len(known)])

    assert all(isinstance(item, OrderRejected) for item in market.cleared.items)
    assert (market.positions(), market.book.depth(9)) == (before, resting)


def test_an_order_refused_before_a_restart_is_refused_after_it_and_never_trades_unreserved():
    market = FundedMarket()
    market.run_batch(ask("bert", "a1", 2 * C))
    refused = market.run_batch(bid("anna", "p1", 2 * C, 1, OrderKind.POST_ONLY))
    market.run_batch(cancel("bert", "a1"))

    market.restart()
    again = market.run_batch(bid("anna", "p1", 2 * C, 1, OrderKind.POST_ONLY))

    assert (codes(refused), again) == ([("p1", "post_only_order_would_cross")], ())
    assert market.cleared.repeats == refused
    assert not market.run_batch(ask("bert", "a2", 2 * C))[1:]


@pytest.mark.parametrize(
    "other",
    [
        bid("anna", "x", 2 * C),
        bid("anna", "x", C, 2),
        bid("anna", "x", C, 1, OrderKind.POST_ONLY),
        ask("anna", "x", C),
        bid("bert", "x", C),
        replace_order("anna", "old", "x", C),
    ],
    ids=lambda a: f"{a.verb} {a.agent} {a.price} {a.quantity} {a.kind}",
)
@pytest.mark.parametrize("together", [True, False])
def test_an_id_that_stands_for_something_else_is_refused_whatever_differs(other, together):
    market = FundedMarket()
    market.run_batch(bid("anna", "old", C // 2))
    batches = [[bid("anna", "x", C), other]] if together else [[bid("anna", "x", C)], [other]]

    items = [item for batch in batches for item in market.run_batch(*batch)]

    assert codes(items) == [("x", "order_id_exists_with_different_fields")]


def test_a_replace_that_names_another_order_is_no_repeat():
    market = FundedMarket()
    market.run_batch(bid("anna", "one", C), bid("anna", "two", C), replace_order("anna", "one", "x", 2 * C))

    repeat = market.run_batch(replace_order("anna", "one", "x", 2 * C))
    other = market.run_batch(replace_order("anna", "two", "x", 2 * C))

    assert not repeat
    assert codes(other) == [("x", "order_id_exists_with_different_fields")]


def test_a_repeated_order_gets_its_first_answer_accepted_or_refused():
    market = FundedMarket()
    first = market.run_batch(bid("anna", "a", C), bid("anna", "b", 20 * C))

    again = market.run_batch(bid("anna", "a", C), bid("anna", "b", 20 * C))

    assert sorted(market.cleared.repeats, key=lambda item: item.n) == list(first)
    assert not again


def test_a_refusal_has_the_terms_of_its_order():
    market = FundedMarket()
    market.run_batch(bid("anna", "a", C))

    asked = [cancel("anna", "c"), replace_order("anna", "gone", "r", C, 2), bid("anna", "b", 20 * C, 3)]
    items = {item.verb: item for item in market.run_batch(*asked)}

    assert (items["cancel"].order_id, items["cancel"].price) == ("c", None)
    assert (items["replace"].replaces, items["replace"].quantity) == ("gone", 2)
    assert (items["bid"].price, items["bid"].quantity, items["bid"].kind) == (20 * C, 3, "limit")


@pytest.mark.parametrize("ids", [1, 100])
def test_an_order_whose_answer_is_forgotten_is_not_taken_in_twice_while_it_rests(monkeypatch, ids):
    remember(monkeypatch, answers=2, ids=ids)
    market = FundedMarket()
    market.run_batch(bid("anna", "old", C), bid("bert", "b1", C), bid("bert", "b2", C), bid("bert", "b3", C))

    items = market.run_batch(bid("anna", "old", C))

    assert codes(items) == [("old", "order_id_exists_with_different_fields")]
    assert market.rebuild() == market.book


def remember(monkeypatch, answers, ids):
    """Have books remember so many answers, and so many older ids."""
    monkeypatch.setattr("econsim.domain.market.order_checks.ANSWERS_REMEMBERED_MAX", answers)
    monkeypatch.setattr("econsim.domain.market.order_checks.ORDER_IDS_REMEMBERED_MAX", ids)


def test_an_order_whose_answer_is_forgotten_is_refused_until_its_id_is_forgotten_too(monkeypatch):
    remember(monkeypatch, answers=1, ids=1)
    market = FundedMarket()
    market.run_batch(bid("anna", "a", C, 1, OrderKind.IMMEDIATE_OR_CANCEL), bid("bert", "b", C))

    again = market.run_batch(bid("anna", "a", C, 1, OrderKind.IMMEDIATE_OR_CANCEL))
    market.run_batch(bid("bert", "c", C))

    assert codes(again) == [("a", "order_id_exists_with_different_fields")]
    assert not market.book.is_repeat(bid("anna", "a", C, 1, OrderKind.IMMEDIATE_OR_CANCEL))
    assert market.book.state().older_ids == ("b",)


@pytest.mark.parametrize(("answers", "ids"), [(100, 100), (2, 100)])
@pytest.mark.parametrize("mechanism", MECHANISMS)
@given(batches=BATCHES, cut=st.integers(0, 6))
@requirement("log.replay")
def test_a_book_from_a_snapshot_and_the_batches_after_it_is_the_book_itself(
    monkeypatch, mechanism, answers, ids, *, batches, cut
):
    remember(monkeypatch, answers, ids)
    market = lasting_market(mechanism)
    for count, batch in enumerate([*batches, []]):
        if count == min(cut, len(batches)):
            value = SNAPSHOT.encode(StateSnapshot(1, "", market.book.state()))
            after = len(market.past)
        market.run_batch(*batch)

    snapshot, restored = SNAPSHOT.decode(value), MarketBook(market.market, 1)
    restored.restore(snapshot.state)
    for past in market.past[after:]:
        restored.collect(past.items)
        restored.replay(past.cleared)

    assert restored == market.book == market.rebuild()
    assert [restored.agent_orders(each) for each in AGENTS] == [market.book.agent_orders(a) for a in AGENTS]


def test_what_a_snapshot_holds_does_not_change_with_the_book():
    market = FundedMarket()
    market.run_batch(bid("anna", "a", C, 2))
    before = market.book.state()

    market.run_batch(ask("bert", "b", C))

    assert [order.open for order in before.orders] == [each.open for each in before.reservations] == [2]


def test_room_that_a_cancel_makes_can_be_taken_in_the_same_batch():
    market = FundedMarket(open_orders_max=1)
    market.run_batch(bid("anna", "a", C))

    items = market.run_batch(cancel("anna", "a"), bid("anna", "b", C), bid("anna", "c", C))

    assert codes(items) == [("c", "agent_has_too_many_open_orders")]


def test_a_replacement_that_is_cancelled_before_it_entered_makes_no_room():
    market = FundedMarket(open_orders_max=1)
    market.run_batch(bid("anna", "a", C))

    items = market.run_batch(replace_order("anna", "a", "x", C, 1), cancel("anna", "x"), bid("anna", "b", C))

    assert ("b", "agent_has_too_many_open_orders") in codes(items)
    assert market.book.open_order_count("anna") <= 1


def test_a_batch_takes_in_no_more_orders_than_one_submission_reserves_for(monkeypatch):
    monkeypatch.setattr("econsim.domain.market.order_checks.CHAINS_PER_SUBMISSION_MAX", 2)
    market = FundedMarket()

    items = market.run_batch(*(bid("anna", name, C) for name in "abc"))

    assert codes(items) == [("c", "batch_has_too_many_orders")]
    assert not codes(market.run_batch(bid("anna", "d", C)))


def test_a_book_is_closed_from_the_end_of_a_period_to_the_next_batch() -> None:
    """Also for the worker that takes it over in between: in real time orders wait meanwhile."""
    first, next_book = (MarketBook(Market(resource="cpu"), 1) for _ in range(2))

    last = first.clear(first.reserve(1, (), shuffle=True), {}, BatchEnd(1, ends_period=True))
    next_book.replay(last.cleared)

    assert (first.period_closed, next_book.period_closed) == (True, True)
    next_book.clear(next_book.reserve(2, (), shuffle=True), {}, BatchEnd(2))
    assert not next_book.period_closed


def test_a_repeated_batch_counts_once_and_an_unfinished_one_not_at_all():
    market, rebuilt = FundedMarket(), MarketBook(Market(resource="cpu"), 1)
    market.run_batch(bid("anna", "a", C), ask("bert", "b", C))

    for _ in range(2):
        rebuilt.collect(market.cleared.items)
        rebuilt.replay(market.cleared.cleared)
    rebuilt.collect(FundedMarket().run_batch(bid("carl", "c", C)))

    assert rebuilt == market.book


def test_a_book_is_not_rebuilt_from_a_log_that_lacks_one_of_its_items():
    market, rebuilt = FundedMarket(), MarketBook(Market(resource="cpu"), 1)
    market.run_batch(bid("anna", "a", C), bid("bert", "b", C))

    rebuilt.collect(market.cleared.items[1:])

    with pytest.raises(CorruptLog, match="lacks item 1 of the book of cpu"):
        rebuilt.replay(market.cleared.cleared)
