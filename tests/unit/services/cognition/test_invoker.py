"""Calls of models: each is paid before it is made, once, exactly, whatever fails."""

from __future__ import annotations

import asyncio

import pytest
from call_builders import LedgerJournal, Meter, Provider, Silent, answer, call, failure
from eventually import eventually
from factories import active, group, scenario
from requirements import requirement

from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.outcome import agent_answer
from econsim.errors import Conflict, NotFound, ProviderFailed, QuotaExceeded, Refused, Unavailable
from econsim.schemas.cognition import CallFailure
from econsim.services.cognition.answers import ProviderAnswers
from econsim.services.cognition.call_quotas import CallQuotas
from econsim.services.cognition.invoker import Invoker
from econsim.services.cognition.providers import RulesProvider

BUDGET = 1_000_000
PRICE = 10 * 150 + 5 * 600
WORST = 20 * 150 + 100 * 600
STEPS = [f"{when} {step}" for step in ("reserve", "record", "settle") for when in ("before", "after")]


def offers(*names):
    return {
        "models": [
            {
                "name": "default",
                "offers": [{"provider": name, "input_price": 150, "output_price": 600} for name in names],
            }
        ]
    }


class HeldJournal(LedgerJournal):
    """A journal that settles nothing until it is told to, and fails once if it has an error."""

    def __init__(self, *args):
        super().__init__(*args)
        self.told, self.error = asyncio.Event(), None

    async def settle(self, chains, tick, **_):
        await self.told.wait()
        if self.error:
            error, self.error = self.error, None
            raise error
        await super().settle(chains, tick)


def make(*providers, budget=BUDGET, meter=None, mode="lock_step", journal_of=LedgerJournal):
    """Return an invoker, its journal, and the function that makes the next leader's invoker."""
    asked = providers or (Provider(),)
    by_name = {provider.name: provider for provider in asked}
    run = active(scenario(group("ana", "external"), cognition=offers(*by_name), clock={"mode": mode}))
    journal = journal_of(calls := Calls(), budget)
    quotas, answers = CallQuotas(run, meter or Meter()), ProviderAnswers(run.cognition, by_name)
    return (
        Invoker(run, calls, journal, answers, quotas),
        journal,
        lambda: Invoker(run, journal.restarted(), journal, answers, quotas),
    )


async def test_an_answer_costs_what_was_used_and_the_rest_is_released():
    invoker, journal, _ = make()

    outcome = await invoker.invoke(call())

    assert (outcome.price, outcome.content) == (PRICE, "I pass.")
    assert journal.credits() == (BUDGET - PRICE, 0)


async def test_answer_ledger_and_log_have_one_receipt():
    invoker, journal, _ = make()

    reply = agent_answer(await invoker.invoke(call("ana", cycle=7, ordinal=2)))

    chains = [chain.id for event in journal.log for chain in getattr(event.event.data, "chains", ())]
    items = [item.id for event in journal.log for item in getattr(event.event.data, "items", ())]
    assert (reply.receipt, chains, items) == (
        "llm.ana.7.2",
        ["llm.ana.7.2", "llm.ana.7.2.settled"],
        ["llm.ana.7.2"],
    )


async def test_an_answer_in_real_time_comes_before_its_settlement():
    invoker, journal, _ = make(mode="real_time", journal_of=HeldJournal)

    assert (await invoker.invoke(call())).content == "I pass."
    assert journal.credits() == (BUDGET, WORST)
    journal.told.set()
    await eventually(lambda: journal.credits() == (BUDGET - PRICE, 0))


async def test_what_a_call_did_not_spend_of_its_quota_is_there_for_the_next_call():
    meter = Meter(llm_spend=WORST + PRICE)
    invoker, journal, _ = make(mode="real_time", meter=meter, journal_of=HeldJournal)

    first, second = await invoker.invoke(call()), await invoker.invoke(call(ordinal=2))

    assert (first.price, second.price, journal.credits()) == (PRICE, PRICE, (BUDGET, 2 * WORST))
    journal.told.set()
    await eventually(lambda: journal.credits() == (BUDGET - 2 * PRICE, 0))


async def test_an_answer_in_lock_step_waits_for_its_settlement():
    invoker, journal, _ = make(journal_of=HeldJournal)

    asked = asyncio.create_task(invoker.invoke(call()))
    await eventually(lambda: journal.log[1:])
    assert not asked.done()
    journal.told.set()

    assert (await asked).content == "I pass."
    assert journal.credits() == (BUDGET - PRICE, 0)


