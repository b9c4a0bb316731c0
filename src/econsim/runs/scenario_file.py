"""Scenario files: shipped ones by name, others by path; an error names the file, line, key and remedy.

Reads TOML and turns a schema's complaint into such an error. Called by the command line, the experiments and the tests.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from re import search
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from econsim.domain.agent.conditions import check_conditions
from econsim.domain.expectation.checks import check_expectations
from econsim.domain.scenario.warnings import warnings
from econsim.errors import ScenarioError
from econsim.runs.scenario_lines import Key, line_of
from econsim.runs.value_errors import sentence
from econsim.schemas.expectation import FORMS, UNKNOWN_FORM, MeasureExpectation
from econsim.schemas.expectation_parts import OPERATORS, Bound, EventPattern
from econsim.schemas.json_schema import DocumentedJsonSchema
from econsim.schemas.money import printed_value
from econsim.schemas.scenario import (
    OPTIONS_FILL_IN,
    SCENARIO_BYTES_MAX,
    Clock,
    Group,
    Market,
    Role,
    Scenario,
    ScriptedAction,
)
from econsim.schemas.scenario_changes import PeriodChange
from econsim.schemas.scenario_cognition import Cognition, LlmModel, Offer, Thinking
from econsim.schemas.scenario_parts import WRONG, Draw
from econsim.schemas.scenario_people import ScriptedPerson
from econsim.schemas.scenario_tools import OfferedTool, RecordedAnswer

SUFFIX: Final = ".toml"
"""Suffix of scenario files."""

TEMPLATE: Final = "_template"
"""Name of the shipped file that `econsim new` writes; it is not listed as a scenario."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""Character that some editors write at the beginning of a file; it has no meaning."""

TABLES: Final[dict[str, type[BaseModel]]] = {
    "": Scenario,
    "clock": Clock,
    "markets": Market,
    "agents": Group,
    "roles": Role,
    "draw": Draw,
    "changes": PeriodChange,
    "script": ScriptedAction,
    "expectations": MeasureExpectation,
    **{form.__name__: form for form in FORMS.values()},
    **dict.fromkeys(("event", "events", "trigger", "first", "at", "until"), EventPattern),
    **dict.fromkeys(("within", "per", "max_gap", "at_most", "lasting"), Bound),
    "cognition": Cognition,
    "models": LlmModel,
    "offers": Offer,
    "thinking": Thinking,
    "tools": OfferedTool,
    "people": ScriptedPerson,
    "answers": RecordedAnswer,
}
"""Table of a scenario file → the schema whose keys it takes; an expectation's table goes by the schema of its form."""

CHANGED_AS: Final = {"price_min": "price_floor", "price_max": "price_ceiling"}
"""Key of a market → the key of a change that gives it another value, where they differ."""

_FORM_SCHEMAS: Final = frozenset(form.__name__ for form in FORMS.values())

_SHIPPED: Final = files("econsim.runs.scenarios")


def names() -> tuple[str, ...]:
    """Return the names of the scenarios in the package, sorted."""
    found = [entry.name.removesuffix(SUFFIX) for entry in _SHIPPED.iterdir() if entry.name.endswith(SUFFIX)]
    return tuple(sorted(name for name in found if name != TEMPLATE))


def load(path_or_name: str | Path) -> Scenario:
    """Return a shipped scenario by its name, or the one in a file.

    Policies of one's own that it names are looked for beside the file first, loaded, and entered with the digests of their sources.
    Raises ScenarioError naming file, line, key and remedy.
    """
    return parse(*_text(path_or_name), directory_of(path_or_name))


def scenario_warnings(path_or_name: str | Path, changed: Scenario | None = None) -> tuple[str, ...]:
    """Return warnings about valid values that are probably mistakes, each with file, line, key and remedy.

    `changed` is the file's scenario with other settings, if they are to be judged. Raises what `load` raises.
    """
    text, file = _text(path_or_name)
    found = warnings(changed or parse(text, file, directory_of(path_or_name)))
    return tuple(str(_error(file, line_of(text, w.key), _dotted_key(w.key), w.what, w.remedy)) for w in found)


def directory_of(path_or_name: str | Path, shipped: Path = Path()) -> Path:
    """Return the directory in which policies of a scenario are looked for first: its file's; for a shipped one the other, or where the command runs."""
    return shipped if str(path_or_name) in names() else Path(path_or_name).parent


def _text(path_or_name: str | Path) -> tuple[str, str]:
    """Return the text of a shipped scenario or of a file, and the file's name."""
    name = str(path_or_name)
    if name in names():
        return _shipped_text(name), f"{name}{SUFFIX}"
    try:
        text = Path(path_or_name).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _unknown(name) from None
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    return text, name


