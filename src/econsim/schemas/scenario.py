"""A scenario: the complete definition of a run. Written as TOML, sent whole in `system.run.opened`.

All money in a scenario is written in credits (`3.25` or `"3.25"`) and held in micro-credits.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from econsim.schemas.expectation import GROUP_MEASURES, Expectation, Measure, MeasureExpectation
from econsim.schemas.money import Credits, format_credits, parse_credits
from econsim.schemas.names import AGENT_STEMS_RESERVED, AGENTS_RESERVED
from econsim.schemas.own_policy import GroupPolicy, PolicyPath, PolicySource
from econsim.schemas.scenario_change_checks import check_change, check_changes, check_held, check_market
from econsim.schemas.scenario_changes import (
    CHANGES_MAX,
    PeriodChange,
    boundaries,
    changed_clock,
    changed_keys,
    changed_market,
)
from econsim.schemas.scenario_cognition import Cognition, Thinking, check_group
from econsim.schemas.scenario_parts import Clock, Market, Role, ScenarioPart, ScriptedAction, wrong
from econsim.schemas.scenario_people import PEOPLE_MAX, ScriptedPerson, check_people
from econsim.schemas.scenario_sums import AGENTS_MAX, check_sums
from econsim.schemas.scenario_tools import TOOLS_MAX, OfferedTool, check_tools, check_used_tools
from econsim.schemas.scenario_words import MechanismName, Mode, PolicyName, Rationing, Until
from econsim.schemas.types import Name

SCENARIO_BYTES_MAX: Final = 2**22
"""Bytes of a scenario as it is sent, 4 MiB: each process of a service reads it in one go, a second for each MiB on a
slow machine, and must renew its leases meanwhile."""


def _reserved_names(schema: JsonDict) -> None:
    """Add the names that no group may have to its JSON Schema; the agent of an external group of one has the group's name."""
    alone: JsonDict = {
        "properties": {"policy": {"const": "external"}, "count": {"const": 1}},
        "required": ["policy"],
    }
    stems = "|".join(AGENT_STEMS_RESERVED)
    schema["allOf"] = [
        {"properties": {"name": {"not": {"pattern": f"^({stems})"}}}},
        {"if": alone, "then": {"properties": {"name": {"not": {"enum": [*sorted(AGENTS_RESERVED)]}}}}},
    ]


INSTRUCTIONS_LENGTH_MAX: Final = 20_000
"""Characters of the instructions to people: ten pages, which the answer to each agent that asks for them has."""


def _is_none(value: object) -> bool:
    """Return whether a table is left out: a file without it has the same canonical hash as ever."""
    return value is None


def _is_empty(value: object) -> bool:
    """Return whether a text is left out: the canonical hash stays that of a file without it."""
    return value == ""


def _is_true(value: object) -> bool:
    """Return whether a group is there from the start, as where a file says nothing."""
    return value is True


def _has_none(value: object) -> bool:
    """Return whether a list is empty: the canonical hash stays that of a file without it."""
    return value == ()


THINKING: Final = frozenset({PolicyName.LLM, PolicyName.LLM_STRATEGIST})
"""Policies of agents that ask models."""

CYCLING: Final = THINKING | {PolicyName.HUMAN}
"""Policies of agents with cognitive cycles: they ask models, or people."""


