"""The order book of one market in a run of coded agents: the rules of every book, in plain facts. Pure.

As `market/book.MarketBook`, it does a batch in two steps: `reserve` before, `clear` after the reservations. What differs is the form:
rows instead of items and chains, and amounts moved in the accounts at once, because nothing is in between. The mechanisms are the
same functions (`market/matching.MECHANISMS`), and so is the side of a book.

What may be left out, since every order is a limit order of one unit of a coded trader with one role a market: ids are never
used twice, no order meets one of its own agent, no fill is partial, and a replacement's order rests when its tick begins.
"""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import Final

from econsim.domain.agent.random_draws import Draws
from econsim.domain.execution.coded_agents import Seat, SeatOrder, Seats, find_held, holding
from econsim.domain.execution.coded_chains import (
    FILL,
    RELEASE,
    RELEASE_MORE,
    REPLACE,
    RESERVE,
    SHORT,
    TAXED_FILL,
    ChainRow,
)
from econsim.domain.execution.coded_items import ItemRow
from econsim.domain.ledger.accounts import Accounts
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book import BatchEnd
from econsim.domain.market.book_side import RestingOrder
from econsim.domain.market.matching import MECHANISMS, close_period
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.ledger import CHAINS_PER_SUBMISSION_MAX, CREDITS, clearing_holder, fiscal_holder
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market

_BID: Final = Side.BID
_PLACE: Final = attrgetter("place")
_RANK: Final = attrgetter("rank")
_TURN: Final = itemgetter(2)


class CodedOrders(OpenOrders):
    """The open orders, each of one agent on one side; they are found by their seats and at their prices alone."""

    def __init__(self) -> None:
        """Start with an empty book."""
        super().__init__()
        self.count = 0
        """Number of open orders."""

    def __len__(self) -> int:
        """Return how many orders are open."""
        return self.count

    def in_arrival_order(self) -> tuple[RestingOrder, ...]:
        """Return every open order, oldest first: an order's place is its number, because a replacement has another price."""
        return tuple(sorted((*self.bids, *self.asks), key=_PLACE))

    def enter(self, order: SeatOrder) -> None:
        """Put an order on the book."""
        seat = order.seat
        seat.open += 1
        self.count += 1
        (self.bids if seat.buys else self.asks).add(order)

    def leave(self, order: SeatOrder) -> None:
        """Take an order off the book."""
        seat = order.seat
        order.open = 0
        seat.open -= 1
        self.count -= 1
        (self.bids if seat.buys else self.asks).remove(order)

    def fill(self, bid: SeatOrder, ask: SeatOrder, price: int) -> None:
        """Take two orders off the book that traded with each other."""
        self._last = price
        self.leave(bid)
        self.leave(ask)


