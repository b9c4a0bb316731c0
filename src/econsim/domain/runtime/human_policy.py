"""The policy `human`: a person is asked what to do, and the answer is done once it is there. Pure.

A question has a few orders to choose from, and passing is the default: an agent whose person is away trades nothing, and the
run goes on. A cycle asks, or does what was answered, so that the next question knows what the order brought.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from econsim.domain.cognition.actions import parse_actions
from econsim.domain.cognition.observation import AgentObservation, ObservedMarket, ObservedQuestion
from econsim.domain.cognition.rules_policy import policy_actions
from econsim.domain.runtime.effects import QUESTION_TICKS, Act, AskPerson, Cycle
from econsim.domain.runtime.llm_policy import NO_TOOLS
from econsim.domain.runtime.tool_use import Toolbox
from econsim.schemas.model_call import ChatMessage
from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side, Verb
from econsim.schemas.scenario_cognition import Thinking
from econsim.schemas.social import QuestionState

PASSING: Final = "pass"
"""Answer that trades nothing."""

TEXT_LENGTH_MAX: Final = 3_500
"""Characters of a question: less than a text may have."""


def human_cycle(
    thinking: Thinking, observation: AgentObservation, _: Sequence[ChatMessage], __: Toolbox = NO_TOOLS
) -> Cycle:
    """Do what the person answered, or ask; wait while the question is open."""
    newest = observation.questions[-1] if observation.questions else None
    if newest is not None and newest.state is QuestionState.WAITING:
        return
    if newest is not None and _is_new(newest, observation):
        yield Act(parse_actions(_row(newest.answer or "", observation), observation).actions)
        return
    if options := tuple(dict.fromkeys(_options(observation))):
        waits = max(QUESTION_TICKS, thinking.every_ticks)
        yield AskPerson(_text(observation), (*options, PASSING), PASSING, deadline_ticks=waits)


def _is_new(question: ObservedQuestion, observation: AgentObservation) -> bool:
    """Return whether an answer that is no pass came since the cycle before this one; one of yesterday is not done."""
    since = observation.last_cycle if observation.tick_of_period > 1 else observation.tick
    return question.answer not in (None, PASSING) and (question.ended_tick or 0) >= since


def _text(observation: AgentObservation) -> str:
    lines = [
        f"Tick {observation.tick}, period {observation.period}. What should {observation.agent} do?",
        f"It has {format_credits(observation.credits)} credits.",
    ]
    lines += [_market_line(market) for market in observation.markets if market.value is not None]
    return "\n".join(lines)[:TEXT_LENGTH_MAX]


def _market_line(market: ObservedMarket) -> str:
    bid, ask, last = (
        "none" if price is None else format_credits(price)
        for price in (market.best_bid, market.best_ask, market.last_price)
    )
    verb = "buys, and its next unit is worth" if market.side is Side.BID else "sells, and its next unit costs"
    worth = format_credits(market.value or 0)
    return f"On {market.resource} it {verb} {worth}. Best bid {bid}, best ask {ask}, last price {last}."


def _options(observation: AgentObservation) -> Iterator[str]:
    """Yield the orders to choose from: one at the price of the policy `rules`, and one that trades with the best quote."""
    for row in policy_actions(observation):
        if row["verb"] is not Verb.CANCEL:
            yield f"{row['verb']} {row['resource']} at {row['price']}"
    for market in observation.markets:
        if (price := _best(market)) is not None:
            verb = Verb.BID if market.side is Side.BID else Verb.ASK
            yield f"{verb} {market.resource} at {format_credits(price)}"


def _best(market: ObservedMarket) -> int | None:
    """Return the best quote of the other side if a trade there gains; None otherwise."""
    if market.value is None:
        return None
    if market.side is Side.BID:
        return market.best_ask if market.best_ask is not None and market.best_ask <= market.value else None
    return market.best_bid if market.best_bid is not None and market.best_bid >= market.value else None


def _row(answer: str, observation: AgentObservation) -> str:
    """Return an answer as a model would write it."""
    verb, _, rest = answer.partition(" ")
    resource, _, price = rest.partition(" at ")
    lot = next((each.lot_size for each in observation.markets if each.resource == resource), 1)
    return f'{{"actions": [{{"verb": "{verb}", "resource": "{resource}", "price": "{price}", "quantity": {lot}}}]}}'