class Group(ScenarioPart):
    """A group of agents with the same policy and roles: `<name>_001`, `<name>_002` and so on."""

    model_config = ConfigDict(json_schema_extra=_reserved_names)

    name: Name
    """Stem of the agents' ids; the id itself when `count` is 1 and the policy is `external`."""
    policy: GroupPolicy
    """Policy by which the agents decide: a word, or a class of one's own as `module:Class`."""
    count: Annotated[int, Field(strict=True, ge=1, le=AGENTS_MAX)] = 1
    """Number of agents in the group."""
    credits: Credits = 100_000_000
    """Credits dealt to each agent when the run opens."""
    activity_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 100
    """Chance, in percent, that an agent acts on a market at a tick; with low values agents act almost one at a time."""
    present: Annotated[bool, Field(strict=True, exclude_if=_is_true)] = True
    """False for a group that enters later, by a change: until then its agents have no units and no values, and do not act."""
    roles: tuple[Role, ...] = ()
    """Roles of each agent, at most one a market."""
    script: tuple[ScriptedAction, ...] = ()
    """Actions of the agents; for policy `scripted` alone."""
    thinking: Annotated[Thinking | None, Field(exclude_if=_is_none)] = None
    """Thinking of the agents; for policies `llm` and `llm_strategist` alone, and by default their shipped prompts."""

    @model_validator(mode="after")
    def check_roles(self) -> Self:
        """Refuse two roles on one market, and a script for agents that are not scripted."""
        seen: set[str] = set()
        for place, role in enumerate(self.roles):
            if role.resource in seen:
                what = f"two roles on market {role.resource!r}"
                raise wrong(
                    what, "an agent buys or sells there, so make two groups", "roles", place, "resource"
                )
            seen.add(role.resource)
        if self.script and self.policy is not PolicyName.SCRIPTED:
            what = f"script is given to {self.policy} agents"
            raise wrong(what, 'script is for policy = "scripted"', "script")
        if self.thinking is not None and self.policy not in CYCLING:
            what = f"thinking is given to {self.policy} agents"
            raise wrong(what, 'thinking is for policy = "llm", "llm_strategist" or "human"', "thinking")
        if self.thinking and self.thinking.trader and self.policy is not PolicyName.LLM_STRATEGIST:
            what = f"trader is given to {self.policy} agents"
            raise wrong(what, 'it is for policy = "llm_strategist"; leave it out', "thinking", "trader")
        if self.thinking and self.thinking.tools and self.policy is not PolicyName.LLM:
            what = f"tools are given to {self.policy} agents"
            raise wrong(what, 'they are for policy = "llm"; leave them out', "thinking", "tools")
        return self


OPTIONS_FILL_IN: Final = frozenset({"unjudged", "recorded", "policies", "policies_from"})
"""Fields that no file may hold: the options of `econsim run`, or the reading of the file, fill them in."""


