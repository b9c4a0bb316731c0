"""The argument `[TREATMENT=]RUN` of commands that read several runs: names, patterns of names, archives.

Imports nothing heavy, because every start of the program loads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsim.cli import option_types

_WILD: Final = re.compile(r"[*?\[]")
_PATTERN: Final = re.compile(r"[a-z0-9_*?\[\]!-]{1,100}")


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Runs that a command reads, as they were named."""

    run: str | Path
    """Name of a run, a pattern of names, or an archive's file."""
    treatment: str = ""
    """Treatment of these runs in a study; empty without one."""

    @property
    def is_pattern(self) -> bool:
        """True if the name is a pattern."""
        return isinstance(self.run, str) and bool(_WILD.search(self.run))


def run_choice(text: str | RunChoice) -> RunChoice:
    """Parse `[TREATMENT=]RUN`, where the run is a name, a pattern of names, or the path of a file."""
    if isinstance(text, RunChoice):
        return text
    before, equals, after = text.partition("=")
    treatment, named = (
        (option_types.name(before), after) if equals and not Path(text).is_file() else ("", text)
    )
    if _PATTERN.fullmatch(named) and _WILD.search(named):
        return RunChoice(named, treatment)
    return RunChoice(option_types.run_or_file(named), treatment)
