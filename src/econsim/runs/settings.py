"""Settings: values of a scenario replaced by their path, as `--set`, designs of studies and the Python API give them.

A path goes by names, not by places: `clock.periods`, `markets.cpu.tick_size`, `agents.lab.count`, `agents.lab.roles.cpu.first`. Changes
have no names, so they go by their number in the file, from 1: `changes.2.price_ceiling`.
What a scenario file could not say, a setting cannot either: the whole scenario is checked again.
"""

from __future__ import annotations

import numbers
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from econsim.domain.agent.conditions import check_conditions
from econsim.errors import InvalidMessage, ScenarioError, quoted_value
from econsim.runs.overrides import is_reached
from econsim.runs.scenario_file import check_tools, with_sources
from econsim.runs.value_errors import sentence
from econsim.schemas.expectation import INVARIANTS
from econsim.schemas.money import printed_value
from econsim.schemas.scenario import OPTIONS_FILL_IN, Group, Market, Role, Scenario
from econsim.schemas.scenario_changes import PeriodChange
from econsim.schemas.scenario_cognition import LlmModel
from econsim.schemas.scenario_parts import WRONG
from econsim.schemas.scenario_people import ScriptedPerson
from econsim.schemas.scenario_tools import OfferedTool

Key: TypeAlias = tuple[int | str, ...]
"""Place of a value in the JSON of a scenario: names of keys, and positions (from 0) in lists."""

NAMED_BY: Final[Mapping[type[BaseModel], str]] = {
    Market: "resource",
    Group: "name",
    Role: "resource",
    LlmModel: "name",
    OfferedTool: "name",
    ScriptedPerson: "name",
}
"""Table that a scenario has several of → the key whose value names it in a path."""

NO_SETTING: Final = OPTIONS_FILL_IN | {"name", "title", "description", "instructions", "expectations"}
"""Keys of a scenario that change no run of it."""

SAME_CONDITIONS: Final = frozenset({"seed", "hosts", "clock.periods"})
"""Settings under which the expectations of a scenario are still those of its file."""

CHANGED: Final = "the scenario's settings were changed"
"""Reason why an expectation is not judged."""

NEAR: Final = 0.5
"""Least likeness of a wrong path and the one that is offered instead, as `difflib` measures it."""

FORM: Final = "write PATH=VALUE, like markets.cpu.tick_size=0.05"
"""Right form of a setting in one text."""


def parse_setting(text: str) -> tuple[str, object]:
    """Return path and value of `PATH=VALUE`; the value is one of TOML, or else text: `zip` is `"zip"`.

    Raises InvalidMessage with the right form.
    """
    path, equals, written = (part.strip() for part in text.partition("="))
    if not (path and equals and written):
        message = f"{quoted_value(text)} is no setting; {FORM}"
        raise InvalidMessage(message)
    try:
        document = tomllib.loads(f"value = {written}")
    except (ValueError, RecursionError) as error:
        if written[0] in "[{\"'":
            message = f"the value of {quoted_value(text)} is no value of TOML: {error}"
            raise InvalidMessage(message) from None
        return path, written
    # More keys than one: the text had lines of its own.
    return path, document["value"] if len(document) == 1 else written


def with_settings(
    scenario: Scenario, settings: Mapping[str, object], directory: Path | None = None
) -> Scenario:
    """Return the scenario with values by path instead of its own, as a scenario file would write them (money in credits).

    Policies of one's own that a scenario did not name before are looked for in `directory` first, or where its others are.

    Expectations are of the scenario's own values: other settings than seed, hosts and periods leave all but invariants unjudged.
    Raises ScenarioError naming the path, and the nearest right one or the remedy.
    """
    document = scenario.model_dump(mode="json") | {"expectations": []}
    places = dict(_places(Scenario, document))
    settings = {str(path): _as_written(value) for path, value in settings.items()}
    for path, value in settings.items():
        if path not in places:
            raise _unknown(path, places)
        _put(document, places[path], value)
    _leave_out_unreached(document, settings)
    place = Path(scenario.policies_from) if scenario.policies_from else directory
    changed = _validate(document, settings, places, place)
    written = changed.model_dump(mode="json")
    before = scenario.model_dump(mode="json")
    other = {path for path in settings if _get(written, places[path]) != _get(before, places[path])}
    return _still_judged(scenario, changed, is_same=other <= SAME_CONDITIONS)


