"""The bridge: at each tick a host of the Synadia Agent Protocol is asked, and its calls are made with the agent's own powers.

What a host says is checked as what an assistant says: it names tools, not subjects, and cannot name another agent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from econsim.agents.synadia.answer import OFFERED, ToolRequest, parse_answer, tick_prompt
from econsim.agents.synadia.host_name import HostName
from econsim.agents.synadia.prompt_client import PromptClient
from econsim.agents.toolset.catalogue import TOOLS_BY_NAME
from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.results import Json, error_object, result_object, text_of
from econsim.agents.toolset.run import WAIT_MAX_S
from econsim.errors import EconsimError, InvalidMessage, NotFound, Unavailable

STATE_TOOLS: Final = ("get_status", "get_balance", "get_prices")
"""Tools whose results a prompt shows."""


class Bridge:
    """One agent in one run, decided by one host."""

    def __init__(
        self, membership: Membership, host: HostName | None, answer_s: float, say: Callable[[str], None]
    ) -> None:
        """Give a host `answer_s` seconds at each tick; `say` gets a line about each tick in which it did nothing useful."""
        self._membership = membership
        self._host = host
        self._answer_s = answer_s
        self._say = say
        self._prompts: PromptClient | None = None
        self._results: list[str] = []

    async def trade(self) -> None:
        """Trade until the run ends; raises what joining raises, and SetupError if there is no host or more than one."""
        try:
            while True:
                turn = result_object(
                    await TOOLS_BY_NAME["wait_for_tick"].run(self._membership, {"wait_s": WAIT_MAX_S})
                )
                if turn["run_ended"]:
                    return
                if turn["tick"] is not None:
                    await self._act(turn)
        finally:
            if self._prompts is not None:
                await self._prompts.close()
            await self._membership.leave()

    async def _act(self, turn: dict[str, Json]) -> None:
        """Ask the host about a tick and make its calls; a host without a useful answer misses the tick."""
        state = turn | {name: await self._call(ToolRequest(tool=name)) for name in STATE_TOOLS}
        try:
            prompts = await self._client()
            prompt = tick_prompt(self._membership.run, self._membership.agent, state, self._results)
            calls = parse_answer(await prompts.ask(prompt, self._answer_s))
        except (InvalidMessage, Unavailable) as error:
            self._say(f"no action in this tick: {error}")
            self._results = [text_of(error_object(error))]
            return
        self._results = [text_of(await self._call(call)) for call in calls]

    async def _call(self, call: ToolRequest) -> dict[str, Json]:
        tool = OFFERED.get(call.tool)
        try:
            if tool is None:
                message = f"there is no tool {call.tool!r}; there are {', '.join(OFFERED)}"
                raise NotFound(message)
            return result_object(await tool.run(self._membership, call.arguments))
        except EconsimError as error:
            return error_object(error)

    async def _client(self) -> PromptClient:
        """Return the client of the host on the session's connection."""
        connection = (await self._membership.session()).connection
        if self._prompts is None or self._prompts.connection is not connection:
            self._prompts = PromptClient(connection, self._host)
        return self._prompts
