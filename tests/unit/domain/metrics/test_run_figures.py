"""Economic figures of a run: at its end they are those of its report."""

import pytest
from factories import scenario
from run_builders import only, small_run, small_scenario, summed, thinkers, thinking_run

from econsim import subjects
from econsim.domain.metrics.run_figures import FOLLOWED, RunFigures
from econsim.schemas.ledger import CREDITS, DEBT, TREASURY, Position
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import MICROS_PER_CREDIT


def folded(log):
    """Return the figures of a run's records, of those that are followed alone."""
    opened = only(log, subjects.RUN_OPENED)[0]
    figures = RunFigures(opened.correlation_id, Scenario.model_validate(opened.data["scenario"]))
    for entry in log:
        if entry.type in {row.type for row in FOLLOWED}:
            figures.add(entry)
    return figures


def values(figures, name, balances=None):
    """Return labels but the run → value."""
    found = {family.name: family for family in figures.families(balances or {})}
    return {
        " ".join(value for label, value in labels.items() if label != "run"): value
        for _, labels, value in (found[name].samples if name in found else ())
    }


@pytest.mark.parametrize("mechanism", ["continuous_double_auction", "call_auction"])
def test_a_market_s_figures_are_those_of_the_report(mechanism) -> None:
    log = small_run(mechanism=mechanism)
    market, figures = summed(log).markets[0], folded(log)

    assert values(figures, "econsim_orders") == {"cpu": market.orders}
    assert values(figures, "econsim_trades") == {"cpu": len(market.trades)}
    assert values(figures, "econsim_units_traded") == {"cpu": market.volume}
    assert values(figures, "econsim_efficiency") == {"cpu": pytest.approx(market.efficiency)}
    assert values(figures, "econsim_equilibrium_price_credits") == {"cpu": market.equilibrium_price}


def test_the_cost_of_thinking_is_that_of_the_report() -> None:
    log = thinking_run()
    uses = [use for group in summed(log).thinking for use in group.uses]

    paid = sum(use.price for use in uses) / MICROS_PER_CREDIT
    assert values(folded(log), "econsim_thinking_cost_credits") == {"default": pytest.approx(paid)}
    assert sum(values(folded(log), "econsim_model_calls").values()) == sum(use.calls for use in uses)


def test_before_the_first_trade_there_is_no_price_and_no_efficiency_above_zero() -> None:
    figures = RunFigures("run", small_scenario())

    assert values(figures, "econsim_price_credits") == {}
    assert values(figures, "econsim_spread_credits") == {}
    assert values(figures, "econsim_efficiency") == {"cpu": 0}


def test_a_market_that_nobody_values_has_no_efficiency() -> None:
    figures = RunFigures("run", scenario(thinkers(1), resources=("cpu", "gpu")))

    assert "gpu" not in values(figures, "econsim_efficiency")


def test_money_that_came_from_nowhere_is_an_imbalance() -> None:
    figures = RunFigures("run", small_scenario())
    agents = {agent: {CREDITS: Position(5, 0), DEBT: Position(0, 0)} for agent in figures.agents}
    right = agents | {TREASURY: {CREDITS: Position(-5 * len(agents), 0), "cpu": Position(-1, 0)}}
    right["clearing_cpu"] = {"cpu": Position(1, 0)}
    more = {CREDITS: Position(5 + MICROS_PER_CREDIT, 0), DEBT: Position(0, 0), "cpu": Position(2, 0)}
    wrong = right | {figures.agents[0]: more}

    assert values(figures, "econsim_ledger_imbalance", right) == {"credits": 0, "debt": 0, "cpu": 0}
    assert values(figures, "econsim_ledger_imbalance", wrong) == {"credits": 1, "debt": 0, "cpu": 2}
    assert values(figures, "econsim_gini", right) == {"": pytest.approx(0)}
