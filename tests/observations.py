"""Observations in tests: an agent on a few markets, with what a test does not care about left out."""

from __future__ import annotations

from hypothesis import strategies as st

from econsim.domain.cognition.observation import (
    AgentObservation,
    ObservedMarket,
    ObservedOrder,
    ObservedQuestion,
    ObservedTask,
    TokenSupply,
    observation_text,
)
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.orders import Side
from econsim.schemas.social import QuestionState
from econsim.schemas.social_tasks import TaskState

CREDIT = 1_000_000


def observed_market(resource="cpu", **fields):
    return ObservedMarket(
        resource, **{"tick_size": 10_000, "price_min": 10_000, "price_max": 4 * CREDIT, **fields}
    )


def observed(
    *markets,
    credits_=100 * CREDIT,
    holdings=None,
    tokens=None,
    tick=3,
    tick_of_period=3,
    tasks=None,
    questions=None,
    last_cycle=0,
):
    return AgentObservation(
        "lab_001",
        tick,
        1,
        tick_of_period,
        credits_,
        0,
        holdings or {},
        markets or (observed_market(),),
        tokens,
        tasks,
        questions,
        last_cycle,
    )


def observed_task(task_id="task.lab_001.1-1", *, state=TaskState.OFFERED, **fields):
    """Return a task that the observing agent delegated to `aide`."""
    text = "Look up the price of cpu."
    given = {"delegator": "lab_001", "taker": "aide", "text": text, "price": CREDIT, "deadline_tick": 20}
    return ObservedTask(task_id, **{**given, "state": state, **fields})


def observed_question(question_id="question.lab_001.1-1", *, answer=None, ended_tick=None, **fields):
    state = QuestionState.WAITING if answer is None else QuestionState.ANSWERED
    return ObservedQuestion(
        question_id, **{"text": "May I?", "state": state, **fields}, answer=answer, ended_tick=ended_tick
    )


def own_order(order_id="lab_001-1-1-0", side=Side.BID, price=2 * CREDIT, quantity=1):
    return ObservedOrder(order_id, side, price, quantity)


def shown_prompt(
    observation, schema=None, max_tokens=1_000, before="AgentObservation: ", after="\nAnswer in JSON."
):
    text = f"{before}{observation_text(observation)}{after}"
    return Prompt(
        messages=(ChatMessage(ChatRole.SYSTEM, "You trade."), ChatMessage(ChatRole.USER, text)),
        max_tokens=max_tokens,
        response_schema=schema,
    )


NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
AMOUNTS = st.integers(-(2**53) + 1, 2**53 - 1)
PRICES = st.integers(1, 400).map(lambda ticks: ticks * 10_000)
ORDERS = st.builds(ObservedOrder, NAMES, st.sampled_from(Side), PRICES, st.integers(1, 9))
MARKETS = st.builds(
    ObservedMarket,
    NAMES,
    st.just(10_000),
    st.just(10_000),
    st.just(4_000_000),
    st.integers(1, 3),
    *[st.none() | PRICES] * 3,
    st.none() | st.sampled_from(Side),
    st.none() | st.integers(0, 5_000_000),
    st.integers(0, 9),
    st.lists(ORDERS, max_size=3).map(tuple),
)
TASKS = st.builds(
    ObservedTask,
    *[NAMES] * 3,
    st.text(max_size=9),
    AMOUNTS,
    st.sampled_from(TaskState),
    st.integers(0, 99),
    *[st.text(max_size=9)] * 2,
)
QUESTIONS = st.builds(
    ObservedQuestion,
    NAMES,
    st.text(max_size=9),
    st.sampled_from(QuestionState),
    st.none() | st.text(max_size=9),
    st.none() | st.integers(0, 99),
)
OBSERVATIONS = st.builds(
    AgentObservation,
    NAMES,
    st.integers(0, 10**6),
    st.integers(1, 99),
    st.integers(1, 99),
    AMOUNTS,
    AMOUNTS,
    st.dictionaries(NAMES, AMOUNTS, max_size=3),
    st.lists(MARKETS, max_size=4, unique_by=lambda market: market.resource).map(tuple),
    st.none() | st.builds(TokenSupply, NAMES, st.integers(0, 99), st.integers(0, 99)),
    st.none(),
    st.none(),
    st.just(0),
)
"""Any observation as a model is told it; the token resource need not be a market of its run."""

WORKING_OBSERVATIONS = st.builds(
    lambda seen, tasks, questions: seen._replace(tasks=tuple(tasks), questions=tuple(questions)),
    OBSERVATIONS,
    st.lists(TASKS, max_size=3),
    st.lists(QUESTIONS, max_size=3),
)
"""Any observation of an agent with tools for people and tasks."""