class CodedBatch(BatchItems):
    """The facts of one batch, and the amounts that they move."""

    __slots__ = (
        "_accounts",
        "_clearing",
        "_resource",
        "_seats",
        "_tax",
        "asks",
        "bids",
        "cancelled",
        "chains",
        "first_n",
        "rejected",
        "trades",
    )

    orders: CodedOrders

    def __init__(self, book: CodedBook) -> None:
        """Start without facts; the first item gets the book's next number."""
        self.orders = book.orders
        self.first_n = self._next = book.next_n
        self.bids: list[ItemRow] = []
        self.asks: list[ItemRow] = []
        self.rejected: list[ItemRow] = []
        self.trades: list[ItemRow] = []
        self.cancelled: list[ItemRow] = []
        self.chains: list[ChainRow] = []
        self._seats = book.seats
        self._resource = book.market.resource
        self._clearing = book.clearing
        self._accounts = book.accounts
        self._tax = book.tax

    @property
    def next_n(self) -> int:
        """Number of the next item."""
        return self._next

    def refuse(self, order: SeatOrder, code: str) -> None:
        """Refuse an order."""
        n, self._next = self._next, self._next + 1
        old, seat = order.old, order.seat
        row = (n, order.order_id, order.agent, code, seat.buys, order.price, old.order_id if old else None)
        self.rejected.append(row)

    def enter(self, order: SeatOrder) -> None:
        """Enter an order, in the stead of the one that it replaces."""
        old, n, buys = order.old, self._next, order.side is _BID
        order.place, order.open = n, 1
        row = (n, order.asked)
        (self.bids if buys else self.asks).append(row)
        if old is None:
            self._next = n + 1
            self.orders.enter(order)
            return
        self.cancelled.append(row)
        self._next = n + 2
        if buys and (less := order.price - old.price - order.reserved):
            holding(order.seat).pending += less
        self.chains.append(order.asked)
        # Written out, without `CodedOrders.enter` and `leave`: most orders of a crowd are replacements.
        side = self.orders.bids if buys else self.orders.asks
        side.add(order)
        side.remove(old)
        old.open = 0

    def trade(self, taker: RestingOrder, standing: RestingOrder, price: int, fill_number: int) -> int:
        """Fill two orders of one unit, and move the credits and the unit."""
        assert isinstance(taker, SeatOrder)
        assert isinstance(standing, SeatOrder)
        bid, ask = (taker, standing) if taker.side is _BID else (standing, taker)
        n, self._next = self._next, self._next + 1
        trade_id, buyer, seller = f"{taker.order_id}.{fill_number}", bid.seat, ask.seat
        self.trades.append(
            (n, trade_id, price, bid.agent, ask.agent, bid.order_id, ask.order_id, taker is bid)
        )
        row = (FILL, trade_id, self._resource, price, bid.agent, ask.agent, bid.order_id, ask.order_id)
        tax = self._tax
        self._move(buyer, seller, bid.price + (tax.reserved if tax else 0), price)
        self.chains.append(row if tax is None else tax.levy(row, buyer, seller, self._accounts))
        self.orders.fill(bid, ask, price)
        self._seats.trade(buyer, seller)
        return 1

    def cancel(self, order: RestingOrder, reason: str) -> None:
        """Take an order off the book, and release its reservation."""
        assert isinstance(order, SeatOrder)
        n, self._next = self._next, self._next + 1
        self.cancelled.append((n, order.order_id, order.agent, order.seat.buys, reason))
        self.orders.leave(order)
        seat = order.seat
        holding(seat).pending -= order.price + (self._tax.reserved if self._tax else 0) if seat.buys else 1
        self.chains.append((RELEASE, order.order_id, seat.agent, seat.asset))

    def _move(self, buyer: Seat, seller: Seat, reserved: int, price: int) -> None:
        """Move a unit against its price through the clearing holder, whose accounts are open from the first trade on."""
        accounts = self._accounts
        paid, sold = holding(buyer), holding(seller)
        paid.posted -= price
        paid.pending -= reserved
        sold.posted -= 1
        sold.pending -= 1
        if seller.gained is None:
            accounts.account(self._clearing, CREDITS)
            seller.gained = accounts.account(seller.agent, CREDITS)
        seller.gained.posted += price
        if buyer.gained is None:
            accounts.account(self._clearing, self._resource)
            buyer.gained = accounts.account(buyer.agent, self._resource)
        buyer.gained.posted += 1


class Levy:
    """The tax on each unit of a market, or its subsidy."""

    __slots__ = ("_buys", "_holder", "_tax", "reserved")

    def __init__(self, market: Market) -> None:
        """Take the tax of a market that has one."""
        self._tax, self._buys = market.tax, market.tax_side is _BID
        self._holder = fiscal_holder(market.tax_account)
        self.reserved = market.reserved_tax
        """Micro-credits that a bid reserves beside its price."""

    def levy(self, row: ChainRow, buyer: Seat, seller: Seat, accounts: Accounts) -> ChainRow:
        """Move the tax of a unit that was traded; return the row of the fill with it."""
        seat, holder, tax = buyer if self._buys else seller, self._holder, self._tax
        accounts.account(holder, CREDITS).posted += tax
        accounts.account(seat.agent, CREDITS).posted -= tax
        debit, credit = (seat.agent, holder) if tax > 0 else (holder, seat.agent)
        return (TAXED_FILL, *row[1:], debit, credit, abs(tax))


