"""One market of a run over memory: its book, its batches, and a ledger that answers."""

from types import SimpleNamespace

from factories import active, group, role, scenario
from fake_consumers import ConsumerNats, LedgerResponder

from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Transfer
from econsim.services.context import ServiceContext
from econsim.services.market.batch import BatchRunner
from econsim.testing import FakeWallClock

C = 1_000_000
AGENTS = (
    group("anna", "external", credits=10),
    group("bert", "external"),
    group("buyer", roles=[role("bid", values=[[1]])]),
)
LOCK_STEP = active(scenario(*AGENTS))
REAL_TIME = active(scenario(*AGENTS, clock={"mode": "real_time", "periods": 1, "ticks_per_period": 2}))


def endowment(holder, asset, amount):
    legs = (Transfer(f"{holder}.{asset}", Kind.TRANSFER, TREASURY, holder, asset, amount),)
    return Chain(f"endow.{holder}", "endow", legs)


class MemoryMarket:
    """The market of cpu over memory, with a ledger in which anna has 10 credits and bert 5 units."""

    def __init__(self, run=LOCK_STEP):
        self.client, self.run = ConsumerNats(), run
        self.ledger = LedgerResponder(
            self.client, run.name, endowment("anna", CREDITS, 10 * C), endowment("bert", "cpu", 5)
        )
        broker = SimpleNamespace(connection=self.client)
        self.context = ServiceContext("market", broker, FakeWallClock())
        self.new_worker()

    def new_worker(self):
        """Begin with a new worker, which knows nothing; return its batches."""
        self.book = MarketBook(self.run.markets["cpu"], 1)
        self.batches = BatchRunner(self.context, self.run, self.book)
        return self.batches

    async def process(self, *actions, tick=1, **end):
        self.client.steps.clear()
        await self.batches.process(actions, BatchEnd(tick, 1, tick, **end), "cause")
