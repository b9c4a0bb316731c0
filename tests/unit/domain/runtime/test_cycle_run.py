"""A cycle yields its effects as data; its calls have positions in the order it lists them."""

from __future__ import annotations

from call_builders import prompt
from factories import bid

from econsim.domain.runtime.cycle_run import (
    ACTIONS_PER_CYCLE_MAX,
    PROMPT_LENGTH_MAX,
    CycleRun,
    chosen_actions,
)
from econsim.domain.runtime.effects import Act, Think
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import CALLS_PER_CYCLE_MAX, TokenUsage


def answered(call, content="ok", price=7):
    return LlmAnswer(
        receipt="llm.x",
        cycle=call.cycle,
        ordinal=call.ordinal,
        model="default",
        provider="rules",
        content=content,
        usage=TokenUsage(3, 2),
        price=price,
    )


def started(cycle):
    run = CycleRun("ana", 5, cycle)
    return run, run.start()


def test_calls_have_the_position_of_their_place_in_the_cycle():
    def cycle():
        yield Think(prompt("one"))
        yield Think(prompt("two"))

    run, (first,) = started(cycle())
    (second,) = run.resume([answered(first)])

    assert [(c.agent, c.cycle, c.ordinal) for c in (first, second)] == [("ana", 5, 1), ("ana", 5, 2)]
    assert run.resume([answered(second)]) == ()


def test_effects_side_by_side_get_their_results_in_the_order_listed():
    results = []

    def cycle():
        results.extend((yield (Think(prompt("one")), Act({}), Think(prompt("two")))))

    run, calls = started(cycle())
    run.resume([answered(call, f"answer {call.ordinal}") for call in calls])

    assert [getattr(each, "content", each) for each in results] == ["answer 1", None, "answer 2"]


def test_the_report_counts_steps_tokens_actions_and_price():
    def cycle():
        yield Think(prompt())
        yield Act({"cpu": [bid("ana", "x", 1)]})

    run, (call,) = started(cycle())
    run.resume([answered(call)])

    report = run.report()
    assert (report.steps, report.tokens, report.actions, report.price) == (2, 5, 1, 7)


def test_an_agent_that_raises_is_set_aside_and_its_actions_are_dropped():
    def cycle():
        yield Act({"cpu": [bid("ana", "x", 1)]})
        message = "by nothing"
        raise ZeroDivisionError(message)

    run, calls = started(cycle())

    assert (calls, run.actions, run.report().failure) == ((), {}, "ZeroDivisionError: by nothing")


def test_an_agent_that_floods_is_set_aside():
    def cycle():
        yield Act({"cpu": [bid("ana", f"x{n}", 1) for n in range(ACTIONS_PER_CYCLE_MAX + 1)]})

    run, _ = started(cycle())

    assert (run.actions, run.failure) == (
        {},
        f"ValueError: more than {ACTIONS_PER_CYCLE_MAX} actions in one cycle",
    )


def test_an_agent_whose_prompt_is_longer_than_a_message_may_be_is_set_aside():
    def cycle(length):
        yield Think(prompt("\\" * length))

    kept, calls = started(cycle(PROMPT_LENGTH_MAX))
    set_aside, none = started(cycle(PROMPT_LENGTH_MAX + 1))

    assert (len(calls), kept.failure) == (1, "")
    assert none == ()
    assert f"a prompt of {PROMPT_LENGTH_MAX + 1} characters, of at most" in set_aside.failure


def test_an_agent_that_never_stops_thinking_is_set_aside():
    def cycle():
        while True:
            yield Think(prompt())

    run, calls = started(cycle())
    while calls:
        calls = run.resume([answered(call) for call in calls])

    assert run.failure == f"ValueError: more than {CALLS_PER_CYCLE_MAX} calls in one cycle"


def test_actions_of_all_cycles_are_grouped_by_market():
    def cycle(agent):
        yield Act({"cpu": [bid(agent, f"{agent}-1", 1)]})

    runs = [started(cycle(agent))[0] for agent in ("ana", "bob")]

    assert chosen_actions(runs) == {"cpu": [bid("ana", "ana-1", 1), bid("bob", "bob-1", 1)]}
