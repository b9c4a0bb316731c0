"""What agents paid for calls of models. Catches: a cost that the ledger has not, a call in another period, a lost refusal."""

from __future__ import annotations

import pytest
from factories import group, role, scenario
from run_builders import DEAR, only, records, small_run, summed, thinkers, thinking_run

from econsim import subjects
from econsim.domain.runtime.cycle_run import PROMPT_LENGTH_MAX
from econsim.report.html import render
from econsim.schemas.types import MICROS_PER_CREDIT


def verdict(**expected):
    """Return the verdict on an expectation of the run of thinkers."""
    row = {"value": 0, "tolerance": 0, "source": "theory", **expected}
    wanted = scenario(thinkers(100), thinkers(0.2), cognition=DEAR, expectations=[row])
    return summed(records(wanted)).verdicts[0]


def test_the_price_of_a_groups_calls_is_what_the_ledger_posted() -> None:
    rich, _ = summed(thinking_run()).thinking

    posted = sum(
        transfer["amount"]
        for entry in only(thinking_run(), subjects.TRANSFER_POSTED)
        for chain in entry.data["chains"]
        for transfer in chain["transfers"]
        if transfer["credit"] == "cognition" and transfer["kind"] == "post"
    )

    assert rich.price == posted > 0
    assert sum(period.cost for period in rich.periods) * 2 * MICROS_PER_CREDIT == pytest.approx(posted)


def test_calls_and_tokens_are_counted_by_model() -> None:
    rich, _ = summed(thinking_run()).thinking

    (use,) = rich.uses

    assert (use.group, use.model, use.calls, use.failures) == ("with_100", "default", 2 * 6, {})
    assert use.price == (use.input_tokens + use.output_tokens) * 1_000


def test_agents_that_cannot_pay_are_priced_out_and_the_others_are_not() -> None:
    rich, poor = summed(thinking_run()).thinking

    assert [period.priced_out for period in poor.periods] == [1, 1]
    assert (poor.refused, poor.uses) == (2 * 6, ())
    assert [period.priced_out for period in rich.periods] == [0, 0]


def test_agents_that_were_set_aside_are_counted_and_the_first_has_its_reason() -> None:
    long = {"prompt": "{observation}" + "x" * PROMPT_LENGTH_MAX}
    wanted = scenario(thinkers(100, long), cognition=DEAR, clock={"periods": 1, "ticks_per_period": 2})

    (warning,) = summed(records(wanted)).warnings

    assert warning.startswith("2 agents were set aside; with_100_001: ValueError: a prompt of ")


def test_agents_that_keep_their_credits_do_not_ask() -> None:
    groups = [thinking.group for thinking in summed(thinking_run()).thinking]

    assert groups == ["with_100", "with_0_2"]


def test_a_refusal_that_reaches_the_log_late_counts_in_the_period_of_its_call() -> None:
    log = thinking_run()
    late = [entry for entry in log if entry.type == subjects.TRANSFER_REFUSED.type and entry.tick <= 3]
    others = [entry for entry in log if entry not in late]

    assert summed([*others, *late]).thinking == summed(log).thinking


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ({"measure": "priced_out", "group": "with_0_2", "value": 100}, True),
        ({"measure": "priced_out", "group": "with_100"}, True),
        ({"measure": "priced_out", "group": "with_100", "value": 100}, False),
        ({"measure": "thinking_cost", "group": "with_0_2"}, True),
        ({"measure": "thinking_cost", "group": "with_100", "tolerance": 1}, False),
    ],
)
def test_an_expectation_may_be_of_a_groups_thinking(expected, holds) -> None:
    assert verdict(**expected).holds is holds


def test_a_page_has_a_table_of_thinking_only_if_anybody_thought() -> None:
    assert "<h2>Thinking</h2>" in render(summed(thinking_run()))
    assert "<h2>Thinking</h2>" not in render(summed(small_run()))


def test_the_efficiency_of_a_run_leaves_out_markets_that_cannot_have_any() -> None:
    buyers = group("buyer", "truthful", roles=[role("bid", values=[[3.0]])])
    seller = group("seller", "truthful", roles=[role("ask", values=[[1.0]])])
    plant = group("plant", "truthful", roles=[role("ask", "tokens", values=[[0.1] * 20])])
    thinker = group("thinker", "llm", thinking={"units": 3})
    cognition = {"resource": "tokens"}
    wanted = scenario(
        buyers, seller, plant, thinker, resources=("cpu", "tokens"), cognition=cognition,
        clock={"ticks_per_period": 8},
    )  # fmt: skip

    summary = summed(records(wanted))

    assert summary.markets[1].volume > 0
    assert summary.efficiency == 1
