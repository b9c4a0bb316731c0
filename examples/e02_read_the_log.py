"""Read a run's trades from the log: `python examples/e02_read_the_log.py RUN`."""

import asyncio
import sys

from econsim.adapters.connection import connect
from econsim.adapters.reading import events
from econsim.app import server_of
from econsim.config import settings
from econsim.domain.decode import decode
from econsim.schemas.market import Traded
from econsim.schemas.money import format_credits
from econsim.subjects import TRADE_EXECUTED


async def main(run: str) -> None:
    """Print every trade of the run, in log order, and how many there were."""
    server = server_of(settings())
    client = await connect(server.url, server.creds("observer"), "read-the-log")
    count = 0
    async for stored in events(client, run, subject=TRADE_EXECUTED.pattern(run=run)):
        sealed = decode(stored.subject, stored.payload)
        if isinstance(sealed.event.data, Traded):
            for trade in sealed.event.data.items:
                count += 1
                print(
                    f"tick {sealed.event.tick}: {trade.buyer} bought {trade.quantity} from {trade.seller}"
                    f" at {format_credits(trade.price)}"
                )
    print(f"{count} trades")
    await client.close()


asyncio.run(main(sys.argv[1]))
