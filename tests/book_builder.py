"""Open orders under a mechanism's rules; and a market's book with a ledger of its own, where three agents have 10
credits and 5 units each."""

from econsim.domain.ledger.ledger import Ledger
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.domain.market.matching import clear_window, process
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Transfer, clearing_holder
from econsim.schemas.scenario import Market

C = 1_000_000
AGENTS = ("anna", "bert", "carl")
MECHANISMS = ("continuous_double_auction", "zi_double_auction", "call_auction")


def fine_market(mechanism, **fields):
    """Return a market with prices of every micro-credit."""
    grid = {"tick_size": "0.000001", "price_min": "0.000001"}
    return Market(**{"resource": "cpu", "mechanism": mechanism} | grid | fields)


def match(market, orders, actions, n=1, draws=None):
    """Return the items of these actions on these orders; with draws, the window is cleared too."""
    batch = BatchItems(orders, n)
    process(market, batch, actions)
    if draws:
        clear_window(market, batch, draws)
    return batch.items


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


class FundedMarket:
    """A market's book, its ledger, and every batch so far."""

    def __init__(self, mechanism="continuous_double_auction", **fields):
        self.market = Market(**{"resource": "cpu", "mechanism": mechanism} | fields)
        self.book, self.ledger, self.past, self.tick = MarketBook(self.market, 1), funded(), [], 0

    def run_batch(self, *actions, ends_period=False):
        """Carry out one batch and return its items."""
        self.tick += 1
        pending = self.book.reserve(self.tick, actions, shuffle=False)
        refused = self.ledger.apply(pending.chains).refusals()
        end = BatchEnd(self.tick, 1, self.tick, ends_period=ends_period)
        self.cleared = self.book.clear(pending, refused, end)
        assert not self.ledger.apply(self.cleared.chains).refusals()
        self.past.append(self.cleared)
        return self.cleared.items

    def rebuild(self):
        """Return the book that the log so far makes."""
        book = MarketBook(self.market, 1)
        for batch in self.past:
            book.collect(batch.items)
            book.replay(batch.cleared)
        return book

    def restart(self):
        """Go on with the book that the log so far makes."""
        self.book = self.rebuild()

    def pending(self, agent):
        """Return what is reserved of an agent's credits and units."""
        return tuple(self.ledger.position(agent, asset).pending for asset in (CREDITS, "cpu"))

    def positions(self):
        """Return holder and asset → position."""
        holders = (*AGENTS, TREASURY, clearing_holder("cpu"))
        return {(h, asset): self.ledger.position(h, asset) for h in holders for asset in (CREDITS, "cpu")}
