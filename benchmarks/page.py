"""The tables of docs/operations/benchmarks.md: one a suite, between two comments, with when and on what it was measured."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from benchmarks.builds import ROOT
from benchmarks.table import Line, markdown

PAGE: Final = ROOT / "docs" / "operations" / "benchmarks.md"


def write_tables(suite: str, lines: Sequence[Line]) -> None:
    """Replace a suite's table; raises LookupError if the page has no place for it."""
    text = PAGE.read_text()
    place = re.compile(rf"(<!-- {suite} -->\n).*?(<!-- end -->\n)", re.DOTALL)
    if not place.search(text):
        message = f"{PAGE} has no lines <!-- {suite} --> and <!-- end -->, between which the table of suite {suite} stands"
        raise LookupError(message)
    when = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    table = f"{when}:\n\n{markdown(lines)}"
    PAGE.write_text(place.sub(lambda found: f"{found[1]}{table}{found[2]}", text))