class Scenario(ScenarioPart):
    """The complete definition of a run."""

    name: Name
    """Name of the scenario."""
    title: str = ""
    """Title of the scenario, one line for lists."""
    description: str = ""
    """Description of the scenario: its result and its source."""
    instructions: Annotated[str, Field(max_length=INSTRUCTIONS_LENGTH_MAX, exclude_if=_is_empty)] = ""
    """Instructions to people who trade in the run (`econsim play`): plain text, shown before the first period."""
    seed: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 1
    """Seed of every random draw."""
    hosts: Annotated[int, Field(strict=True, ge=1, le=64)] = 1
    """Number of agent hosts; the agents are spread over them evenly."""
    clock: Clock = Clock()
    """Clock of the run: its periods and ticks."""
    markets: tuple[Market, ...] = Field(min_length=1, max_length=64)
    """Markets of the run, one a resource."""
    agents: tuple[Group, ...] = Field(min_length=1)
    """Groups of agents that trade."""
    cognition: Annotated[Cognition | None, Field(exclude_if=_is_none)] = None
    """Models of the run and what thinking costs; none for `default`, answered by rules."""
    tools: Annotated[tuple[OfferedTool, ...], Field(max_length=TOOLS_MAX, exclude_if=_has_none)] = ()
    """Outside tools that agents may call, and their prices."""
    people: Annotated[tuple[ScriptedPerson, ...], Field(max_length=PEOPLE_MAX, exclude_if=_has_none)] = ()
    """Scripted people, who answer agents' questions; the first answers those that name nobody."""
    changes: Annotated[tuple[PeriodChange, ...], Field(max_length=CHANGES_MAX, exclude_if=_has_none)] = ()
    """Changes of markets, groups and the clock in some periods."""
    expectations: tuple[Expectation, ...] = ()
    """Expectations that are checked at the end of a run."""
    unjudged: dict[str, int] = Field(default_factory=dict)
    """Reason → number of expectations left out for it; the options of `econsim run` fill it in."""

    recorded: Annotated[str, Field(exclude_if=_is_empty)] = ""
    """Run whose recorded calls answer those of this run, in its log; empty for a run that asks providers. The options of
    `econsim run` fill it in."""
    policies: Annotated[tuple[PolicySource, ...], Field(exclude_if=_has_none)] = ()
    """Policies of one's own that groups name, with the digests of their sources; filled in when the file is read."""
    policies_from: Annotated[str, Field(exclude_if=_is_empty)] = ""
    """Directory in which their modules are looked for first, that of the file; no part of the hash."""

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Refuse names that are used twice and references to markets that are not declared."""
        resources = {market.resource: place for place, market in reversed([*enumerate(self.markets)])}
        groups = {group.name: place for place, group in reversed([*enumerate(self.agents)])}
        for place, market in enumerate(self.markets):
            if resources[market.resource] != place:
                what = f"market {market.resource!r} is declared twice"
                raise wrong(what, "use another name", "markets", place, "resource")
        for place, group in enumerate(self.agents):
            if groups[group.name] != place:
                what = f"agents group {group.name!r} is declared twice"
                raise wrong(what, "use another name", "agents", place, "name")
            for row, role in enumerate(group.roles):
                check_market(role.resource, resources.keys(), "agents", place, "roles", row, "resource")
            for row, step in enumerate(group.script):
                check_market(step.resource, resources.keys(), "agents", place, "script", row, "resource")
        for place, expected in enumerate(self.expectations):
            resource = getattr(expected, "resource", None)
            if resource is not None:
                check_market(resource, resources.keys(), "expectations", place, "resource")
        if self.cognition is not None and self.cognition.resource is not None:
            check_market(self.cognition.resource, resources.keys(), "cognition", "resource")
        return self

    @model_validator(mode="after")
    def check_changes(self) -> Self:
        """Refuse changes that make no sense, alone or with the tables and changes beside them."""
        resources = {market.resource for market in self.markets}
        for place, change in enumerate(self.changes):
            check_change(change, resources, {group.name for group in self.agents}, place)
        check_changes(self.changes, self.clock.periods, {group.name: group.roles for group in self.agents})
        for first, _ in self.stretches if self.changes else ():
            held = self.in_period(first)
            check_held(self.changes, first, held.markets, {group.name: group.roles for group in held.agents})
        return self

    def __repr__(self) -> str:
        """Return name and size of the scenario: all its fields are pages of text."""
        traded = ", ".join(market.resource for market in self.markets)
        agents = sum(group.count for group in self.agents)
        return f"<definition of scenario {self.name}: {traded}; {agents} agents, {self.clock.periods} periods, seed {self.seed}>"

    __str__ = __repr__

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """First and last period of each stretch of the run in which the same changes hold, in order."""
        return boundaries(self.changes, self.clock.periods)

    def in_period(self, period: int) -> Self:
        """Return the scenario as it holds in a period, without changes; itself if it has none."""
        if not self.changes:
            return self
        held = tuple(change for change in self.changes if change.holds_in(period))
        update = {
            "clock": changed_clock(self.clock, held),
            "markets": tuple(changed_market(market, held) for market in self.markets),
            "agents": tuple(
                group.model_copy(update=changed_keys(group.name, group.roles, held)) for group in self.agents
            ),
            "changes": (),
        }
        return self.model_copy(update=update)

    @model_validator(mode="after")
    def check_thinking(self) -> Self:
        """Refuse groups that ask models that there are not, or need texts that the log does not keep."""
        for place, group in enumerate(self.agents):
            if group.policy in THINKING:
                is_strategist = group.policy is PolicyName.LLM_STRATEGIST
                thinking, cognition = group.thinking or Thinking(), self.cognition or Cognition()
                check_group(place, thinking, cognition, is_strategist=is_strategist)
        return self

    @model_validator(mode="after")
    def check_tools(self) -> Self:
        """Refuse tools that are declared twice, and groups that use tools that there are not."""
        check_tools(self.tools)
        check_people(self.people, {group.name for group in self.agents})
        for place, group in enumerate(self.agents):
            used = group.thinking.tools if group.thinking else ()
            check_used_tools(used, self.tools, "agents", place, "thinking", "tools")
            if "delegate_task" in used and not self._has_takers():
                what = "nobody takes tasks, so none can be delegated"
                raise wrong(what, "give a group the tool accept_task", "agents", place, "thinking", "tools")
        return self

    @property
    def own_policies(self) -> tuple[PolicyPath, ...]:
        """Return the policies of one's own that groups name, each once, sorted."""
        return tuple(sorted({group.policy for group in self.agents if isinstance(group.policy, PolicyPath)}))

    @property
    def measures(self) -> tuple[MeasureExpectation, ...]:
        """Return the expectations of measures; the others are judged on events."""
        return tuple(each for each in self.expectations if isinstance(each, MeasureExpectation))

    def _has_takers(self) -> bool:
        """Return whether agents of some group can accept tasks."""
        return any("accept_task" in group.thinking.tools for group in self.agents if group.thinking)

    @model_validator(mode="after")
    def check_sums(self) -> Self:
        """Refuse more agents, units or credits than a run can hold, over all its groups and periods."""
        held = ((last - first + 1, self.in_period(first)) for first, last in self.stretches)
        check_sums(self.agents, [(periods, each.markets, each.agents) for periods, each in held])
        return self

    @model_validator(mode="after")
    def check_expectations(self) -> Self:
        """Refuse expectations of no market or group, of several, or of periods the run does not have."""
        periods = self.clock.periods
        for place, expected in enumerate(self.expectations):
            if not isinstance(expected, MeasureExpectation):
                continue
            first, last = expected.first_period, expected.last_period or periods
            self._check_group(expected, place)
            if expected.group is None and expected.resource is None and len(self.markets) > 1:
                what = f"expectation of {expected.measure} is of no market"
                remedy = f"it needs resource, one of {[m.resource for m in self.markets]}"
                raise wrong(what, remedy, "expectations", place)
            if not first <= last <= periods:
                key = "last_period" if expected.last_period else "first_period"
                what = f"expectation of {expected.measure} is for periods the run does not have: {first} to {last}"
                remedy = f"its periods are 1 to {periods}, the first not after the last"
                raise wrong(what, remedy, "expectations", place, key)
        return self

    def _check_group(self, expected: MeasureExpectation, place: int) -> None:
        """Refuse a measure of a group without its group, and a group for a measure of a market."""
        what, remedy = f"{expected.measure} is a measure of a market", "give resource instead"
        if expected.measure not in GROUP_MEASURES and expected.group is not None:
            raise wrong(what, remedy, "expectations", place, "group")
        what, remedy = f"{expected.measure} is a measure of a group", "give group instead"
        if expected.measure in GROUP_MEASURES and expected.resource is not None:
            raise wrong(what, remedy, "expectations", place, "resource")
        groups = [group.name for group in self.agents]
        if expected.measure in GROUP_MEASURES and expected.group not in groups:
            what = f"expectation of {expected.measure} is of no group of this scenario"
            raise wrong(what, f"it needs group, one of {groups}", "expectations", place)


__all__ = [
    "AGENTS_MAX",
    "SCENARIO_BYTES_MAX",
    "Clock",
    "Credits",
    "Expectation",
    "Group",
    "Market",
    "Measure",
    "MeasureExpectation",
    "MechanismName",
    "Mode",
    "PolicyName",
    "PolicyPath",
    "Rationing",
    "Role",
    "Scenario",
    "ScenarioPart",
    "ScriptedAction",
    "Until",
    "format_credits",
    "parse_credits",
]
