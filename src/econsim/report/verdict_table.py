"""Verdicts on events as a part of the report: a timeline of what decides them, and a row each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.expectation.verdict import Verdict
from econsim.report.markup import Figure, Specs, grid, section, table
from econsim.report.verdict_chart import verdict_timeline
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
    facts = "What must be true of the events of this run."
    return section("Expectations on events", grid(verdict_figure(verdicts), specs), listed, facts=facts)


def verdict_figure(verdicts: Sequence[Verdict]) -> list[Figure]:
    """Return the figure of the events that decide verdicts; none if none does."""
    lanes = verdict_lanes(verdicts)
    if lanes is None:
        return []
    caption = (
        "Full dots decide a verdict, a hollow one came nearest; a line leads from a cause to its effect."
    )
    if len(verdicts) > LANES_MAX:
        caption += f" The first {LANES_MAX} of {len(verdicts)}; the table has all."
    chart, height = verdict_timeline(lanes), lanes.height_px
    return [Figure("verdicts", "What decided them", caption, chart, wide=True, height_px=height)]
