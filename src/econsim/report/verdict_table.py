"""Verdicts on events as a part of the report: a row each, with its reason, and of a failure the events that show it."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.expectation.verdict import Verdict
from econsim.report.markup import table


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return the part of the report about expectations on events; empty if there are none."""
    if not verdicts:
        return ""
    rows = [
        [
            each.name,
            f'<span class="verdict{"" if each.outcome.is_pass else " fails"}">{each.outcome.value}</span>',
            each.message if each.outcome.is_pass else " · ".join(line.strip() for line in each.lines()[1:]),
        ]
        for each in verdicts
    ]
    listed = table(("Expected", "Verdict", "Reason"), rows, raw=(1,), text=(2,))
    return (
        '<section class="part"><h2>Expectations on events</h2><p class="facts">What must be true of the events '
        f"of this run.</p>{listed}</section>"
    )