async def test_a_settlement_that_fails_after_its_answer_is_made_by_whoever_looks_again():
    invoker, journal, _ = make(mode="real_time", journal_of=HeldJournal)
    journal.error = Unavailable("away")
    journal.told.set()
    outcome = await invoker.invoke(call())

    await eventually(lambda: journal.error is None)
    await invoker.settle_outcome(outcome)

    assert journal.credits() == (BUDGET - PRICE, 0)


async def test_without_credits_for_the_worst_case_no_provider_is_asked():
    invoker, journal, _ = make(provider := Provider(), budget=WORST - 1)

    with pytest.raises(Refused, match=r"may cost 0.063 credits") as refused:
        await invoker.invoke(call())

    assert refused.value.error_code == "debit_account_would_go_negative"
    assert (provider.asked, journal.credits()) == ([], (WORST - 1, 0))


async def test_a_repeat_gets_the_answer_that_was_paid_for():
    invoker, journal, _ = make(provider := Provider(answer("one"), answer("two")))

    first, again = await invoker.invoke(call()), await invoker.invoke(call())

    assert (first, len(provider.asked), journal.credits()) == (again, 1, (BUDGET - PRICE, 0))


async def test_a_repeat_joins_the_call_under_way():
    invoker, journal, _ = make(provider := Provider())

    first, again = await asyncio.gather(invoker.invoke(call()), invoker.invoke(call()))

    assert (first, len(provider.asked), journal.credits()) == (again, 1, (BUDGET - PRICE, 0))


async def test_two_equal_prompts_at_two_positions_get_two_answers():
    invoker, journal, _ = make(Provider(answer("one"), answer("two")))

    first, second = await invoker.invoke(call(ordinal=1)), await invoker.invoke(call(ordinal=2))

    assert (first.content, second.content) == ("one", "two")
    assert journal.credits() == (BUDGET - 2 * PRICE, 0)


async def test_another_prompt_at_the_same_position_is_refused():
    invoker, journal, _ = make()
    await invoker.invoke(call())

    with pytest.raises(Conflict, match="another prompt"):
        await invoker.invoke(call(text="And now?"))

    assert journal.credits() == (BUDGET - PRICE, 0)


async def test_an_unknown_model_is_named_with_those_there_are():
    invoker, _, _ = make()

    with pytest.raises(NotFound, match="no model 'gpt'; it has default"):
        await invoker.invoke(call(model="gpt"))


async def test_a_failure_that_charges_nothing_costs_nothing():
    invoker, journal, _ = make(Provider(failure("provider_is_busy")))

    outcome = await invoker.invoke(call())

    assert (outcome.failure, outcome.price) == (CallFailure.PROVIDER_IS_BUSY, 0)
    assert journal.credits() == (BUDGET, 0)


async def test_a_failure_costs_what_its_provider_charges():
    invoker, journal, _ = make(Provider(failure("answer_is_incomplete", 10, 5)))

    with pytest.raises(ProviderFailed, match=r"0.0045 credits were charged"):
        agent_answer(await invoker.invoke(call()))

    assert journal.credits() == (BUDGET - PRICE, 0)


@requirement("cognition.routing")
async def test_the_next_provider_is_asked_if_the_first_fails_without_a_charge():
    invoker, _, _ = make(Provider(failure(), name="first"), Provider(answer("from second"), name="second"))

    outcome = await invoker.invoke(call())

    assert (outcome.provider, outcome.content) == ("second", "from second")


async def test_no_further_provider_is_asked_once_one_charges():
    invoker, _, _ = make(Provider(failure(input_tokens=1), name="first"), second := Provider(name="second"))

    outcome = await invoker.invoke(call())

    assert (outcome.provider, outcome.failure, second.asked) == ("first", CallFailure.PROVIDER_FAILED, [])


async def test_an_answer_that_does_not_follow_its_schema_is_a_failure_at_its_price():
    invoker, journal, _ = make(Provider(answer("I pass.")))

    outcome = await invoker.invoke(call(response_schema={"type": "object"}))

    assert (outcome.failure, outcome.usage.output_tokens) == (CallFailure.ANSWER_IS_MALFORMED, 5)
    assert journal.credits() == (1_000_000 - outcome.price, 0)
    assert outcome.price


async def test_a_schema_that_is_none_is_refused_and_costs_nothing():
    invoker, journal, _ = make(provider := Provider())

    with pytest.raises(Refused, match="response_schema is not a JSON Schema"):
        await invoker.invoke(call(response_schema={"type": "objekt"}))

    assert (provider.asked, journal.credits()) == ([], (1_000_000, 0))


