"""A book on a ledger of its own, in which three agents have 10 credits and 5 units each."""

from econsim.domain.ledger.ledger import Ledger
from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Transfer, clearing_holder
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
        self.market = Market(**{"resource": "cpu", "mechanism": mechanism} | fields)
        self.session, self.ledger, self.past, self.tick = MarketBook(self.market, 1), funded(), [], 0

    def does(self, *actions, ends_period=False):
        """Carry out one batch and return its items."""
        self.tick += 1
        opened = self.session.open(self.tick, actions, shuffle=False)
        refused = self.ledger.apply(opened.chains).refusals()
        mark = BatchEnd(self.tick, 1, self.tick, ends_period=ends_period)
        self.closed = self.session.close(opened, refused, mark)
        assert not self.ledger.apply(self.closed.chains).refusals()
        self.past.append(self.closed)
        return self.closed.items

    def rebuilt(self):
        """Return the session that the log so far makes."""
        fresh = MarketBook(self.market, 1)
        for closed in self.past:
            fresh.hear(closed.items)
            fresh.resume(closed.cleared)
        return fresh

    def restarts(self):
        """Go on with the session that the log so far makes."""
        self.session = self.rebuilt()

    def pending(self, agent):
        """Return what is reserved of an agent's credits and units."""
        return tuple(self.ledger.position(agent, asset).pending for asset in (CREDITS, "cpu"))

    def positions(self):
        """Return holder and asset → position."""
        holders = (*AGENTS, TREASURY, clearing_holder("cpu"))
        return {(h, asset): self.ledger.position(h, asset) for h in holders for asset in (CREDITS, "cpu")}
