"""Decisions of monitors as verdicts have them: the outcome, and the witnesses with their causes. Pure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from econsim.domain.audit.causality import CausalGraph
from econsim.domain.expectation.monitor import Decision
from econsim.domain.expectation.verdict import WITNESSES_MAX, Ruling, Witness


def outcome_of(found: Decision, *, ended: bool) -> Ruling:
    """Return the outcome of a decision, so far or at the end."""
    if ended:
        return {True: Ruling.HOLDS, False: Ruling.FAILS, None: Ruling.VACUOUS}[found.holds]
    if found.is_final:
        return Ruling.TRUE if found.holds else Ruling.FALSE
    return Ruling.SO_FAR_FALSE if found.holds is False else Ruling.SO_FAR_TRUE


def witnesses_of(found: Decision) -> tuple[tuple[Witness, ...], Witness | None]:
    """Return the facts of a decision in log order, each with its cause among them by its event."""
    shown = sorted(found.witness[-WITNESSES_MAX:], key=lambda each: (each.sequence, each.index))
    witnesses = [each.witness() for each in shown]
    if not shown:
        return (), found.nearest.witness() if found.nearest else None
    with suppress(KeyError, TypeError, AttributeError):
        graph = CausalGraph(each.record for each in shown)
        causes = [graph.cause(each.fact) for each in shown]
        witnesses = [
            replace(each, cause=cause.event_id) if cause and cause.event_id != each.event_id else each
            for each, cause in zip(witnesses, causes, strict=True)
        ]
    return tuple(witnesses), found.nearest.witness() if found.nearest else None