def setting_paths(scenario: Scenario) -> tuple[str, ...]:
    """Return the paths that can be set in a scenario, in its order."""
    return tuple(path for path, _ in _places(Scenario, scenario.model_dump(mode="json")))


def setting_of(scenario: Scenario, path: str) -> object:
    """Return the value at a path as JSON has it, money as text in credits; none for what the scenario leaves out or has not."""
    document = scenario.model_dump(mode="json")
    place = dict(_places(Scenario, document)).get(path)
    return None if place is None else _get(document, place)


def _places(table: type[BaseModel], document: Mapping[str, Any]) -> Iterator[tuple[str, Key]]:
    """Yield the path and the place of every value of a table; one that the table leaves out may be set too."""
    for key, field in table.model_fields.items():
        if key != NAMED_BY.get(table) and not (table is Scenario and key in NO_SETTING):
            yield from _places_below(key, _table(field.annotation), document.get(key))


def _places_below(key: str, inner: type[BaseModel] | None, value: Any) -> Iterator[tuple[str, Key]]:  # noqa: ANN401 - JSON
    """Yield the path and the place of a value; of a table, or tables with names, those of every value in it.

    Changes of periods have numbers for names, and can be replaced as a whole, too.
    """
    if inner in {None, PeriodChange}:
        yield key, (key,)
    if inner is None:
        return
    rows: list[tuple[str, Key, Any]] = [(key, (key,), value or {})]
    if inner in NAMED_BY or inner is PeriodChange:
        name = NAMED_BY.get(inner, "")
        rows = [(f"{key}.{row.get(name, n + 1)}", (key, n), row) for n, row in enumerate(value or ())]
    for path, place, row in rows:
        for inner_path, inner_place in _places(inner, row):
            yield f"{path}.{inner_path}", (*place, *inner_place)


