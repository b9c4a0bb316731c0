"""Traces in the terminal: one trace as a waterfall, and the lengths of all spans of a run by name."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from econsim.domain.tracing.span import Span
from econsim.domain.tracing.span_names import Own
from econsim.report.format import count

SIBLINGS_MAX: Final = 6
"""Spans of one name under one parent that are shown; a tick of a large market has thousands."""

BAR_MIN: Final = 12
"""Columns of a bar at least."""

SLOWEST: Final = 5
"""Slowest ticks that are named."""

_MS: Final = 10**6
_NAME: Final = 46
"""Columns of names, indents included."""

_LENGTH: Final = 11
"""Columns of a span's length."""


def waterfall(spans: Sequence[Span], width: int, focus: frozenset[str] = frozenset()) -> Iterator[Text]:
    """Yield the lines of a trace, each span under its parent with a bar for its time; `focus` are span ids to mark."""
    known = {span.span_id for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span.parent_span_id if span.parent_span_id in known else None, []).append(span)
    start = min(span.start_ns for span in spans)
    whole = max(1, max(span.end_ns for span in spans) - start)
    bar = max(BAR_MIN, width - _NAME - _LENGTH - 1)
    for depth, row, left_out in _rows(below, None, 0, focus):
        if row is None:
            yield Text(f"{'  ' * depth}… {count(left_out)} more", style="dim")
            continue
        offset = min(bar - 1, (row.start_ns - start) * bar // whole)
        length = max(1, min(bar - offset, (row.end_ns - row.start_ns) * bar // whole))
        label = f"{'  ' * depth}{row.name} {row.attributes[Own.ACTOR]}"[: _NAME - 1].ljust(_NAME)
        style = "bold yellow" if row.span_id in focus else "red" if row.error else ""
        yield Text.assemble(
            (label, style),
            (f"{(row.end_ns - row.start_ns) / _MS:8.2f} ms ", "dim"),
            " " * offset,
            ("━" * length, "red" if row.error else "cyan"),
        )


def lineage(spans: Sequence[Span], span_id: str) -> list[Span]:
    """Return the spans above a span up to the root, the span itself, and all below it."""
    by_id = {span.span_id: span for span in spans}
    kept: set[str | None] = set()
    at: str | None = span_id
    while at in by_id and at not in kept:
        kept.add(at)
        at = by_id[at].parent_span_id
    below, new = kept.copy(), {span_id}
    while new:
        new = {span.span_id for span in spans if span.parent_span_id in new} - below
        below |= new
    return [span for span in spans if span.span_id in below]


def _rows(
    below: dict[str | None, list[Span]], parent: str | None, depth: int, focus: frozenset[str]
) -> Iterator[tuple[int, Span | None, int]]:
    """Yield depth and span in the order of the tree; in place of further spans of one name, their number."""
    shown: dict[str, int] = {}
    hidden: dict[str, int] = {}
    for span in below.get(parent, ()):
        shown[span.name] = shown.get(span.name, 0) + 1
        if shown[span.name] > SIBLINGS_MAX and span.span_id not in focus:
            hidden[span.name] = hidden.get(span.name, 0) + 1
            continue
        yield depth, span, 0
        yield from _rows(below, span.span_id, depth + 1, focus)
    if hidden:
        yield depth, None, sum(hidden.values())


class SpanProfile:
    """Numbers and lengths of a run's spans by name, and its slowest ticks."""

    def __init__(self) -> None:
        """Start without spans."""
        self._lengths: dict[str, array[int]] = {}
        self._failed: dict[str, int] = {}
        self._ticks: list[tuple[int, int]] = []

    def add(self, spans: Iterable[Span]) -> None:
        """Add spans."""
        for span in spans:
            length = span.end_ns - span.start_ns
            self._lengths.setdefault(span.name, array("q")).append(length)
            if span.error:
                self._failed[span.name] = self._failed.get(span.name, 0) + 1
            if span.name == "tick":
                self._ticks.append((length, int(span.attributes[Own.TICK])))  # type: ignore[arg-type]  # a whole number

    def slowest(self) -> list[tuple[int, float]]:
        """Return tick and milliseconds of the slowest ticks, slowest first."""
        return [(tick, length / _MS) for length, tick in sorted(self._ticks, reverse=True)[:SLOWEST]]

    def table(self) -> Table:
        """Return a row for each name, the largest total first."""
        table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        table.add_column("span", no_wrap=True)
        for heading in ("number", "failed", "p50 ms", "p99 ms", "total s"):
            table.add_column(heading, justify="right", no_wrap=True)
        for name, lengths in sorted(self._lengths.items(), key=lambda item: -sum(item[1])):
            ordered = sorted(lengths)
            table.add_row(
                name,
                count(len(ordered)),
                count(self._failed.get(name, 0)),
                f"{_quantile(ordered, 50) / _MS:.2f}",
                f"{_quantile(ordered, 99) / _MS:.2f}",
                f"{sum(ordered) / _MS / 1000:.2f}",
            )
        return table


def _quantile(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest value that so many percent of the values do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