def parse(text: str, file: str = "scenario.toml", directory: Path | None = None) -> Scenario:
    """Return the scenario that TOML text describes; `file` is for messages. Raises ScenarioError.

    Policies of one's own are looked for in `directory` first.
    """
    try:
        document = tomllib.loads(text.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as error:
        found = search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise _error(file, line, "", f"is not TOML: {error}", "correct the line, or the one before") from None
    for name in sorted(OPTIONS_FILL_IN & document.keys()):
        raise _error(file, line_of(text, (name,)), name, *_not_a_key((name,)))
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise _explain(_first(error.errors()), text, file) from None
    try:
        check_conditions(scenario)
        check_tools(scenario)
        check_expectations(scenario)
        scenario = with_sources(scenario, directory)
    except ScenarioError as error:
        key = _key_of(scenario, error)
        raise _error(file, line_of(text, key), _dotted_key(key), str(error), "") from None
    _check_size(scenario, text, file)
    return scenario


def check_tools(scenario: Scenario) -> None:
    """Refuse tools as `tool_checks.check_offered_tools` does."""
    if scenario.tools:
        from econsim.domain.scenario import tool_checks  # noqa: PLC0415 - few scenarios need what it loads

        tool_checks.check_offered_tools(scenario.tools)


def with_sources(scenario: Scenario, directory: Path | None) -> Scenario:
    """Return a scenario with the digests of its own policies, those of no others; raises as `adapters.policies.with_sources`."""
    if scenario.own_policies == tuple(each.policy for each in scenario.policies):
        return scenario
    from econsim.adapters import policies  # noqa: PLC0415 - few scenarios need what it loads

    return policies.with_sources(scenario, directory)


def template() -> str:
    """Return a commented scenario to start from; it loads as it is."""
    return _shipped_text(TEMPLATE)


def json_schema() -> str:
    """Return the JSON Schema of scenario files, as published in docs/reference/scenario.schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made from econsim.schemas.scenario; a test keeps it current.",
        **Scenario.model_json_schema(schema_generator=DocumentedJsonSchema),
    }
    schema["properties"] = {
        key: value for key, value in schema["properties"].items() if key not in OPTIONS_FILL_IN
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _check_size(scenario: Scenario, text: str, file: str) -> None:
    """Raise ScenarioError at the longest script or prompt of a scenario that is too large to be sent."""
    size = len(scenario.model_dump_json().encode())
    if size > SCENARIO_BYTES_MAX:
        _, key, what_to_shorten = max(_texts(scenario))
        what = f"the scenario is {size / 2**20:.2f} MiB as it is sent to the services ({size} bytes)"
        remedy = f"at most {SCENARIO_BYTES_MAX / 2**20:.2f} MiB ({SCENARIO_BYTES_MAX} bytes) are taken, so shorten its {what_to_shorten}"
        raise _error(file, line_of(text, key), _dotted_key(key), what, remedy)


def _texts(scenario: Scenario) -> Iterator[tuple[int, tuple[str | int, ...], str]]:
    """Yield the parts of a scenario that may be large: length in characters, key and name."""
    for place, group in enumerate(scenario.agents):
        yield len(str(group.script)), ("agents", place, "script"), "scripts"
        if group.thinking:
            yield len(group.thinking.prompt), ("agents", place, "thinking", "prompt"), "prompts"


def _shipped_text(name: str) -> str:
    return _SHIPPED.joinpath(f"{name}{SUFFIX}").read_text(encoding="utf-8")


def _unknown(name: str) -> ScenarioError:
    near = get_close_matches(name, names(), n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"the shipped scenarios are {', '.join(names())}"
    return _error(name, 0, "", "is neither a file nor a shipped scenario", remedy)


def _unreadable(name: str, error: OSError | ValueError) -> ScenarioError:
    remedy = "give a text file in UTF-8, or a name that `econsim scenarios` lists"
    if not name.strip():
        return ScenarioError(f"{name!r} is no name or file; {remedy}", remedy=remedy)
    file = name if name.isprintable() else repr(name)
    if Path(name).is_dir():
        return ScenarioError(f"{file} is a directory; name a TOML file", file=file)
    why = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
    return _error(file, 0, "", f"cannot be read: {why}", remedy)


def _first(problems: list[ErrorDetails]) -> ErrorDetails:
    """Return the problem to name: a key that is missing is probably the misspelt one beside it."""
    first = problems[0]
    near = (
        each
        for each in problems
        if each["type"] == "extra_forbidden" and each["loc"][:-1] == first["loc"][:-1]
    )
    return next(near, first) if first["type"] == "missing" else first


def _explain(problem: ErrorDetails, text: str, file: str) -> ScenarioError:
    key: Key = (*problem["loc"], *problem.get("ctx", {}).get("at", ()))
    what, remedy = _sentence(problem, key)
    key = _without_form(key)
    return _error(file, line_of(text, key), _dotted_key(key), what, remedy)


def _sentence(problem: ErrorDetails, key: Key) -> tuple[str, str]:
    """Return what is wrong and the remedy."""
    if found := _expectation_sentence(problem, key):
        return found
    if problem["type"] == "extra_forbidden":
        return _not_a_key(key)
    if problem["type"] == "missing":
        line, table = f"add a line {key[-1]} = … to this table", f"add a table [[{key[0]}]]"
        return "is missing", table if len(key) == 1 and key[0] in TABLES else line
    context = problem.get("ctx", {})
    if problem["type"] == WRONG:
        return context["what"], context["remedy"]
    if problem["type"] == "value_error":
        what, _, remedy = problem["msg"].removeprefix("Value error, ").partition("; ")
        return what, remedy
    what, remedy = sentence(problem, _table(key[:-1]))
    return what, _header(problem, key) or remedy


def _without_form(key: Key) -> Key:
    """Return a key as the file has it: without the schema of an expectation's form, and without mark of a table's key."""
    return tuple(part for part in key if part not in _FORM_SCHEMAS and part != "[key]")


def _expectation_sentence(problem: ErrorDetails, key: Key) -> tuple[str, str] | None:
    """Return what is wrong with an expectation's form or operator, and the remedy; none if it is another mistake."""
    if problem["type"] == UNKNOWN_FORM:
        table = problem["input"] if isinstance(problem["input"], dict) else {"form": problem["input"]}
        if "form" not in table:
            return "form is missing", f'add a line form = "never", or another of {", ".join(FORMS)}'
        word = table["form"]
        near = get_close_matches(str(word), FORMS, n=1, cutoff=0.5)
        return (
            f"form {printed_value(word)} is not among the forms",
            f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(FORMS)}",
        )
    if problem["type"] == "too_short" and key[-1:] == ("events",):
        return "a sequence has fewer than two events", "name at least two, in their order"
    if key[-1:] == ("[key]",):
        return "is no operator", f"write one of {' '.join(OPERATORS)}"
    return None


