"""The conditions of a design: the scenario of every treatment at every point of the grid, and the plan of their runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from econsim.errors import ScenarioError
from econsim.evaluation.bench.period_measures import whole_measure, why_no_measure
from econsim.evaluation.bench.plan import Plan, StudyCondition, StudyPlan, Treatment, make_plan
from econsim.evaluation.bench.results import measure_names
from econsim.evaluation.studies.design import NO_TREATMENT, Design, Setting, TreatmentDesign
from econsim.runs import scenario_file
from econsim.runs.overrides import why_not_in_memory
from econsim.runs.settings import setting_of, with_settings
from econsim.schemas.scenario import Scenario


def study_plan(design: Design, batch: str) -> tuple[Plan, StudyPlan]:
    """Return the plan of a study's runs, and what its conditions are.

    Raises ScenarioError for a scenario or path that there is not, a scenario that cannot be run in memory, two conditions that are the
    same, and a measure that no condition has, or over periods that one of them has not.
    """
    design.check_size()
    paths = _paths(design)
    treatments, conditions = [], []
    seen: dict[str, str] = {}
    scenarios: list[Scenario] = []
    for treatment, point, scenario in _scenarios(design):
        label = scenario.name if treatment.name == NO_TREATMENT else treatment.name
        values = {path: _plain(setting_of(scenario, path)) for path in paths}
        name = _name(label, point, values)
        text = scenario.model_dump_json()
        if text in seen:
            what = f"{name!r} is the same as {seen[text]!r}"
            raise design.error(("treatments", treatment.name), what, "change it, or leave one of them out")
        seen[text] = name
        given = {path: json.dumps(value) for path, value in values.items()}
        treatments.append(Treatment(name=name, scenario=text, overrides=given))
        conditions.append(StudyCondition(name=name, treatment=label, values=values))
        scenarios.append(scenario)
    _check_measures(design, scenarios)
    study = StudyPlan(
        title=design.title or design.name,
        question=design.question,
        answer=design.answer,
        paths=paths,
        grid=tuple(design.varied),
        together=tuple(design.together),
        conditions=tuple(conditions),
        measures=design.measures,
        design=design.text,
    )
    return make_plan(batch, treatments, design.seeds), study


def _scenarios(design: Design) -> Iterator[tuple[TreatmentDesign, dict[str, Setting], Scenario]]:
    loaded: dict[str, Scenario] = {}
    for treatment in design.treatments:
        if treatment.scenario not in loaded:
            loaded[treatment.scenario] = _load(design, treatment)
        for point in design.points():
            given = design.settings | treatment.settings | point
            yield treatment, point, _set(design, treatment, loaded[treatment.scenario], given)


def _load(design: Design, treatment: TreatmentDesign) -> Scenario:
    """Return a treatment's scenario without its expectations, which are of its own settings."""
    found = scenario_file.load(treatment.scenario)
    if reason := why_not_in_memory(found):
        remedy = "a study runs in memory; `econsim bench run --transport nats` runs what needs a server"
        raise design.error(("scenario",), f"scenario {found.name!r} {reason}", remedy)
    return found.model_copy(update={"expectations": (), "unjudged": {}})


def _set(
    design: Design, treatment: TreatmentDesign, scenario: Scenario, settings: Mapping[str, Setting]
) -> Scenario:
    try:
        values = {path: setting.value for path, setting in settings.items()}
        directory = scenario_file.directory_of(treatment.scenario, design.directory or Path())
        found = with_settings(scenario, values, directory)
    except ScenarioError as error:
        setting = settings.get(error.details.get("key", ""))
        key = setting.key if setting and setting.key else ("treatments", treatment.name)
        raise design.error(key, str(error), "") from None
    if reason := why_not_in_memory(found):
        raise design.error(("treatments", treatment.name), f"it {reason}", "a study runs in memory")
    return found


def _paths(design: Design) -> tuple[str, ...]:
    """Return the paths in which conditions differ, or may: those of the treatments, then those of the grid."""
    of_treatments = dict.fromkeys(path for each in design.treatments for path in each.settings)
    return (*of_treatments, *design.varied)


def _check_measures(design: Design, scenarios: Sequence[Scenario]) -> None:
    """Raise ScenarioError for a measure that no scenario has, and for periods that do not fit each that has the measure."""
    names = [measure_names(each) for each in scenarios]
    known = [*dict.fromkeys(name for each in names for name in each)]
    for measure in design.measures:
        lengths = [
            scenario.clock.periods
            for scenario, own in zip(scenarios, names, strict=True)
            if whole_measure(measure) in own
        ]
        if found := why_no_measure(measure, known, min(lengths, default=0)):
            raise design.error(("measures",), *found)


def _name(treatment: str, point: Mapping[str, Setting], values: Mapping[str, object]) -> str:
    """Return the name of a condition, with the values of the grid as they were given."""
    at = (f"{path}={_text(setting.value, values[path])}" for path, setting in point.items())
    return " ".join((treatment, *at))


def _text(value: object, plain: object) -> str:
    """Return a value as JSON; of a number of NumPy or a class, as the scenario has it."""
    return json.dumps(value, default=lambda _: plain)


def _plain(value: object) -> str | int | float | bool | None:
    """Return a value as a column holds it: a number for money, text of JSON for lists."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if value is None or isinstance(value, int | float | bool):
        return value
    return json.dumps(value)
