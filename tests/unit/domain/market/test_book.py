"""A book in two steps around the ledger: what is refused, what repeats, and that money is conserved."""

import pytest
from book_builder import AGENTS, MECHANISMS, Book, C
from factories import ask, bid, cancel, codes, replace_order
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requirements import requirement

from econsim.domain.market.book import BatchEnd, MarketBook
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
def test_what_is_refused_is_a_fact_and_reserves_nothing(action, code):
    book = Book(lot_size=2)
    book.does(bid("bert", "theirs", C, 2))
    before = book.positions()

    assert [found for _, found in codes(book.does(action))] == [code]
    assert book.positions() == before


def test_limits_on_open_orders_hold_for_an_agent_and_for_the_book():
    own, full = Book(open_orders_max=1), Book(book_orders_max=1)

    assert codes(own.does(bid("anna", "a", C), bid("anna", "b", C))) == [
        ("b", "agent_has_too_many_open_orders")
    ]
    assert codes(full.does(bid("anna", "a", C), bid("bert", "b", C))) == [("b", "order_book_is_full")]


def test_an_order_sent_again_changes_nothing():
    book = Book()
    book.does(bid("anna", "a", C))
    before = book.positions()

    assert not book.does(bid("anna", "a", C))
    assert book.positions() == before


def test_repeating_a_batch_gives_the_same_items_and_chains():
    one, other = Book(), Book()
    batch = [ask("bert", "s", C, 2), bid("anna", "b", 2 * C)]

    assert one.does(*batch) == other.does(*batch)
    assert not any(one.ledger.apply(one.closed.chains).posted)


def wish(number):
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


BATCHES = st.lists(st.lists(st.integers(0, 60_059).map(wish), max_size=6), max_size=6)
ROUNDLY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # it tells of a busy machine, not of the examples
)


def patient(mechanism):
    """Return a book whose orders outlive a batch, also in a call auction."""
    return Book(mechanism, **({"window_ticks": 2} if mechanism == "call_auction" else {}))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@ROUNDLY
@given(batches=BATCHES)
def test_money_and_units_are_conserved_and_nothing_stays_reserved(mechanism, batches):
    book = patient(mechanism)

    for batch in batches:
        book.does(*batch)
        positions = book.positions()
        for asset in (CREDITS, "cpu"):
            assert sum(p.posted for (_, a), p in positions.items() if a == asset) == 0
            assert positions[clearing_holder("cpu"), asset].posted == 0
    book.does(ends_period=True)

    assert all(position.pending == 0 for position in book.positions().values())


@pytest.mark.parametrize("mechanism", MECHANISMS)
@ROUNDLY
@given(batches=BATCHES)
def test_what_is_reserved_is_exactly_what_the_open_orders_need(mechanism, batches):
    book = patient(mechanism)

    for batch in batches:
        book.does(*batch)
        for agent in AGENTS:
            mine = book.session.orders(agent)
            bids = sum(order.price * order.open for order in mine if order.side is Side.BID)
            assert book.pending(agent) == (bids, sum(o.open for o in mine if o.side is Side.ASK))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@ROUNDLY
@given(batches=BATCHES)
@requirement("log.replay")
def test_a_book_is_its_items_folded_after_each_batch(mechanism, batches):
    book = patient(mechanism)

    for batch in batches:
        book.does(*batch)
        assert book.rebuilt() == book.session


@pytest.mark.parametrize("mechanism", MECHANISMS)
@ROUNDLY
@given(batches=BATCHES, which=st.integers(0, 35))
def test_asking_again_for_anything_of_the_past_adds_nothing(mechanism, batches, which):
    book = patient(mechanism)
    for batch in [*batches, [bid("anna", "last", C)], []]:
        book.does(*batch)
    past = [action for batch in batches for action in batch if action.verb is not Verb.CANCEL]
    known = [*past, bid("anna", "last", C)]
    before, resting = book.positions(), book.session.depth(9)

    book.restarts()
    book.does(known[which % len(known)])

    assert all(isinstance(item, OrderRejected) for item in book.closed.items)
    assert (book.positions(), book.session.depth(9)) == (before, resting)