def _header(problem: ErrorDetails, key: Key) -> str:
    """Return the header of a table that was written as a list of tables, or the other way round; else nothing."""
    words = [part for part in _without_form(key) if isinstance(part, str)]
    if words[-1:] and words[-1] in TABLES and isinstance(problem["input"], dict):
        return f"write [[{'.'.join(words)}]], with two brackets"
    if words[-1:] and words[-1] in TABLES and isinstance(problem["input"], list):
        return f"write [{'.'.join(words)}], with one bracket"
    return ""


def _not_a_key(key: Key) -> tuple[str, str]:
    """Return the error of an unknown key, and the nearest key or all keys of its table."""
    known = [name for name in _table(key[:-1]).model_fields if name not in OPTIONS_FILL_IN]
    near = [CHANGED_AS.get(str(key[-1]), "")]
    if near[0] not in known:
        near = get_close_matches(str(key[-1]), known, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"the keys here are {', '.join(known)}"
    return "is not a key of this table", remedy


def _table(path: Key) -> type[BaseModel]:
    words = [part for part in path if isinstance(part, str)]
    return TABLES.get(words[-1], Scenario) if words else Scenario


def _key_of(scenario: Scenario, error: ScenarioError) -> Key:
    """Return the path of the key that an error of `population`, `check_offered_tools` or `check_expectations` is about."""
    if "place" in error.details:
        return ("expectations", int(error.details["place"]))
    if "change" in error.details:
        return ("changes", int(error.details["change"]))
    key = error.details["key"]
    if "market" in error.details:
        markets = [market.resource for market in scenario.markets]
        return ("markets", markets.index(error.details["market"]), key)
    if "tool" in error.details:
        tools = [tool.name for tool in scenario.tools]
        return ("tools", tools.index(error.details["tool"]), key)
    groups = [group.name for group in scenario.agents]
    return ("agents", groups.index(error.details["group"]), key)


def _dotted_key(key: Sequence[int | str]) -> str:
    """Return a path with positions from 1: `agents[2].policy` is the second group's."""
    text = ""
    for part in key:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part if part.isprintable() else repr(part)}"
    return text.removeprefix(".")


def _error(file: str, line: int, key: str, what: str, remedy: str) -> ScenarioError:
    place = f"{file}, line {line}" if line else file
    text = ": ".join(part for part in (place, key, what) if part)
    message = f"{text}; {remedy}" if remedy else text
    return ScenarioError(message, file=file, line=line, key=key, remedy=remedy)
