"""Policies of one's own, asked once a tick each: who acts, with which draws, what they decide, and who is set aside. Pure.

Owns the objects of policies. What they see is built by who asks: from a run's log (`policy_agents`), or from the seats of the quick
driver (`execution/policy_run`).

Life cycles::

    collection     holds                            added by              removed by    bound
    _policies      agent -> its policy              the first tick        a failure     agents
    _chances       agent, its chance and its draws  a new list of agents  the next one  agents
    failures       agent -> why it is set aside     a failure             never         agents
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from traceback import walk_tb
from typing import Final

from econsim.domain.agent.policy import Observation, Policy
from econsim.domain.agent.population import Agent
from econsim.domain.agent.random_draws import Draws, beginning
from econsim.domain.runtime.cycle_run import ACTIONS_PER_CYCLE_MAX
from econsim.domain.runtime.policy_decisions import action_of
from econsim.schemas.orders import Action
from econsim.schemas.scenario import PolicyPath

ACTIONS_PER_TICK_MAX: Final = ACTIONS_PER_CYCLE_MAX
"""Decisions of one agent in one tick: more is a flood, as for an agent that thinks."""

REASON_LENGTH_MAX: Final = 300
"""Characters of an error that a report repeats."""

ALWAYS: Final = 100
"""Activity, in percent, of an agent that acts at every tick."""

BITS: Final = 64
"""Bits of a draw."""

_ERRORS: Final = (Exception, SystemExit, GeneratorExit)
"""Errors of an agent's own code that must not end the others' tick."""

_PACKAGE: Final = __file__.partition("domain")[0]
"""Directory of econsim, whose own lines say nothing about a policy."""

_LIBRARIES: Final = "/lib/python"
"""Part of the path of every installed library: where one of them raised says less than where the policy called it."""

_GENERATED: Final = "<string>"
"""Path of code that a library has written, such as that of a frozen dataclass."""

MakePolicy = Callable[[], Policy]
"""Makes a policy for one agent; whatever it raises sets the agent aside."""

Observe = Callable[[Agent], Observation]
"""Builds what an agent sees at the tick under way."""

Decided = Sequence[tuple[str, Action]]
"""Resource and action of each decision of a tick, in the order of agents."""


class Deciders:
    """The policies of some agents, by their ids."""

    def __init__(self, policies: Mapping[str, MakePolicy], seed: int) -> None:
        """Start before the first tick; `policies` has what makes the policy of each `module:Class`."""
        self.failures: dict[str, str] = {}
        """Agent → why it is set aside."""
        self._makers = policies
        self._seed = seed
        self._policies: dict[str, Policy] = {}
        self._agents: Sequence[Agent] = ()
        self._chances: list[tuple[Agent, bytes, bytes, bytes]] = []

    def decide(
        self, tick: int, agents: Sequence[Agent], observe: Observe, resources: Collection[str]
    ) -> Decided:
        """Return what the agents decide at a tick; one that errs decides nothing, and is set aside."""
        if agents is not self._agents:
            self._turn_to(agents)
        found: list[tuple[str, Action]] = []
        end = b"%d" % tick
        # A digest is compared as it is: most agents of a large market do not act at most ticks.
        for agent, draws in [
            (agent, decides)
            for agent, begins, least, decides in self._chances
            if blake2b(begins + end, digest_size=8).digest() < least and agent.id not in self.failures
        ]:
            try:
                found += self._choices(tick, agent, observe(agent), Draws(of=draws + end), resources)
            except _ERRORS as error:
                self._set_aside(agent, error)
        return found

    def _choices(
        self, tick: int, agent: Agent, see: Observation, draws: Draws, resources: Collection[str]
    ) -> Sequence[tuple[str, Action]]:
        """Return resource and action of each decision of an agent."""
        decisions = self._policies[agent.id].act(see, draws)
        made = [each for each in islice(decisions, ACTIONS_PER_TICK_MAX + 1) if each is not None]
        if len(made) > ACTIONS_PER_TICK_MAX:
            message = f"more than {ACTIONS_PER_TICK_MAX} decisions in one tick"
            raise ValueError(message)
        return [
            action_of(decision, agent.id, f"{agent.id}-{tick}-{place}", resources)
            for place, decision in enumerate(made)
        ]

    def _turn_to(self, agents: Sequence[Agent]) -> None:
        """Ask these agents from now on; make the policies of new ones: what cannot be loaded is reported at once."""
        self._agents = agents
        for agent in agents:
            if agent.id not in self._policies and agent.id not in self.failures:
                assert isinstance(agent.policy, PolicyPath)
                try:
                    self._policies[agent.id] = self._makers[agent.policy]()
                except _ERRORS as error:
                    self._set_aside(agent, error)
        self._chances = [
            (
                agent,
                b"1:" + beginning(self._seed, "activity", agent.id),
                _least(agent.activity_percent),
                beginning(self._seed, "policy", agent.id),
            )
            for agent in agents
            if agent.present
        ]

    def _set_aside(self, agent: Agent, error: BaseException) -> None:
        self.failures[agent.id] = _reason(agent, error)
        self._policies.pop(agent.id, None)


def _least(chance: int) -> bytes:
    """Return the least digest with which an agent does not act: `Draws(…).integer(1, 100) <= chance` for all that are less."""
    bits = -(-(chance << BITS) // ALWAYS)
    return bits.to_bytes(BITS // 8, "big") if chance < ALWAYS else b"\xff" * (BITS // 8 + 1)


def _reason(agent: Agent, error: BaseException) -> str:
    """Return why an agent is set aside, with the line of its policy at which that happened."""
    text = _message(error)
    what = f"policy {agent.policy} raised {type(error).__name__}" + (f": {text}" if text else "")
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    outside = [place for place in places if not place[0].startswith(_PACKAGE)]
    own = [each for each in outside if _LIBRARIES not in each[0] and each[0] != _GENERATED] or outside
    if not own:
        return what
    file, line = own[-1]
    return f"{what} ({file.rpartition('/')[2]}, line {line})"


def _message(error: BaseException) -> str:
    """Return the message of an error as a log can hold it: on one line, all of it printable; empty if it cannot be read."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - code of the policy's own, as that which raised
        return ""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)[:REASON_LENGTH_MAX]
