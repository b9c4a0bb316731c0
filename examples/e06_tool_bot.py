"""Pay for a forecast at each tick, and bid it: `python examples/e06_tool_bot.py RUN NAME` for an external agent."""

import asyncio
import sys

from econsim import join
from econsim.errors import EconsimError, Refused


async def main(run: str, name: str) -> None:
    """Ask and bid until the run closes, or until the next answer cannot be paid."""
    async with join(run, name) as me:
        for offer in await me.tools.list():
            print(f"{offer.server} {offer.tool}: {offer.price} credits")
        async for tick in me.ticks():
            # The id makes a repeat of this tick get the same answer, which is paid once.
            call_id = f"tick-{tick.number}"
            try:
                answer = await me.tools.call("forecast", "price_of", {"resource": "cpu"}, call_id=call_id)
            except Refused as error:
                print(f"tick {tick.number}: no forecast: {error}")
                continue
            print(f"tick {tick.number}: {answer.text} for {answer.price} credits, receipt {answer.receipt}")
            await me.economy.place_bid("cpu", answer.text, order_id=call_id)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python e06_tool_bot.py RUN NAME")
    try:
        asyncio.run(main(*sys.argv[1:]))
    except EconsimError as error:
        sys.exit(str(error))