def _table(annotation: object) -> type[BaseModel] | None:
    """Return the schema of a key that holds a table, or tables with names; none if it holds a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
    several = Ellipsis in get_args(annotation)
    return inner[0] if len(inner) == 1 and (not several or inner[0] in {*NAMED_BY, PeriodChange}) else None


def _put(document: dict[str, Any], place: Key, value: object) -> None:
    """Set a value, making the tables on the way that the scenario leaves out."""
    here: Any = document
    for key in place[:-1]:
        if isinstance(key, str) and here.get(key) is None:
            here[key] = {}
        here = here[key]
    here[place[-1]] = value


def _as_written(value: object) -> object:
    """Return a number of Python or NumPy as a file has it; anything else as it is."""
    match value:
        case bool() | int() | float():
            return value
        case Decimal():
            return f"{value:f}"
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            return float(value)
        case _:
            return value


def _leave_out_unreached(document: dict[str, Any], settings: Mapping[str, object]) -> None:
    """Leave out the changes of periods that a shortened run does not come to, as `--periods` does."""
    periods, changes = settings.get("clock.periods"), document.get("changes")
    if isinstance(periods, int) and changes and "changes" not in settings:
        document["changes"] = [
            {key: value for key, value in change.items() if key != "last_period" or value < periods}
            for change in changes
            if change["first_period"] <= periods
        ]


def _get(document: Any, place: Key) -> object:  # noqa: ANN401 - JSON
    """Return the value at a place; none if the scenario leaves it or its table out."""

    def inside(here: Any, key: int | str) -> Any:  # noqa: ANN401 - JSON
        if isinstance(key, int):
            return here[key] if key < len(here or ()) else None
        return (here or {}).get(key)

    return reduce(inside, place, document)


def _validate(
    document: object, settings: Mapping[str, object], places: Mapping[str, Key], directory: Path | None
) -> Scenario:
    """Return the scenario of a document; raises ScenarioError naming the path that is wrong."""
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise _explain(error.errors()[0], settings, places) from None
    try:
        check_conditions(scenario)
        check_tools(scenario)
        return with_sources(scenario, directory)
    except ScenarioError as error:
        at = next(
            (
                f"{table}.{error.details[kind]}"
                for kind, table in (("group", "agents"), ("market", "markets"), ("tool", "tools"))
                if kind in error.details
            ),
            "",
        )
        path = f"{at}.{error.details.get('key', '')}"
        raise _error(path, str(error), "", settings) from None


def _explain(
    problem: ErrorDetails, settings: Mapping[str, object], places: Mapping[str, Key]
) -> ScenarioError:
    context = problem.get("ctx", {})
    key: Key = (*problem["loc"], *context.get("at", ()))
    found = [path for path, place in places.items() if key[: len(place)] == place]
    path = max(found, key=len) if found else ".".join(map(str, key))
    if problem["type"] == WRONG:
        return _error(path, context["what"], context["remedy"], settings)
    if problem["type"] == "value_error":
        what, _, remedy = problem["msg"].removeprefix("Value error, ").partition("; ")
        return _error(path, what, remedy, settings)
    if problem["type"] == "missing":
        return _error(path, "is missing", "set it too", settings)
    what, remedy = sentence(problem, _table_at(problem["loc"]))
    return _error(path, what, remedy, settings)


def _table_at(key: Key) -> type[BaseModel]:
    """Return the schema of the table that a key is in; of one inside a value, that of the value's table."""
    table: type[BaseModel] = Scenario
    for name in key[:-1]:
        field = table.model_fields.get(name) if isinstance(name, str) else None
        table = (_table(field.annotation) if field else None) or table
    return table


def _error(path: str, what: str, remedy: str, settings: Mapping[str, object]) -> ScenarioError:
    text = f"{path.strip('.')}: {what}" if path.strip(".") else what
    if path not in settings:
        # The mistake shows elsewhere than at what was set.
        given = ", ".join(f"{each} = {printed_value(value)}" for each, value in settings.items())
        text = f"with {given}: {text}"
    message = f"{text}; {remedy}" if remedy else text
    return ScenarioError(message, key=path, remedy=remedy)


def _unknown(path: str, known: Mapping[str, Key]) -> ScenarioError:
    inside = [each.removeprefix(f"{path}.") for each in known if each.startswith(f"{path}.")]
    if inside:
        shown = sorted({each.partition(".")[0] for each in inside})
        message = f"{path}: is a table; set one of its keys: {', '.join(shown)}"
        return ScenarioError(message, key=path)
    last = path.rpartition(".")[2]
    near = get_close_matches(path, known, n=1, cutoff=NEAR) or [
        each for each in known if last and each.endswith(f".{last}")
    ]
    first = sorted({each.partition(".")[0] for each in known})
    remedy = f"did you mean {near[0]!r}?" if near else f"paths begin with {', '.join(first)}"
    message = f"{quoted_value(path)} is no setting of this scenario; {remedy}"
    return ScenarioError(message, key=path, remedy=remedy)


def _still_judged(scenario: Scenario, changed: Scenario, *, is_same: bool) -> Scenario:
    """Return the changed scenario with the expectations that still apply; the others are counted with the reason."""
    reached = [each for each in scenario.expectations if is_reached(each, changed.clock.periods)]
    kept = [each for each in reached if is_same or each.form in INVARIANTS]
    left_out = {
        CHANGED: len(reached) - len(kept),
        "the run does not come to their periods": len(scenario.expectations) - len(reached),
    }
    unjudged = scenario.unjudged | {reason: number for reason, number in left_out.items() if number}
    return changed.model_copy(update={"expectations": tuple(kept), "unjudged": unjudged})