async def test_a_silent_provider_ends_at_the_deadline_and_costs_nothing():
    invoker, journal, _ = make(Silent())

    outcome = await invoker.invoke(call(deadline_ms=1))

    assert outcome.failure is CallFailure.PROVIDER_TIMED_OUT
    assert journal.credits() == (BUDGET, 0)


async def test_a_count_above_the_reservation_is_charged_up_to_it_and_doubted():
    invoker, journal, _ = make(Provider(answer(input_tokens=5_000, output_tokens=9_000)))

    outcome = await invoker.invoke(call())

    assert (outcome.price, outcome.is_usage_doubted) == (WORST, True)
    assert journal.credits() == (BUDGET - WORST, 0)


async def test_a_thousand_calls_at_once_never_pay_more_than_the_budget():
    invoker, journal, _ = make(budget=5 * WORST)

    ended = await asyncio.gather(
        *(invoker.invoke(call(cycle=1 + n // 50, ordinal=1 + n % 50)) for n in range(1_000)),
        return_exceptions=True,
    )

    answered = [each for each in ended if not isinstance(each, Exception)]
    assert len(answered) >= 5
    assert journal.credits() == (5 * WORST - len(answered) * PRICE, 0)
    assert {each.error_code for each in ended if isinstance(each, Refused)} == {
        "debit_account_would_go_negative"
    }


async def test_calls_that_come_together_are_paid_and_recorded_together_and_each_has_its_end():
    invoker, journal, _ = make(Provider(), budget=3 * WORST)
    await invoker.invoke(known := call(ordinal=1))
    wrong, dear = call(ordinal=2, model="gpt"), call(ordinal=3, max_tokens=100_000)
    new, again = call(ordinal=4), call(ordinal=4)

    ends = await invoker.invoke_together([known, wrong, dear, new, again, call(ordinal=4, text="And now?")])

    assert [getattr(end, "content", None) or end.error_code for end in ends] == [
        "I pass.",
        "model_is_not_in_this_run",
        "debit_account_would_go_negative",
        "I pass.",
        "I pass.",
        "exists_with_different_fields",
    ]
    assert journal.credits() == (3 * WORST - 2 * PRICE, 0)


async def test_agents_that_ask_rules_together_share_one_event():
    invoker, journal, _ = make(RulesProvider())

    ends = await invoker.invoke_together([call(cycle=cycle) for cycle in (1, 2, 3)])

    assert [len(event.event.data.items) for event in journal.log if event.type == "system.invoked"] == [3]
    assert len({end.id for end in ends}) == 3


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_is_paid_once_by_whoever_asks_again(step):
    invoker, journal, next_leader = make()
    journal.crash = step
    with pytest.raises(Unavailable):
        await invoker.invoke(call())

    outcome = await next_leader().invoke(call())

    assert outcome.content == "I pass."
    assert journal.credits() == (BUDGET - PRICE, 0)


async def test_a_call_that_comes_too_late_for_its_period_spends_nothing():
    invoker, journal, _ = make(provider := Provider(), meter=(meter := Meter()))
    journal.crash = "before reserve"

    with pytest.raises(Unavailable):
        await invoker.invoke(call())

    assert (provider.asked, meter.taken["llm_spend"]) == ([], 0)


@pytest.mark.parametrize("step", ["after record", "before settle", "after settle"])
async def test_the_next_leader_settles_what_is_recorded_without_being_asked(step):
    invoker, journal, next_leader = make()
    journal.crash = step
    with pytest.raises(Unavailable):
        await invoker.invoke(call())

    leader, calls = next_leader(), journal.restarted()
    for outcome in calls.outcomes_to_settle():
        await leader.settle_outcome(outcome)

    assert journal.credits() == (BUDGET - PRICE, 0)


async def test_the_worst_case_counts_against_the_quotas_until_the_call_ends():
    invoker, _, _ = make(meter=(meter := Meter()))

    await invoker.invoke(call())

    assert meter.taken == {"llm_spend": PRICE, "llm_tokens_per_hour": 120}


async def test_a_call_above_a_quota_is_refused_before_it_is_paid_for():
    invoker, journal, _ = make(provider := Provider(), meter=(meter := Meter(llm_tokens_per_hour=119)))

    with pytest.raises(QuotaExceeded) as refused:
        await invoker.invoke(call())

    assert refused.value.error_code == "llm_tokens_per_hour_are_exceeded"
    assert (provider.asked, journal.log, meter.taken["llm_spend"]) == ([], [], 0)


async def test_a_call_without_credits_counts_against_no_spending():
    invoker, _, _ = make(meter=(meter := Meter()), budget=1)

    with pytest.raises(Refused):
        await invoker.invoke(call())

    assert meter.taken["llm_spend"] == 0
