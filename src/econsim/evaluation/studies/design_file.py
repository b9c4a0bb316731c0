"""Reads designs of studies: TOML, or a document of Python; an error names file, line, key and remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from re import fullmatch, search
from typing import Any, Final

from econsim.errors import InvalidMessage, ScenarioError, quoted_value
from econsim.evaluation.bench.seeds import parse_seeds
from econsim.evaluation.studies.design import (
    NO_TREATMENT,
    Design,
    Setting,
    TreatmentDesign,
    design_error,
)
from econsim.runs.scenario_lines import Key
from econsim.schemas.money import printed_value
from econsim.schemas.types import NAME_LENGTH_MAX, NAME_PATTERN

SUFFIX: Final = ".toml"
"""Suffix of files of designs."""

TEMPLATE: Final = "_template"
"""Name of the shipped file that `econsim new --study` writes; it is not among the designs."""

TEXTS: Final = ("name", "title", "question", "answer", "scenario")
"""Keys of a design that hold text."""

DEPTH_MAX: Final = 16
"""Tables within each other in a design: no path of a scenario has as many words."""

KEYS: Final = (*TEXTS, "seeds", "measures", "settings", "treatments", "grid", "together")
"""Keys of a design."""

_SHIPPED: Final = files("econsim.evaluation.studies.designs")


def names() -> tuple[str, ...]:
    """Return the names of the designs in the package, sorted: those of the experiments."""
    found = (entry.name for entry in _SHIPPED.iterdir() if entry.name.endswith(SUFFIX))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in found if name != f"{TEMPLATE}{SUFFIX}"))


def template() -> str:
    """Return a commented design to start from; it can be run as it is."""
    return _SHIPPED.joinpath(f"{TEMPLATE}{SUFFIX}").read_text(encoding="utf-8")


def load(source: str | Path) -> Design:
    """Return a shipped design by its name, or the one in a file; raises ScenarioError naming file, line, key and remedy."""
    name = str(source)
    if name in names():
        text = _SHIPPED.joinpath(f"{name}{SUFFIX}").read_text(encoding="utf-8")
        return parse(text, f"{name}{SUFFIX}")
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = get_close_matches(name, names(), n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"the shipped designs are {', '.join(names())}"
        raise design_error(name, "", (), "is neither a file nor a shipped design", remedy) from None
    except (OSError, ValueError) as error:
        why = (error.strerror or "").lower() if isinstance(error, OSError) else str(error)
        shown = name if name.strip() and name.isprintable() else repr(name)
        raise design_error(shown, "", (), f"cannot be read: {why}", "give a text file in UTF-8") from None
    return parse(text, name, Path(source).parent)


def parse(text: str, file: str = "design.toml", directory: Path | None = None) -> Design:
    """Return the design that TOML text describes; scenarios are looked for in `directory`. Raises ScenarioError."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        message = f"{file}, line {line}: is not TOML: {error}; correct the line, or the one before"
        raise ScenarioError(message, file=file, line=line) from None
    return from_document(document, file, text, directory)


def from_document(
    document: Mapping[str, Any], file: str = "design", text: str = "", directory: Path | None = None
) -> Design:
    """Return the design of a document, as TOML or Python has it; raises ScenarioError naming the key, and the line if there is text."""
    reader = _DesignReader(document, file, text, directory)
    return reader.design()


