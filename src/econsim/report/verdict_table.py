"""Verdicts on events as a part of the report: a timeline of what decides them, and a row each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.expectation.verdict import Verdict
from econsim.report import charts
from econsim.report.markup import Figure, Specs, figure, table
from econsim.report.verdict_lanes import LANES_MAX, verdict_lanes


def verdict_table(verdicts: Sequence[Verdict], specs: Specs) -> str:
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
    listed = table(("Expected", "Verdict", "Reason"), rows, raw=(1,), text=(0, 2))
    return (
        '<section class="part"><h2>Expectations on events</h2><p class="facts">What must be true of the events '
        f"of this run.</p>{_timeline(verdicts, specs)}{listed}</section>"
    )


def _timeline(verdicts: Sequence[Verdict], specs: Specs) -> str:
    """Return the figure of the events that decide verdicts; empty if there are none."""
    lanes = verdict_lanes(verdicts)
    if lanes is None:
        return ""
    caption = (
        "Full dots decide a verdict, a hollow one came nearest; a line leads from a cause to its effect."
    )
    if len(verdicts) > LANES_MAX:
        caption += f" The first {LANES_MAX} of {len(verdicts)}; the table has all."
    chart = charts.verdict_timeline(lanes)
    return figure(
        Figure("verdicts", "What decided them", caption, chart, wide=True, height_px=lanes.height_px), specs
    )
