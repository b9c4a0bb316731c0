"""Format of numbers for people, the same in terminal and page, and thinning of long series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar
from unicodedata import category

from econsim.schemas.money import format_credits
from econsim.schemas.types import MICROS_PER_CREDIT

if TYPE_CHECKING:
    from econsim.report.summary import Summary
    from econsim.schemas.expectation import MeasureExpectation
    from econsim.schemas.scenario import Group

NOTHING: Final = "—"
"""Text in place of a number that could not be measured."""

Row = TypeVar("Row")


def visible(text: str) -> str:
    """Return a text with U+FFFD for each character that nobody sees, such as one that moves a terminal's cursor; lines stay."""
    return "".join(
        "\ufffd" if category(sign).startswith("C") and sign not in "\n\t" else sign for sign in text
    )


def percent(fraction: float | None, digits: int = 1) -> str:
    """Return a fraction as percent."""
    return NOTHING if fraction is None else f"{100 * fraction:.{digits}f} %"


def percentage(value: float | None) -> str:
    """Return a number that is in percent already."""
    return NOTHING if value is None else f"{value:.1f} %"


def decimal(value: float | None, digits: int = 2) -> str:
    """Return a number with this count of decimals."""
    return NOTHING if value is None else f"{value:,.{digits}f}".replace(",", " ")


def plus_minus(value: float, half_width: float | None) -> str:
    """Return a number with its half-width, to the digits that the half-width supports; one without it to two decimals, or four below 1."""
    if not half_width:
        return f"{value:.0f}" if value == round(value) else f"{value:.{2 if abs(value) >= 1 else 4}f}"
    digits = 4 if half_width < 0.02 else 3 if half_width < 0.2 else 2
    return f"{value:.{digits}f} ± {half_width:.{digits}f}"


def count(value: float | None) -> str:
    """Return a whole number with thousands apart."""
    return NOTHING if value is None else f"{value:,.0f}".replace(",", " ")


def plural(number: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def money(micros: float | None) -> str:
    """Return micro-credits as credits, to four decimals at most."""
    if micros is None:
        return NOTHING
    return format_credits(round(micros / MICROS_PER_CREDIT * 10_000) * MICROS_PER_CREDIT // 10_000)


def debt_note(summary: Summary) -> str:
    """Return how many agents owe how much at the end; empty if none does."""
    debts = [holder.debt for holder in summary.holders if holder.debt]
    who = f"{count(len(debts))} agents owe" if len(debts) > 1 else "1 agent owes"
    return f"{who} {money(sum(debts))} credits" if debts else ""


def policy_name(group: Group) -> str:
    """Return the name of a group's policy as a reader of the scenario knows it."""
    return str(getattr(group.policy, "value", group.policy))


GROUPS_HEAD: Final = ("group", "policy", "agents", "earned each")
"""Headings of the table of what groups earned."""


def group_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return a row for each group with agents, where they go by different policies: what an agent earned, mean, credits."""
    groups = [group for group in summary.scenario.agents if group.count]
    if len({*map(policy_name, groups)}) < 2:
        return []
    earned: dict[str, list[int]] = {}
    for holder in summary.holders:
        earned.setdefault(holder.group, []).append(holder.profit)
    return [
        (
            group.name,
            policy_name(group),
            count(group.count),
            decimal(sum(profits) / len(profits) / MICROS_PER_CREDIT),
        )
        for group in groups
        if (profits := earned.get(group.name))
    ]


def failure_text(counts: Mapping[str, int], said: Mapping[str, str]) -> str:
    """Return the failed calls of a row of a table: `22 error (mostly: no such city)`; `0` without any."""
    parts = (
        f"{number} {reason}" + (f" (mostly: {visible(said[reason])})" if reason in said else "")
        for reason, number in counts.items()
    )
    return ", ".join(parts) or "0"


THINKING_HEAD: Final = ("group", "model", "calls", "failed", "refused", "tokens", "credits")
"""Headings of the table of what agents paid for calls of models."""


def thinking_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return a row for each group and model: calls, failures by reason, calls it could not afford, tokens, credits paid."""
    rows: list[tuple[str, ...]] = []
    for group in summary.thinking:
        refused = count(group.refused)
        for use in group.uses:
            failed = failure_text(use.failures, use.said)
            tokens = f"{count(use.input_tokens)} + {count(use.output_tokens)}"
            rows.append((group.group, use.model, count(use.calls), failed, refused, tokens, money(use.price)))
            refused = NOTHING  # a refusal names no model: it counts once a group
        if not group.uses:
            rows.append((group.group, NOTHING, "0", "0", refused, "0 + 0", "0"))
    return rows


TOOLS_HEAD: Final = ("group", "tool", "calls", "failed", "refused", "credits")
"""Headings of the table of what agents paid for calls of tools."""


def tool_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return a row for each group and tool: calls, failures by reason, calls it could not afford, credits paid."""
    rows: list[tuple[str, ...]] = []
    for group in summary.tools:
        refused = count(group.refused)
        for use in group.uses:
            failed = failure_text(use.failures, use.said)
            name = f"{use.server}.{use.tool}"
            rows.append((group.group, name, count(use.calls), failed, refused, money(use.price)))
            refused = NOTHING  # a refusal names no tool: it counts once a group
        if not group.uses:
            rows.append((group.group, NOTHING, "0", "0", refused, "0"))
    return rows


WORK_HEAD: Final = ("group", "asked", "answered", "delegated", "approved", "paid", "done", "earned")
"""Headings of the table of questions and tasks."""


def work_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return a row for each group: questions to people, tasks for others with credits paid, tasks for it with credits earned."""
    return [
        (
            work.group,
            *map(count, (work.questions, work.answered, work.delegated, work.approved)),
            money(work.paid),
            count(work.done),
            money(work.earned),
        )
        for work in summary.work
    ]


def price_range(low: int | None, high: int | None) -> str:
    """Return the interval of equilibrium prices: one number if it is a point, a dash if an end is open."""
    if low is None or high is None:
        return NOTHING
    return money(low) if low == high else f"{money(low)} to {money(high)}"


def measure_words(expectation: MeasureExpectation) -> str:
    """Return the measure, its market or group, and its periods in words."""
    words = expectation.measure.value.replace("_", " ")
    if measured := expectation.group or expectation.resource:
        words += f" of {measured}"
    if expectation.first_period > 1 or expectation.last_period:
        words += f", periods {expectation.first_period} to {expectation.last_period or 'the last'}"
    return words


def thin(rows: Sequence[Row], most: int) -> list[Row]:
    """Return at most so many rows, evenly chosen, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[index * (len(rows) - 1) // (most - 1)] for index in range(most)]


def spark(values: Sequence[float], width: int = 24) -> str:
    """Return values as a line of blocks, the newest to the right."""
    shown = values[-width:]
    if not shown:
        return ""
    low, span = min(shown), max(shown) - min(shown)
    return "".join("▁▂▃▄▅▆▇█"[int((value - low) / span * 7.999) if span else 3] for value in shown)


def orders_per_second(summary: Summary) -> float | None:
    """Return the orders taken in a second of wall-clock time, if the run was timed."""
    speed = summary.speed
    return summary.orders / speed.elapsed_s if speed and speed.elapsed_s > 0 else None


def unjudged_notes(left_out: Mapping[str, int]) -> list[str]:
    """Return a sentence for each reason why expectations were not judged."""
    return [
        f"{count(number)} expectation{'' if number == 1 else 's'} not judged: {reason}"
        for reason, number in left_out.items()
    ]
