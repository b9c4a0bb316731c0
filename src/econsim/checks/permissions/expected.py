"""The expected permissions: `expected.toml`, which a person writes, as cells of a matrix."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from econsim.checks.permissions.probes import Probe, concrete_subject
from econsim.errors import SetupError
from econsim.schemas.subject import DOMAINS, SHARED
from econsim.subjects import TABLE

PUBLISH: Final = "P"
"""Right to publish."""

SUBSCRIBE: Final = "S"
"""Right to subscribe."""

Cell = tuple[str, str, str]
"""Table, name of the row, party."""

Cells = Mapping[Cell, str]
"""Rights of every cell that is not empty: P to publish, S to subscribe, or both."""


@dataclass(frozen=True, slots=True)
class PermissionMatrix:
    """Permissions of all parties, expected or measured."""

    cells: Cells
    """Rights of each party in account `SIM` and in the system account."""
    publishes: Mapping[str, str]
    """Short name under which an external agent publishes → subject under which the message arrives."""
    receives: Mapping[str, str]
    """Short name to which an external agent subscribes → subject under which the message was published."""


def expected_matrix(rows: Iterable[Probe]) -> PermissionMatrix:
    """Return the expected permissions; raises SetupError if the file has a row without probe, or lacks a subject."""
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
    return PermissionMatrix(
        cells, _concrete_names(external["publishes"]), _concrete_names(external["receives"])
    )


def _cells(group: str, name: str, rights: Mapping[str, str], groups: Mapping[str, str]) -> dict[Cell, str]:
    """Return the cells of one row."""
    found: dict[Cell, str] = {}
    for right in (PUBLISH, SUBSCRIBE):
        for word in rights.get(right, "").split():
            for party in groups.get(word, word).split():
                found[group, name, party] = found.get((group, name, party), "") + right
    return found


def _queue_group_cells(cells: Cells, parties: str, groups: Mapping[str, str]) -> dict[Cell, str]:
    """Return the cells of queue groups: parties that share the requests they answer."""
    sharing = [party for word in parties.split() for party in groups.get(word, word).split()]
    return {
        ("queue groups", row.template, party): SUBSCRIBE
        for row in TABLE
        for party in sharing
        if row.kind in SHARED
        and SUBSCRIBE in cells.get((row.template.partition(".")[0], row.template, party), "")
    }


def _concrete_names(names: Mapping[str, str]) -> dict[str, str]:
    return {concrete_subject(short): concrete_subject(long) for short, long in names.items()}


def _check(cells: Cells, tables: set[tuple[str, str]], listed: set[str]) -> None:
    """Raise SetupError unless each row of the file has a probe, and each subject a row."""
    unknown = sorted({(group, name) for group, name, _ in cells} - tables)
    missing = sorted(name for group, name in tables if group in DOMAINS and name not in listed)
    if unknown or missing:
        message = f"expected.toml has lines without a probe: {unknown}; it lacks lines about {missing}"
        raise SetupError(message)