class CodedBook:
    """One market's order book in a run of coded agents."""

    def __init__(self, market: Market, seed: int, seats: Seats, accounts: Accounts) -> None:
        """Open an empty book."""
        self.seats = seats
        self.accounts = accounts
        self.orders = CodedOrders()
        self.clearing = clearing_holder(market.resource)
        self.refused: list[ChainRow] = []
        """Reservations of the batch under way that the ledger refused."""
        self.next_n = 1
        """Number of the next item."""
        self.orders_taken = 0
        """Actions that the newest batch took in."""
        self._seed = seed
        self.use(market)
        self.reserved: list[ChainRow] = []
        """Reservations of the batch under way, in the order of their turns."""
        self._rejected: list[tuple[SeatOrder, str]] = []
        self._short: list[SeatOrder] = []
        self._entering: list[SeatOrder] = []

    def use(self, market: Market) -> None:
        """Go by the rules of this period's market from the next batch on; the book is empty whenever they change."""
        self.market = market
        self.tax = Levy(market) if market.tax else None
        self._mechanism = MECHANISMS[market.mechanism]
        self._reserved_tax = market.reserved_tax
        # Open orders up to which no limit can be reached by one more of each seat. In a call auction, where a seat wants several,
        # none is reached ever: a scenario whose agents could quote for more units than it takes is refused.
        seats = len(self.seats.seats)
        self._roomy = market.book_orders_max - seats if seats <= CHAINS_PER_SUBMISSION_MAX else -1

    def reserve(self, tick: int) -> None:
        """Check the wishes of a tick, and reserve for them; `clear` tells the reservations."""
        self._rejected, self._short, self._entering, self.reserved, self.refused = [], [], [], [], []
        if self.orders.count <= self._roomy:
            # No limit can be reached, and a seat's account is its own: any order does, and that of the seats is how they lie in memory.
            self.seats.want(tick, self._ask)
            self._entering.sort(key=_RANK)
            self._short.sort(key=_RANK)
        else:
            self._reserve_in_turn(tick)
        if self._short:
            self.refused = [order.asked for order in self._short]
            self._rejected += [(order, SHORT.value) for order in self._short]

    def _reserve_in_turn(self, tick: int) -> None:
        """Reserve for the wishes of a tick as far as there is room, in the order of their turns."""
        wanted: list[tuple[SeatOrder, SeatOrder | None, bytes, str, int]] = []
        self.seats.want(tick, lambda *wish: wanted.append(wish))
        wanted.sort(key=_TURN)
        room, left = self.market.book_orders_max - len(self.orders), CHAINS_PER_SUBMISSION_MAX
        for order, old, rank, order_id, price in wanted:
            # As in `OrderChecks`: a replacement takes the room of its order.
            if left and (old is not None or room):
                left -= 1
                room -= old is None
                self._ask(order, old, rank, order_id, price)
                continue
            order.old, order.order_id, order.price = old, order_id, price
            self._rejected.append((order, "order_book_is_full" if left else "batch_has_too_many_orders"))

    def _ask(self, order: SeatOrder, old: SeatOrder | None, rank: bytes, order_id: str, price: int) -> None:
        """Reserve for a wish."""
        seat = order.seat
        order.old, order.rank, order.order_id, order.price = old, rank, order_id, price
        more = amount = price + self._reserved_tax if seat.buys else 1
        if old is None:
            order.asked = (RESERVE, order_id, order.agent, seat.asset, more, amount, None, price)
        else:
            more = price - old.price if seat.buys and price > old.price else 0
            order.asked = (REPLACE, order_id, order.agent, seat.asset, more, amount, old.order_id, price)
        account = seat.held or find_held(seat, self.accounts)
        if account is None or account.posted - account.pending < more:
            self._short.append(order)
            return
        account.pending += more
        order.reserved = more
        self._entering.append(order)

    def clear(self, end: BatchEnd) -> CodedBatch:
        """Match the orders that have their reservations, and settle."""
        batch = CodedBatch(self)
        for order, code in self._rejected:
            batch.refuse(order, code)
        lost = self._match(batch)
        if self._mechanism.clear and end.ends_window(self.market):
            draws = Draws(self._seed, "match", self.market.resource, end.tick)
            self._mechanism.clear(batch, self.market, draws)
        if end.ends_period:
            close_period(batch)
        batch.chains += lost
        self.orders_taken = len(self._rejected) + len(self._entering)
        self.next_n = batch.next_n
        return batch

    def _match(self, batch: CodedBatch) -> list[ChainRow]:
        """Match the orders in turn; return the chains that release what was reserved for those that did not enter."""
        mechanism, orders, enter = self._mechanism, self.orders, batch.enter
        refusal_of, match = mechanism.refusal, mechanism.match
        may_refuse = mechanism.may_refuse_limit_orders
        lost: list[ChainRow] = []
        reserved = self.reserved.append
        for order in self._entering:
            old = order.old
            reserved(order.asked)
            # An order that was filled or displaced in this batch is no longer there to be replaced.
            gone = old is not None and not old.open
            code = (
                "order_not_found" if gone else refusal_of(orders, order, order.side) if may_refuse else None
            )
            if code is None:
                enter(order)
                match(batch, order)
                continue
            batch.refuse(order, code)
            holding(order.seat).pending -= order.reserved
            lost.append(
                (RELEASE if old is None else RELEASE_MORE, order.order_id, order.agent, order.asked[3])
            )
        return lost
