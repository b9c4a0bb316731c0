"""The tables of a scenario file about models: their providers and prices, and the resource that thinking uses up."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from econsim.schemas.model_limits import DEADLINE_MS_MAX, DEFAULT_MODEL, OUTPUT_TOKENS_MAX, ModelName
from econsim.schemas.money import Credits
from econsim.schemas.scenario_parts import ScenarioPart, wrong
from econsim.schemas.scenario_tools import OfferedName
from econsim.schemas.scenario_words import PolicyName
from econsim.schemas.types import QUANTITY_MAX, Name

RULES: Final = "rules"
"""Name of the provider that needs neither key nor network: a deterministic policy that answers in a model's form."""

RECORDED: Final = "recorded"
"""Name of the provider of a call that the recording of another run did not answer; it can be configured nowhere."""

CONTEXT_TOKENS_MAX: Final = 10_000_000
"""Tokens of the longest prompt and answer together: more than any model takes."""


CODED: Final = (PolicyName.ZIP, PolicyName.ZI_C, PolicyName.TRUTHFUL, PolicyName.ZI_U)
"""Policies of coded traders that quote for each unit: a strategy bounds their prices."""


def _has_none(value: object) -> bool:
    """Return whether a list is empty: the canonical hash stays that of a file without it."""
    return value == ()


class Offer(ScenarioPart):
    """One provider of a model, with its prices."""

    provider: Name = RULES
    """Name of the provider: `rules`, or one that the operator of the services configured."""
    input_price: Credits = 150_000_000
    """Price of a million tokens of prompts, credits."""
    output_price: Credits = 600_000_000
    """Price of a million tokens of answers, credits."""


class LlmModel(ScenarioPart):
    """A model that the agents of a run may ask."""

    name: ModelName = DEFAULT_MODEL
    """Name of the model in the agents' calls."""
    offers: tuple[Offer, ...] = Field(default=(Offer.model_construct(),), min_length=1, max_length=8)
    """Providers of the model in fall-back order: each is asked if those before it fail."""
    context_tokens: Annotated[int, Field(strict=True, ge=1, le=CONTEXT_TOKENS_MAX)] = 128_000
    """Tokens of the longest prompt and answer together."""


class Cognition(ScenarioPart):
    """The models of a run and what thinking costs."""

    models: tuple[LlmModel, ...] = Field(default=(LlmModel.model_construct(),), min_length=1, max_length=16)
    """Models that the agents may ask, `default` among them if calls do not name one."""
    resource: Name | None = None
    """Resource of which thinking uses up units, one of the markets'; none if thinking costs credits alone."""
    tokens_per_unit: Annotated[int, Field(strict=True, ge=1, le=OUTPUT_TOKENS_MAX)] = 1_000
    """Tokens that one unit of the resource pays for; a unit that is begun is used up."""
    record_text: Annotated[bool, Field(strict=True)] = True
    """True to keep prompts and answers in the log; their digests are kept in any case."""

    @model_validator(mode="after")
    def check_models(self) -> Self:
        """Refuse a model that is declared twice, and a provider that a model has twice."""
        seen: set[str] = set()
        for place, model in enumerate(self.models):
            if model.name in seen:
                what = f"model {model.name!r} is declared twice"
                raise wrong(what, "use another name", "models", place, "name")
            seen.add(model.name)
            providers = [offer.provider for offer in model.offers]
            for row, provider in enumerate(providers):
                if provider in providers[:row]:
                    what = f"model {model.name!r} has provider {provider!r} twice"
                    raise wrong(what, "name each provider once", "models", place, "offers", row, "provider")
        return self


class Thinking(ScenarioPart):
    """The way a group's agents think; for policies `llm` and `llm_strategist` alone."""

    model: ModelName = DEFAULT_MODEL
    """Name of the model, one of the scenario's."""
    system: str = ""
    """Template of the system message; empty for the shipped one of the policy."""
    prompt: str = ""
    """Template of the user's message, with places like `{observation}`; empty for the shipped one of the policy."""
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=OUTPUT_TOKENS_MAX)] = 300
    """Length limit of an answer, tokens."""
    memory: Annotated[int, Field(strict=True, ge=0, le=50)] = 0
    """Number of earlier cycles whose observation and answer stand in the prompt as earlier turns."""
    units: Annotated[int, Field(strict=True, ge=0, le=QUANTITY_MAX)] = 0
    """Units of the token resource dealt to each agent at the start of every period; more must be bought."""
    credits_min: Credits = 0
    """Credits below which an agent stops thinking, kept for its orders; it thinks again once it has more."""
    every_ticks: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """Ticks from one cycle to the next, counted in the period from its first tick."""
    deadline_ms: Annotated[int, Field(strict=True, ge=1, le=DEADLINE_MS_MAX)] = DEADLINE_MS_MAX
    """Milliseconds that one call may take."""
    tools: Annotated[tuple[OfferedName, ...], Field(exclude_if=_has_none)] = ()
    """Names of the scenario's tools that the model may call; for policy `llm` alone."""
    trader: PolicyName | None = None
    """Policy of the coded trader whose parameters the model writes; for `llm_strategist` alone, and `zip` by default."""

    @model_validator(mode="after")
    def check_trader(self) -> Self:
        """Refuse a trader that does not quote for each unit."""
        if self.trader is not None and self.trader not in CODED:
            what = f"{self.trader.value!r} is no trader whose parameters a model can write"
            raise wrong(what, f"use one of {[each.value for each in CODED]}", "trader")
        return self


def check_group(place: int, thinking: Thinking, cognition: Cognition, *, is_strategist: bool) -> None:
    """Refuse a group that asks a model that there is not, or needs texts that the log does not keep."""
    names = [model.name for model in cognition.models]
    at = ("agents", place, "thinking")
    if thinking.model not in names:
        near = get_close_matches(thinking.model, names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"declare it, or use one of {names}"
        what = f"{thinking.model!r} is not among the models of cognition"
        raise wrong(what, remedy, *at, "model")
    if cognition.record_text:
        return
    remedy = "it comes from the texts in the log, so leave record_text = false out of cognition"
    if is_strategist:
        what = "a strategist has no strategy if record_text is false"
        raise wrong(what, remedy, "agents", place, "policy")
    if thinking.memory:
        what = "memory is always empty if record_text is false"
        raise wrong(what, remedy, *at, "memory")
