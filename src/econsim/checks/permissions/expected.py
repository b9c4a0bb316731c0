"""What is meant: `expected.toml`, which is written by hand, as cells of the matrix."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from econsim.checks.permissions.probes import Probe, concrete_subject
from econsim.errors import SetupError
from econsim.schemas.subject import ANSWERED, DOMAINS
from econsim.subjects import TABLE

PUBLISH: Final = "P"
"""Who has it may say something."""

SUBSCRIBE: Final = "S"
"""Who has it hears something."""

Cell = tuple[str, str, str]
"""The table, the row's name, the party."""

Cells = Mapping[Cell, str]
"""Rights, `P`, `S` or `PS`, of every cell that is not empty."""


@dataclass(frozen=True, slots=True)
class PermissionMatrix:
    """Who may do what, as it is meant or as it is."""

    cells: Cells
    """What each party may do in and to account `SIM`, and in the system account."""
    says: Mapping[str, str]
    """What an external agent says, by its short name → what it is when it arrives."""
    hears: Mapping[str, str]
    """What an external agent hears, by its short name → what it was when it was said."""


def expected_matrix(rows: Iterable[Probe]) -> PermissionMatrix:
    """Return what is meant; raises SetupError if the file names what is not tried, or leaves out a subject."""
    file = tomllib.loads(files("econsim.checks.permissions").joinpath("expected.toml").read_text())
    tables = {(probe.group, probe.name) for probe in rows}
    groups: dict[str, str] = file["groups"]
    cells: dict[Cell, str] = {}
    subjects = {name: group for group, name in tables if group in DOMAINS and name in file["subjects"]}
    for name, rights in file["subjects"].items():
        cells |= _cells(subjects.get(name, "subjects"), name, rights, groups)
    for group in ("outside", "inboxes", "buckets", "server"):
        for name, rights in file[group].items():
            cells |= _cells(group, name, rights, groups)
    cells |= _queue_group_cells(cells, file["queue_groups"]["shared"], groups)
    for stream, words in file["streams"].items():
        for word, parties in words.items():
            for call in file["calls"][word]:
                cells |= _cells(stream, call.replace("{stream}", stream), {PUBLISH: parties}, groups)
    _check(cells, tables, set(file["subjects"]))
    external = file["external"]
    return PermissionMatrix(cells, _concrete_names(external["says"]), _concrete_names(external["hears"]))


def _cells(group: str, name: str, rights: Mapping[str, str], groups: Mapping[str, str]) -> dict[Cell, str]:
    """Return the cells of one row."""
    found: dict[Cell, str] = {}
    for right in (PUBLISH, SUBSCRIBE):
        for word in rights.get(right, "").split():
            for party in groups.get(word, word).split():
                found[group, name, party] = found.get((group, name, party), "") + right
    return found


def _queue_group_cells(cells: Cells, parties: str, groups: Mapping[str, str]) -> dict[Cell, str]:
    """Return the cells of queue groups: who shares what it is asked with its like, for all it answers."""
    sharing = [party for word in parties.split() for party in groups.get(word, word).split()]
    return {
        ("queue groups", row.template, party): SUBSCRIBE
        for row in TABLE
        for party in sharing
        if row.kind in ANSWERED
        and SUBSCRIBE in cells.get((row.template.partition(".")[0], row.template, party), "")
    }


def _concrete_names(names: Mapping[str, str]) -> dict[str, str]:
    return {concrete_subject(short): concrete_subject(long) for short, long in names.items()}


def _check(cells: Cells, tables: set[tuple[str, str]], told: set[str]) -> None:
    """Raise SetupError unless the file's rows are among those that are tried, and all subjects among the file's."""
    strange = sorted({(group, name) for group, name, _ in cells} - tables)
    missing = sorted(name for group, name in tables if group in DOMAINS and name not in told)
    if strange or missing:
        message = (
            f"expected.toml has lines about what is not tried: {strange}; it lacks lines about {missing}"
        )
        raise SetupError(message)
