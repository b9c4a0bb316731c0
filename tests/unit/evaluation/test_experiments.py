"""Published results, reproduced in memory with fixed seeds; `econsim experiment` does the same at full size."""

from __future__ import annotations

from dataclasses import replace

import pytest
import vl_convert
from requirements import requirement

from econsim.errors import NotFound
from econsim.evaluation.experiments import catalogue
from econsim.evaluation.experiments.pictures import PICTURES
from econsim.evaluation.experiments.runs import sample
from econsim.evaluation.experiments.verdicts import Expected, Rule, compare
from econsim.evaluation.studies.design import Setting

EXPECTED = Expected(10.0, 1.0, "a page")
SIZES = {
    "smith1962": (12, 10),
    "gode_sunder_oracle": (8, 10),
    "flat_supply": (10, 10),
    "zip_learning": (12, 10),
    "call_vs_cda": (12, 40, 10),
    "first_proposal": (10, 20),
    "thinking_is_dear": (4, 6),
    "tool_market": (4, 4),
    "studio": (4, 4),
}
"""Experiment → runs, and periods of each treatment: intervals wide enough for seconds, narrow enough to matter."""


def smaller(design, seeds, *periods):
    """Return a design with fewer seeds and periods."""
    treatments = tuple(
        replace(each, settings=each.settings | {"clock.periods": Setting(number, ())})
        for each, number in zip(design.treatments, periods, strict=True)
    )
    return replace(design.with_seeds(range(1, seeds + 1)), treatments=treatments)


def carried_out(name):
    """Return the runs of an experiment, in these sizes, and what they show."""
    wanted = catalogue.find(name)
    made = sample(smaller(wanted.design, *SIZES[name]), processes=1)
    return made, wanted.compare(made)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
@requirement("benchmark.visual")
def test_an_experiment_agrees_with_what_was_published_and_can_be_drawn(name) -> None:
    runs, findings = carried_out(name)
    draw, caption = PICTURES[name]

    picture = vl_convert.vegalite_to_svg(draw(runs, findings).to_dict())

    assert not [finding for finding in findings if not finding.holds]
    assert picture.count("<path") > 10
    assert caption


def test_every_experiment_is_in_the_suite() -> None:
    assert [experiment.name for experiment in catalogue.EXPERIMENTS] == list(SIZES)


@pytest.mark.slow
def test_parallel_processes_give_what_one_gives() -> None:
    design = smaller(catalogue.find("gode_sunder_oracle").design, 3, 1)

    both = [sample(design, processes=processes) for processes in (1, 2)]

    one, two = ([run.model_copy(update={"cpu_s": 0.0}) for run in runs] for (runs,) in both)
    assert one == two


def test_intervals_agree_only_if_they_overlap() -> None:
    near = compare("x", [10.9, 11.1, 11.3], EXPECTED)
    far = compare("x", [12.9, 13.1, 13.3], EXPECTED)

    assert near.holds
    assert near.verdict == "agrees"
    assert not far.holds
    assert far.verdict == "differs"


def test_one_run_off_breaks_what_is_exact() -> None:
    expected = Expected(0.0, 0.0, "identity", Rule.EXACTLY)

    assert compare("x", [0.0, 0.0, 0.0], expected).holds
    assert not compare("x", [0.0, 1e-12, -1e-12], expected).holds


@pytest.mark.parametrize(
    ("rule", "sample"), [(Rule.ABOVE, [1.0, 1.1, 0.9]), (Rule.BELOW, [-1.0, -1.1, -0.9])]
)
def test_a_direction_needs_the_whole_interval_on_its_side(rule, sample) -> None:
    expected = Expected(0.0, 0.0, "a page", rule)

    assert compare("x", sample, expected).holds
    assert not compare("x", [value - sample[0] for value in sample], expected).holds


def test_what_was_measured_under_other_rules_is_not_judged() -> None:
    finding = compare("x", [1.0, 2.0], Expected(99.0, 0.0, "another exchange", Rule.BESIDE))

    assert finding.holds
    assert finding.verdict == "—"


def test_one_run_has_no_interval() -> None:
    with pytest.raises(ValueError, match="at least two runs"):
        compare("x", [1.0], EXPECTED)


def test_an_unknown_experiment_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(NotFound, match="did you mean 'call_vs_cda'"):
        catalogue.find("call_vs_cd")


def test_quick_makes_a_tenth_of_the_runs() -> None:
    assert catalogue.find("call_vs_cda").quick().design.seeds == tuple(range(1, 11))
