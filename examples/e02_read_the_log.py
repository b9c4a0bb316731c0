"""Read a run's trades from the log: `python examples/e02_read_the_log.py RUN`."""

import asyncio
import sys

from econsim.adapters.jetstream.run_reader import events
from econsim.adapters.nats.connection import connect
from econsim.app import server_of
from econsim.config import settings
from econsim.domain.audit.decoding import decode_if_valid
from econsim.errors import EconsimError
from econsim.schemas.market import Traded
from econsim.schemas.money import format_credits


async def main(run: str) -> None:
    """Print every trade of the run, in log order, and how many there were."""
    server = server_of(settings())
    client = await connect(server.url, server.creds("observer"), "read-the-log")
    count = 0
    async for stored in events(client, run):
        addressed = decode_if_valid(stored.subject, stored.payload)
        for trade in (
            addressed.event.data.items if addressed and isinstance(addressed.event.data, Traded) else ()
        ):
            count += 1
            price = format_credits(trade.price)
            print(f"{trade.buyer} bought {trade.quantity} from {trade.seller} at {price}")
    print(f"{count} trades")
    await client.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python e02_read_the_log.py RUN")
    try:
        asyncio.run(main(sys.argv[1]))
    except EconsimError as error:
        sys.exit(str(error))
