"""Ask a model at each tick and pay for its answer: `python examples/e05_thinking_bot.py RUN NAME` for an external agent."""

import asyncio
import sys

from econsim import join
from econsim.errors import EconsimError, Refused

RULE = "You decide for a trader. Answer with one word: buy, or wait."


async def main(run: str, name: str) -> None:
    """Think until the run closes, or until the next thought cannot be paid."""
    async with join(run, name) as me:
        async for tick in me.ticks():
            best = (await me.economy.get_prices())["cpu"].ask
            question = f"The lowest ask is {best} credits. You hold no unit."
            messages = [{"role": "system", "content": RULE}, {"role": "user", "content": question}]
            try:
                thought = await me.cognition.invoke(messages, max_tokens=20)
            except Refused as error:
                print(f"tick {tick.number}: no thought: {error}")
                continue
            print(f"tick {tick.number}: {thought.provider} for {thought.price} credits: {thought.content}")
            if thought.content.strip().lower().startswith("buy") and best:
                await me.economy.place_bid("cpu", best)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python e05_thinking_bot.py RUN NAME")
    try:
        asyncio.run(main(*sys.argv[1:]))
    except EconsimError as error:
        sys.exit(str(error))
