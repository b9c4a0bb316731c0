"""Prompts to a host of the Synadia Agent Protocol, over the agent's own connection.

The only module that imports the protocol's SDK, which an extra brings.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, cast

from nats.aio.client import Client
from synadia_ai.agents import Agent, Agents, DiscoverFilter, NatsAgentError, Query, ResponseChunk

from econsim.agents.synadia.host_name import HostName
from econsim.errors import SetupError, Unavailable

DECLINED: Final = "No. Nobody is here to ask. Answer with JSON alone."
"""Answer to a host that asks a person in the middle of its answer."""

ANSWER_LENGTH_MAX: Final = 65_536
"""Characters of an answer that are looked at."""


class PromptClient:
    """Prompts of one agent to one host in its account."""

    def __init__(self, client: Client, host: HostName | None = None) -> None:
        """Use a connection of the agent; without a name, the only host there is."""
        self.connection = client
        """Connection of the agent."""
        self._agents = Agents(nc=client)
        self._host = host
        self._found: Agent | None = None

    async def ask(self, prompt: str, wait_s: float) -> str:
        """Return the host's answer as far as it came: the protocol shows no difference between an end and a stop.

        Raises SetupError if there is no such host or more than one, Unavailable if it does not answer in `wait_s` seconds.
        """
        found = self._found or await self._discover()
        # A host that has gone is looked for again.
        self._found = None
        try:
            answer = [text async for text in _texts(found, prompt, wait_s)]
        except NatsAgentError as error:
            message = f"the host {_name(found)} gave no answer: {error}"
            raise Unavailable(message) from error
        self._found = found
        return "".join(answer)[:ANSWER_LENGTH_MAX]

    async def close(self) -> None:
        """End the client; the connection stays."""
        await self._agents.close()

    async def _discover(self) -> Agent:
        wanted = self._host
        only = DiscoverFilter(wanted.agent, wanted.owner, wanted.session) if wanted else None
        found = await self._agents.discover(filter=only)
        if len(found) == 1:
            return found[0]
        # Two hosts of one name both take prompts: an answer would be anybody's.
        names = ", ".join(sorted(map(_name, found)))
        message = (
            f"{len(found)} hosts take prompts in this account ({names}); name one with --host, and start each once"
            if found
            else f"no host {wanted or ''} takes prompts in this account; start one with the agent's creds file".replace(
                "  ", " "
            )
        )
        raise SetupError(message)


async def _texts(found: Agent, prompt: str, wait_s: float) -> AsyncIterator[str]:
    """Yield the parts of an answer as they come."""
    chunks = cast("AsyncGenerator[object]", found.prompt(prompt, max_wait_s=wait_s, timeout=wait_s))
    async with aclosing(chunks):
        async for each in chunks:
            yield await _text(each)


async def _text(chunk: object) -> str:
    """Return the text of a part of an answer; decline what the host asks a person."""
    if isinstance(chunk, Query):
        await chunk.reply(DECLINED)
    return chunk.text if isinstance(chunk, ResponseChunk) else ""


def _name(found: Agent) -> str:
    return f"{found.agent}.{found.owner}.{found.session_name}"
