"""Prompts made from a scenario's templates, and the check that they read nothing but the run. Pure.

A template has places like `{observation}`; other braces stay as they are, so that a template can show JSON. Places are
filled in one pass: a note that contains `{tick}` keeps it. Wall-clock time, ids of processes and random ids have no
place, for a prompt with any of them is never the same twice, and no recording of it can be replayed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, NamedTuple

from econsim.domain.cognition.actions import parse_actions
from econsim.domain.cognition.observation import AgentObservation, observation_text
from econsim.errors import ScenarioError
from econsim.schemas.base import blank
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.scenario_cognition import Thinking

PLACES: Final = ("agent", "tick", "period", "tick_of_period", "markets", "observation", "memory")
"""Places that a template may have."""

NO_MEMORY: Final = "nothing yet"
"""Text in the place of a note that there is not."""

TEMPLATES_MAX: Final = 256
"""Templates whose places are remembered: two a group."""

_PLACE: Final = re.compile(r"\{([a-z_][a-z0-9_]*)\}")

_FOREIGN: Final = {
    "wall_clock_time": re.compile(
        r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b|\b[0-2]?[0-9]:[0-5][0-9](:[0-5][0-9])?\b|\b1[5-9][0-9]{8}([0-9]{3}){0,3}\b"
    ),
    "process_id": re.compile(r"\b(pid|process id)\b\W{0,3}[0-9]+|\b0x[0-9a-f]{6,}\b", re.IGNORECASE),
    "random_id": re.compile(
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?=[a-f]*[0-9])[0-9a-f]{16,}\b",
        re.IGNORECASE,
    ),
}


class Templates(NamedTuple):
    """The two templates of a prompt."""

    system: str
    """Template of the system message."""
    prompt: str
    """Template of the user's message."""


class PromptFinding(NamedTuple):
    """One fault of a template or prompt."""

    what: str
    """Fault as a sentence in snake case."""
    evidence: str
    """Text at fault."""


LLM_TEMPLATES: Final = Templates(
    """You are {agent}, a trader. Markets: {markets}. Prices are in credits.
Where your side is bid you buy, and a unit is worth your value to you. Where your side is ask you sell, and a unit
costs you your value. You gain the difference to the price. Never trade at a loss.
If there are tokens, each thought uses some up: buy more before they run out.
Answer with JSON alone, for example
{"actions": [{"verb": "bid", "resource": "cpu", "price": "1.25", "quantity": 1}], "memory": "a short note"}
A verb is bid, ask or cancel; a cancel names the order_id of one of your open orders.""",
    """Tick {tick}, period {period}. Your note: {memory}
{observation}""",
)
"""Shipped templates of the policy `llm`."""

STRATEGIST_TEMPLATES: Final = Templates(
    """You are the strategist of {agent}, a trader. Markets: {markets}. Prices are in credits.
A program trades for you at every tick; you write its parameters on each market where you have a side:
margin_min_percent and margin_max_percent bound its profit margin, learning_percent is the speed at which its margin
follows the market, activity_percent its chance to act at a tick, units_max the units it may trade in a period.
Answer with JSON alone, for example
{"strategies": [{"resource": "cpu", "margin_min_percent": 0, "margin_max_percent": 20, "learning_percent": 30,
"activity_percent": 100, "units_max": 5}]}""",
    """Tick {tick}, period {period}.
{observation}""",
)
"""Shipped templates of the policy `llm_strategist`."""


_PROMPT: Final = blank(Prompt, tools=(), temperature=0.0)


def cycle_prompt(
    thinking: Thinking,
    observation: AgentObservation,
    earlier: Sequence[ChatMessage],
    schema: dict[str, Any],
    templates: Templates = LLM_TEMPLATES,
) -> Prompt:
    """Return the prompt of a cycle: system message, earlier turns, and the user's message with the observation.

    `templates` are the shipped ones, for what the scenario leaves empty. The note in the place `memory` is that of the
    newest earlier answer.
    """
    values = {
        "agent": observation.agent,
        "tick": str(observation.tick),
        "period": str(observation.period),
        "tick_of_period": str(observation.tick_of_period),
        "markets": ", ".join(market.resource for market in observation.markets),
        "observation": observation_text(observation),
        "memory": _note(observation, earlier),
    }
    system = _fill(thinking.system or templates.system, values)
    user = _fill(thinking.prompt or templates.prompt, values)
    first, last = ChatMessage(ChatRole.SYSTEM, system), ChatMessage(ChatRole.USER, user)
    # Every part is checked already: by the scenario's schema, or as a message of an earlier prompt.
    fields = {
        "messages": (first, *earlier, last),
        "max_tokens": thinking.max_tokens,
        "model": thinking.model,
        "response_schema": schema,
    }
    return _PROMPT.model_copy(update=fields)


def check_thinking(thinking: Thinking, group: str) -> None:
    """Refuse templates with an unknown place or without the observation; raises ScenarioError, with the nearest place."""
    for key in ("system", "prompt"):
        for name in _PLACE.findall(getattr(thinking, key)):
            if name not in PLACES:
                near = get_close_matches(name, PLACES, n=1)
                remedy = f"did you mean {{{near[0]}}}?" if near else f"there are {_all_places()}"
                message = f"{key} of group {group!r} has an unknown place {{{name}}}; {remedy}"
                raise ScenarioError(message, key=key, group=group)
    if thinking.prompt and "{observation}" not in thinking.prompt:
        message = f"prompt of group {group!r} has no {{observation}}, so its agents would see nothing"
        raise ScenarioError(message, key="prompt", group=group)


def prompt_findings(text: str) -> tuple[PromptFinding, ...]:
    """Return what a template or prompt reads beside the run's clock and ids: time of day, ids of processes, random ids."""
    return (*_unknown_places(text), *_foreign_values(text))


def _unknown_places(text: str) -> Iterator[PromptFinding]:
    for match in _PLACE.finditer(text):
        if match[1] not in PLACES:
            yield PromptFinding("place_is_unknown", match[0])


def _foreign_values(text: str) -> Iterator[PromptFinding]:
    for kind, pattern in _FOREIGN.items():
        for match in pattern.finditer(text):
            yield PromptFinding(f"prompt_has_a_{kind}", match[0])


def _fill(template: str, values: dict[str, str]) -> str:
    parts = [*_parts(template)]
    for place in range(1, len(parts), 2):
        name = parts[place]
        parts[place] = values.get(name, f"{{{name}}}")
    return "".join(parts)


@lru_cache(maxsize=TEMPLATES_MAX)
def _parts(template: str) -> tuple[str, ...]:
    """Return in turn the text of a template and the names of its places."""
    return tuple(_PLACE.split(template))


def _note(observation: AgentObservation, earlier: Sequence[ChatMessage]) -> str:
    answer = next((each.content for each in reversed(earlier) if each.role is ChatRole.ASSISTANT), None)
    note = None if answer is None else parse_actions(answer, observation).memory
    return note or NO_MEMORY


def _all_places() -> str:
    return ", ".join(f"{{{name}}}" for name in PLACES)