def test_an_order_refused_before_a_restart_is_refused_after_it_and_never_trades_unreserved():
    book = Book()
    book.does(ask("bert", "a1", 2 * C))
    refused = book.does(bid("anna", "p1", 2 * C, 1, OrderKind.POST_ONLY))
    book.does(cancel("bert", "a1"))

    book.restarts()
    again = book.does(bid("anna", "p1", 2 * C, 1, OrderKind.POST_ONLY))

    assert (codes(refused), again) == ([("p1", "post_only_order_would_cross")], ())
    assert book.closed.repeats == refused
    assert not book.does(ask("bert", "a2", 2 * C))[1:]


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
    book = Book()
    book.does(bid("anna", "old", C // 2))
    batches = [[bid("anna", "x", C), other]] if together else [[bid("anna", "x", C)], [other]]

    items = [item for batch in batches for item in book.does(*batch)]

    assert codes(items) == [("x", "order_id_exists_with_different_fields")]


def test_a_replace_that_names_another_order_is_no_repeat():
    book = Book()
    book.does(bid("anna", "one", C), bid("anna", "two", C), replace_order("anna", "one", "x", 2 * C))

    repeat = book.does(replace_order("anna", "one", "x", 2 * C))
    other = book.does(replace_order("anna", "two", "x", 2 * C))

    assert not repeat
    assert codes(other) == [("x", "order_id_exists_with_different_fields")]


def test_who_asks_again_is_answered_as_before_accepted_or_refused():
    book = Book()
    first = book.does(bid("anna", "a", C), bid("anna", "b", 20 * C))

    again = book.does(bid("anna", "a", C), bid("anna", "b", 20 * C))

    assert sorted(book.closed.repeats, key=lambda item: item.n) == list(first)
    assert not again


def test_a_refusal_says_what_was_asked():
    book = Book()
    book.does(bid("anna", "a", C))

    asked = [cancel("anna", "c"), replace_order("anna", "gone", "r", C, 2), bid("anna", "b", 20 * C, 3)]
    items = {item.verb: item for item in book.does(*asked)}

    assert (items["cancel"].order_id, items["cancel"].price) == ("c", None)
    assert (items["replace"].replaces, items["replace"].quantity) == ("gone", 2)
    assert (items["bid"].price, items["bid"].quantity, items["bid"].kind) == (20 * C, 3, "limit")


def test_an_order_whose_id_is_forgotten_is_not_taken_in_twice_while_it_rests(monkeypatch):
    monkeypatch.setattr("econsim.domain.market.order_checks.ORDER_IDS_REMEMBERED_MAX", 2)
    book = Book()
    book.does(bid("anna", "old", C), bid("bert", "b1", C), bid("bert", "b2", C), bid("bert", "b3", C))

    items = book.does(bid("anna", "old", C))

    assert codes(items) == [("old", "order_id_exists_with_different_fields")]
    assert book.rebuilt() == book.session


def test_room_that_a_cancel_makes_can_be_taken_in_the_same_batch():
    book = Book(open_orders_max=1)
    book.does(bid("anna", "a", C))

    items = book.does(cancel("anna", "a"), bid("anna", "b", C), bid("anna", "c", C))

    assert codes(items) == [("c", "agent_has_too_many_open_orders")]


def test_a_replacement_that_is_cancelled_before_it_entered_makes_no_room():
    book = Book(open_orders_max=1)
    book.does(bid("anna", "a", C))

    items = book.does(replace_order("anna", "a", "x", C, 1), cancel("anna", "x"), bid("anna", "b", C))

    assert ("b", "agent_has_too_many_open_orders") in codes(items)
    assert book.session.open_orders("anna") <= 1


def test_a_batch_takes_in_no_more_orders_than_one_submission_reserves_for(monkeypatch):
    monkeypatch.setattr("econsim.domain.market.order_checks.CHAINS_PER_SUBMISSION_MAX", 2)
    book = Book()

    items = book.does(*(bid("anna", name, C) for name in "abc"))

    assert codes(items) == [("c", "batch_has_too_many_orders")]
    assert not codes(book.does(bid("anna", "d", C)))


def test_a_book_is_closed_from_the_end_of_a_period_to_the_next_batch() -> None:
    """Also for the worker that takes it over in between: in real time orders wait meanwhile."""
    first, heir = (MarketBook(Market(resource="cpu"), 1) for _ in range(2))

    last = first.close(first.open(1, (), shuffle=True), {}, BatchEnd(1, ends_period=True))
    heir.resume(last.cleared)

    assert (first.closed, heir.closed) == (True, True)
    heir.close(heir.open(2, (), shuffle=True), {}, BatchEnd(2))
    assert not heir.closed


def test_what_is_told_twice_or_of_an_unfinished_batch_counts_once_or_not_at_all():
    book, heir = Book(), MarketBook(Market(resource="cpu"), 1)
    book.does(bid("anna", "a", C), ask("bert", "b", C))

    for _ in range(2):
        heir.hear(book.closed.items)
        heir.resume(book.closed.cleared)
    heir.hear(Book().does(bid("carl", "c", C)))

    assert heir == book.session


def test_a_book_is_not_rebuilt_from_a_log_that_lacks_one_of_its_items():
    book, heir = Book(), MarketBook(Market(resource="cpu"), 1)
    book.does(bid("anna", "a", C), bid("bert", "b", C))

    heir.hear(book.closed.items[1:])

    with pytest.raises(CorruptLog, match="lacks item 1 of the book of cpu"):
        heir.resume(book.closed.cleared)
