"""Tools about the run: the agent's own state, and the ticks."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.tool import AgentTool, Effect, NoArguments, ToolArguments

WAIT_MAX_S: Final = 45.0
"""Longest wait of a tool, seconds: many clients give a call a minute."""

STATUS_WAIT_S: Final = 1.0
"""Seconds that the state of the run waits for a tick to open."""


class WaitForTickArguments(ToolArguments):
    """Arguments of `wait_for_tick`."""

    wait_s: Annotated[float, Field(ge=0, le=WAIT_MAX_S)] = 20.0
    """Longest wait in seconds; call again if no tick opened."""


async def get_status(membership: Membership, _: NoArguments) -> object:
    """Return who the agent is, its values, its earnings, and the open tick."""
    joined = await membership.joined_session()
    session = joined.session
    tick = await joined.turns.open_tick(STATUS_WAIT_S)
    return {
        "run": session.run,
        "agent": session.agent,
        "run_ended": joined.turns.run_ended,
        "tick": tick,
        "values": session.values,
        "dealt": session.dealt,
        "earnings": await session.earnings(),
    }


async def wait_for_tick(membership: Membership, arguments: WaitForTickArguments) -> object:
    """Answer the open tick and return the next one with the outcomes that arrived."""
    joined = await membership.joined_session()
    tick = await joined.turns.next_tick(arguments.wait_s)
    return {
        "tick": tick,
        "run_ended": joined.turns.run_ended,
        "outcomes": joined.session.economy.take_outcomes(),
    }


TOOLS: Final[tuple[AgentTool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    AgentTool(
        "get_status",
        "Your name, your run, the open tick, your private values of units, the credits you were dealt, and your earnings. "
        "Values are worth of units you hold when a period ends (side bid) or their cost (side ask).",
        NoArguments,
        get_status,
        Effect.READ,
    ),
    AgentTool(
        "wait_for_tick",
        "Say that you have acted in the open tick, wait for the next one, and get the outcomes of your orders. In lock-step "
        "everybody waits for you, so call it after your orders. `tick` is null if none opened in time: call again, unless "
        "`run_ended`.",
        WaitForTickArguments,
        wait_for_tick,
    ),
)
"""Tools about the run."""
