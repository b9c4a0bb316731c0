"""The page docs/reference/permissions.md: the expected and the measured permissions, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from econsim.checks.permissions.expected import PermissionMatrix
from econsim.checks.permissions.probes import CALLS, PARTIES, Probe
from econsim.schemas.subject import DOMAINS
from econsim.streams import STREAMS

HEAD: Final = """# Permissions

The rights of every user to publish and to subscribe: every subject, every stream, every call of JetStream's API.
`econsim catalog --permissions` makes this page: it starts a server, connects as each user and tries all of it; a test
does the same and keeps the page current. A person writes the expected rights in
[expected.toml](../../src/econsim/checks/permissions/expected.toml); the rights on the server are generated from
`econsim.identity.roles` and `econsim.identity.agent_account`.

{count}

`P`: the user may publish, the message arrived. `S`: the user may subscribe, by some pattern. `·`: neither. `P≠·` is a
difference: expected, then actual. A row or a column that a table leaves out has nothing but `·`.
Queue groups have a table of their own: the members of a group of one name share its messages, in whatever account they
are. Every subscription was tried in the group of the user's own name, and in another.

The first eight columns are users of account `SIM`: the services, then `operator` for people who command, and `setup`, which
creates streams. `observer`, which reads everything, and `auditor`, which reads the log, live in account `READERS`: they
have the right to requests that are answered in `SIM`. `sys` is the user of the system account. `external` is an agent in
an account of its own, which tried all names of `SIM` too; its own names are
[further down](#agents-in-accounts-of-their-own).
"""

LIMITS: Final = """
## What this does not show

A server checks the subject of a message, not its reply subject. A user with the right to a request to JetStream in `SIM`
can name any reply subject, and the answer is sent there: so a stored message can be copied to a subject on which the
user may not publish. Only services can do that. Operators have no right to a request to JetStream, services refuse
foreign reply subjects, and requests of readers and agents cross between accounts and are answered on a subject that
the server makes.
"""

_TITLES: Final = {
    "outside": "Subjects of no row",
    "inboxes": "Inboxes",
    "buckets": "Buckets",
    "queue groups": "Queue groups",
    "server": "The server",
}


def page(rows: Sequence[Probe], meant: PermissionMatrix, found: PermissionMatrix) -> str:
    """Return the page as Markdown."""
    parts = [HEAD.format(count=_count(rows, meant, found))]
    groups = {group: list(each) for group, each in groupby(rows, lambda row: row.group)}
    subjects = ((domain, [row for row in rows if row.group == domain]) for domain in DOMAINS)
    parts += [f"## Subjects: {domain}\n\n{_table(each, meant, found)}" for domain, each in subjects if each]
    for group, title in _TITLES.items():
        parts.append(f"## {title}\n\n{_table(_granted_rows(groups[group], meant, found), meant, found)}")
    parts.append(f"## Streams\n\n{_nobody(rows, meant, found)}")
    for stream in STREAMS:
        held = _granted_rows(groups[stream.name], meant, found)
        parts.append(f"### {stream.name}\n\n{stream.why}\n\n{_table(held, meant, found)}")
    parts.append(
        "## Agents in accounts of their own\n\nThese names exist in their accounts, and no others.\n"
    )
    parts.append(_names("an agent publishes", "it arrives in `SIM` as", meant.publishes, found.publishes))
    parts.append(_names("an agent receives", "it was published in `SIM` as", meant.receives, found.receives))
    return "\n".join(parts) + LIMITS


def differences(rows: Iterable[Probe], meant: PermissionMatrix, found: PermissionMatrix) -> list[str]:
    """Return a line for every cell in which the measured permissions differ from the expected."""
    lines = [
        f"{row.group}: {row.name}: {party}: {_cell(row, party, meant, found)}"
        for row in rows
        for party in PARTIES
        if meant.cells.get((row.group, row.name, party)) != found.cells.get((row.group, row.name, party))
    ]
    for verb, wanted, held in (
        ("publishes", meant.publishes, found.publishes),
        ("receives", meant.receives, found.receives),
    ):
        lines += [
            f"external agent {verb} {name}: expected {wanted.get(name, 'nothing')}, actual {held.get(name, 'nothing')}"
            for name in sorted({*wanted, *held})
            if wanted.get(name) != held.get(name)
        ]
    return lines


def _count(rows: Sequence[Probe], meant: PermissionMatrix, found: PermissionMatrix) -> str:
    # A probe with a queue group only subscribes.
    cells = sum(1 if row.queue else 2 for row in rows) * len(PARTIES)
    differing = len(differences(rows, meant, found))
    what = "expected and actual are the same in all of them" if not differing else f"{differing} differ"
    return f"{cells:,} cells were tried ({len(rows)} rows, {len(PARTIES)} users, `P` and `S`); {what}."


def _cell(row: Probe, party: str, meant: PermissionMatrix, found: PermissionMatrix) -> str:
    key = row.group, row.name, party
    wanted, held = meant.cells.get(key, "·"), found.cells.get(key, "·")
    return held if wanted == held else f"{wanted}≠{held}"


def _granted_rows(rows: Iterable[Probe], meant: PermissionMatrix, found: PermissionMatrix) -> list[Probe]:
    """Return the rows in which any party has a right."""
    keys = {(group, name) for group, name, _ in (*meant.cells, *found.cells)}
    return [row for row in rows if (row.group, row.name) in keys]


def _table(rows: Sequence[Probe], meant: PermissionMatrix, found: PermissionMatrix) -> str:
    """Return a table of rows by parties, without the parties that have no right in it."""
    cells = {row: {party: _cell(row, party, meant, found) for party in PARTIES} for row in rows}
    parties = [party for party in PARTIES if any(line[party] != "·" for line in cells.values())]
    lines = [f"| | {' | '.join(parties)} |", "| --- " + "| :-: " * len(parties) + "|"]
    for row, line in cells.items():
        lines.append(f"| `{row.name}` | {' | '.join(line[party] for party in parties)} |")
    return "\n".join(lines) + "\n"


def _nobody(rows: Sequence[Probe], meant: PermissionMatrix, found: PermissionMatrix) -> str:
    """Return the sentence about calls that the server refuses to all parties on every stream."""
    held = {row.pattern for row in _granted_rows(rows, meant, found)}
    streams = [stream.name for stream in STREAMS]
    calls = [
        call
        for call in CALLS
        if not any(
            row.pattern in held
            for row in rows
            if row.group in streams and row.name == call.replace("{stream}", row.group)
        )
    ]
    return f"Tried on every stream and refused to every user: {', '.join(f'`{call}`' for call in calls)}.\n"


def _names(first: str, second: str, wanted: Mapping[str, str], held: Mapping[str, str]) -> str:
    """Return a table of an external agent's short names and their subjects."""
    lines = [f"| {first} | {second} |", "| --- | --- |"]
    for name in sorted({*wanted, *held}):
        meant, found = wanted.get(name, "nothing"), held.get(name, "nothing")
        lines.append(f"| `{name}` | {f'`{found}`' if meant == found else f'`{meant}` ≠ `{found}`'} |")
    return "\n".join(lines) + "\n"