@dataclass(frozen=True, slots=True)
class _DesignReader:
    """A document and where it came from."""

    document: Mapping[str, Any]
    file: str
    text: str
    directory: Path | None

    def design(self) -> Design:
        for key in self.document:
            if key not in KEYS:
                near = get_close_matches(str(key), KEYS, n=1, cutoff=0.5)
                remedy = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(KEYS)}"
                raise self.error((key,), "is not a key of a design", remedy)
        texts = {key: self._text(key) for key in TEXTS}
        if not texts["scenario"]:
            raise self.error(("scenario",), "is missing", 'add a line scenario = "smith1962"')
        name = texts["name"] or self._stem()
        self._check_name(name, ("name",))
        scenario = self._place(texts["scenario"])
        design = Design(
            name=name,
            scenario=scenario,
            seeds=self._seeds(),
            treatments=self._treatments(scenario),
            settings=dict(self._settings("settings")),
            grid=self._grid(),
            together=self._together(),
            measures=self._measures(),
            title=texts["title"],
            question=texts["question"],
            answer=texts["answer"],
            file=self.file,
            directory=self.directory,
            text=self.text,
        )
        self._check_paths(design)
        return design

    def error(self, key: Key, what: str, remedy: str) -> ScenarioError:
        return design_error(self.file, self.text, key, what, remedy)

    def _text(self, key: str) -> str:
        value = self.document.get(key, "")
        if isinstance(value, Path):
            value = str(value)
        if not isinstance(value, str):
            raise self.error((key,), f"{printed_value(value)} is no text", "write it in quotes")
        return value

    def _stem(self) -> str:
        stem = Path(self.file).stem
        return stem if fullmatch(NAME_PATTERN, stem) and len(stem) <= NAME_LENGTH_MAX else "study"

    def _place(self, scenario: str) -> str:
        """Return a scenario as it can be loaded from here: a file beside the design by its path."""
        beside = self.directory / scenario if self.directory and "\0" not in scenario else None
        return str(beside) if beside and beside.is_file() else scenario

    def _check_name(self, name: str, key: Key) -> None:
        if not fullmatch(NAME_PATTERN, name) or len(name) > NAME_LENGTH_MAX:
            remedy = f"use 1 to {NAME_LENGTH_MAX} of a-z 0-9 _ -, a letter or digit first"
            raise self.error(key, f"{quoted_value(name)} is no name", remedy)

    def _seeds(self) -> tuple[int, ...]:
        given = self.document.get("seeds")
        if given is None:
            raise self.error(("seeds",), "is missing", 'add a line seeds = "1..200"')
        written = given if isinstance(given, str) else None
        if isinstance(given, int) and not isinstance(given, bool):
            written = str(given)
        if isinstance(given, list | tuple | range):
            wrong = [each for each in given if not isinstance(each, int) or isinstance(each, bool)]
            if wrong:
                raise self.error(("seeds",), f"{printed_value(wrong[0])} is no seed", "write whole numbers")
            written = ",".join(map(str, given))
        if written is None:
            raise self.error(("seeds",), f"{printed_value(given)} names no seeds", 'write "1..200" or a list')
        try:
            return parse_seeds(written)
        except InvalidMessage as error:
            what, _, remedy = str(error).rpartition("; ")
            raise self.error(("seeds",), what, remedy) from None

    def _treatments(self, scenario: str) -> tuple[TreatmentDesign, ...]:
        tables = self._table("treatments")
        if tables is None:
            return (TreatmentDesign(NO_TREATMENT, scenario, {}),)
        if not tables:
            raise self.error(("treatments",), "names no treatment", "leave it out, or add [treatments.NAME]")
        found = []
        for name, table in tables.items():
            key: Key = ("treatments", name)
            self._check_name(name, key)
            if not isinstance(table, Mapping):
                raise self.error(key, f"{printed_value(table)} is no table", f"write [treatments.{name}]")
            other = table.get("scenario", scenario)
            if not isinstance(other, str):
                raise self.error(
                    (*key, "scenario"), f"{printed_value(other)} is no text", "write it in quotes"
                )
            rest = {each: value for each, value in table.items() if each != "scenario"}
            place = scenario if other == scenario else self._place(other)
            found.append(TreatmentDesign(name, place, self._flat(rest, key)))
        return tuple(found)

    def _grid(self) -> dict[str, tuple[Setting, ...]]:
        found = self._lists("grid")
        for settings in found.values():
            values = [each.value for each in settings]
            for place, value in enumerate(values):
                if value in values[:place]:
                    what = f"{printed_value(value)} stands there twice"
                    raise self.error(settings[0].key, what, "name each value once")
        return found

    def _together(self) -> dict[str, tuple[Setting, ...]]:
        found = self._lists("together")
        if len(found) == 1:
            raise self.error(
                ("together",), "has one path, which varies with no other", "write it below [grid]"
            )
        first = next(iter(found.values()), ())
        for settings in found.values():
            if len(settings) != len(first):
                what = (
                    f"has {len(settings)} values, and {'.'.join(map(str, first[0].key[1:]))} has {len(first)}"
                )
                raise self.error(settings[0].key, what, "give every path as many values")
        return found

    def _lists(self, key: str) -> dict[str, tuple[Setting, ...]]:
        """Return path → values of a table of lists; nothing if there is none."""
        table = self._table(key)
        if table is None:
            return {}
        if not table:
            remedy = "leave it out, or give a path its values, like [10, 20]"
            raise self.error((key,), "has no path", remedy)
        found: dict[str, tuple[Setting, ...]] = {}
        for path, given in self._flat(table, (key,)).items():
            values = given.value
            if not isinstance(values, list | tuple | range):
                raise self.error(
                    given.key, f"{printed_value(values)} is no list", "write the values in brackets"
                )
            if not values:
                raise self.error(given.key, "has no values", "give it at least two, or leave it out")
            found[path] = tuple(Setting(value, given.key) for value in values)
        return found

    def _measures(self) -> tuple[str, ...]:
        given = self.document.get("measures", ())
        if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
            remedy = 'write their names in a list, like ["efficiency"]'
            raise self.error(("measures",), f"{printed_value(given)} are no measures", remedy)
        if twice := [each for each in given if given.count(each) > 1]:
            raise self.error(("measures",), f"{twice[0]!r} stands there twice", "name each measure once")
        return tuple(given)

    def _settings(self, key: str) -> Mapping[str, Setting]:
        return self._flat(self._table(key) or {}, (key,))

    def _table(self, key: str) -> Mapping[str, Any] | None:
        table = self.document.get(key)
        if table is not None and not isinstance(table, Mapping):
            raise self.error((key,), f"{printed_value(table)} is no table", f"write its keys below [{key}]")
        return table

    def _flat(self, table: Mapping[str, Any], key: Key) -> dict[str, Setting]:
        """Return path → value of a table, whether its paths are written in quotes or not."""
        found: dict[str, Setting] = {}
        for path, place, value in _leaves(table, "", key):
            if path in found:
                raise self.error(place, f"{path} is given twice", "give it once")
            if len(place) > DEPTH_MAX:
                raise self.error(
                    key, "has tables within tables within tables", "write paths like clock.periods"
                )
            found[path] = Setting(value, place)
        return found

    def _check_paths(self, design: Design) -> None:
        """Refuse a path that is set in two places: one of them would do nothing."""
        for path in design.grid:
            if path in design.together:
                what = f"{path} is in the grid too"
                raise self.error(design.together[path][0].key, what, "leave one of them out")
        for treatment in design.treatments:
            for path, setting in treatment.settings.items():
                if path in design.varied:
                    raise self.error(setting.key, f"{path} is in the grid too", "leave one of them out")
        for path, values in design.varied.items():
            if path == "seed" or path in design.settings:
                what = f"{path} is set elsewhere too" if path in design.settings else "seeds are no grid"
                raise self.error(values[0].key, what, "leave one of them out")
        for table in (design.settings, *(each.settings for each in design.treatments)):
            if "seed" in table:
                raise self.error(
                    table["seed"].key, "seeds are no setting of a study", 'write seeds = "1..200"'
                )


def _leaves(table: Mapping[str, Any], before: str, key: Key) -> Iterator[tuple[str, Key, object]]:
    for name, value in table.items():
        path, place = f"{before}{name}", (*key, str(name))
        if isinstance(value, Mapping) and len(place) <= DEPTH_MAX:
            yield from _leaves(value, f"{path}.", place)
        else:
            yield path, place, value
