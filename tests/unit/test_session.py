"""A book in two steps around the ledger: what is refused, what repeats, and that money is conserved."""

import pytest
from factories import ask, bid, cancel, codes, replace_order
from hypothesis import given, settings
from hypothesis import strategies as st

from econsim.domain.ledger import Ledger
from econsim.domain.session import Mark, Session
from econsim.domain.settlement import clearing
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Transfer
from econsim.schemas.market import OrderAccepted
from econsim.schemas.scenario import Market

C = 1_000_000
AGENTS = ("anna", "bert", "carl")
MECHANISMS = ("continuous_double_auction", "zi_double_auction", "call_auction")


def funded():
    """Return a ledger in which everybody has 10 credits and 5 units."""
    ledger = Ledger()
    for agent in AGENTS:
        legs = [
            Transfer(f"{agent}.{asset}", Kind.TRANSFER, TREASURY, agent, asset, amount)
            for asset, amount in ((CREDITS, 10 * C), ("cpu", 5))
        ]
        ledger.apply([Chain(f"endow.{agent}", "endow", tuple(legs))])
    return ledger


class Book:
    """A session and its ledger, and everything that happened."""

    def __init__(self, mechanism="continuous_double_auction", **fields):
        self.market = Market(resource="cpu", mechanism=mechanism, **fields)
        self.session, self.ledger, self.items, self.tick = Session(self.market, 1), funded(), [], 0

    def does(self, *actions, ends_period=False):
        self.tick += 1
        opened = self.session.open(self.tick, actions, shuffle=False)
        refused = self.ledger.apply(opened.chains).answer()
        self.closed = self.session.close(opened, refused, Mark(self.tick, 1, ends_period=ends_period))
        assert not self.ledger.apply(self.closed.chains).answer()
        self.items += self.closed.items
        return self.closed.items

    def positions(self):
        holders = (*AGENTS, TREASURY, clearing("cpu"))
        return {(h, asset): self.ledger.position(h, asset) for h in holders for asset in (CREDITS, "cpu")}


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


ORDERS = st.builds(
    lambda make, agent, n, price, units: make(agent, f"o{n}", price * C // 2, units),
    st.sampled_from([bid, ask]),
    st.sampled_from(AGENTS),
    st.integers(0, 12),
    st.integers(1, 6),
    st.integers(1, 3),
)
REPLACES = st.builds(
    lambda agent, old, new, price: replace_order(agent, f"o{old}", f"o{new}", price * C // 2),
    st.sampled_from(AGENTS),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(1, 6),
)
CANCELS = st.builds(lambda agent, n: cancel(agent, f"o{n}"), st.sampled_from(AGENTS), st.integers(0, 12))
BATCHES = st.lists(st.lists(st.one_of(ORDERS, ORDERS, REPLACES, CANCELS), max_size=6), max_size=6)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@settings(max_examples=60, deadline=None)
@given(batches=BATCHES)
def test_money_and_units_are_conserved_and_nothing_stays_reserved(mechanism, batches):
    book = Book(mechanism)

    for batch in batches:
        book.does(*batch)
        positions = book.positions()
        for asset in (CREDITS, "cpu"):
            assert sum(p.posted for (_, a), p in positions.items() if a == asset) == 0
            assert positions[clearing("cpu"), asset].posted == 0
    book.does(ends_period=True)

    assert all(position.pending == 0 for position in book.positions().values())


@pytest.mark.parametrize("mechanism", MECHANISMS)
@settings(max_examples=40, deadline=None)
@given(batches=BATCHES)
def test_a_book_is_its_items_folded(mechanism, batches):
    book, fresh = Book(mechanism), Session(Market(resource="cpu", mechanism=mechanism), 1)

    for batch in batches:
        book.does(*batch)
        fresh.evolve(book.items)
        fresh.resume(book.closed.cleared)

    assert fresh.depth(100) == book.session.depth(100)
    assert any(isinstance(item, OrderAccepted) for item in book.items) or not book.session.depth(1)[0]


def test_a_book_is_closed_from_the_end_of_a_period_to_the_next_batch() -> None:
    """Also for the worker that takes it over in between: in real time orders wait meanwhile."""
    first, heir = (Session(Market(resource="cpu"), 1) for _ in range(2))

    last = first.close(first.open(1, (), shuffle=True), {}, Mark(1, ends_period=True))
    heir.resume(last.cleared)

    assert (first.closed, heir.closed) == (True, True)
    heir.close(heir.open(2, (), shuffle=True), {}, Mark(2))
    assert not heir.closed
