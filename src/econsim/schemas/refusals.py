"""The closed list of refusal codes: each code that a reply, an error or an event carries, its meaning and the remedy.

The list is `refusals.toml`, beside this module. A code is used where a refusal is decided; a test compares the list with
the source in both directions. Reads the file only when the list is asked for.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

LIST: Final = Path(__file__).with_name("refusals.toml")
"""File of the list."""


class RefusalCode(NamedTuple):
    """One refusal code."""

    code: str
    """Code as a sentence in snake case."""
    meaning: str
    """Reason of the refusal."""
    remedy: str
    """Advice to the sender or the operator."""


class RefusalGroup(NamedTuple):
    """Refusal codes about one matter."""

    heading: str
    """Heading of the group on the page."""
    about: str
    """Matter of the group, in a sentence."""
    codes: tuple[RefusalCode, ...]
    """Codes of the group."""


@cache
def refusal_groups() -> tuple[RefusalGroup, ...]:
    """Return all refusal codes, in groups."""
    found = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return tuple(
        RefusalGroup(
            group["heading"],
            group["about"],
            tuple(RefusalCode(code, row["meaning"], row["remedy"]) for code, row in group["codes"].items()),
        )
        for group in found["group"]
    )


def refusal_codes() -> dict[str, RefusalCode]:
    """Return every refusal code by its name."""
    return {row.code: row for group in refusal_groups() for row in group.codes}


def refusals_page() -> str:
    """Return the page docs/reference/refusals.md: every refusal code in a table."""
    lines = [
        "# Refusals",
        "",
        "Every code that a reply, an error or an event carries as its reason, and the remedy. Made from",
        "`src/econsim/schemas/refusals.toml` with `econsim catalog --refusals`; a test keeps it current. A code never",
        "changes its name or its meaning.",
    ]
    for group in refusal_groups():
        lines += ["", f"## {group.heading}", "", group.about, ""]
        lines += ["| code | meaning | remedy |", "| --- | --- | --- |"]
        lines += [f"| `{row.code}` | {row.meaning} | {row.remedy} |" for row in group.codes]
    return "\n".join(lines) + "\n"
