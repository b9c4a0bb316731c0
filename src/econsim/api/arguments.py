"""Arguments of the public API: each is checked where it is given, so that a wrong one is named and not what broke because of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from econsim.errors import InvalidMessage, quoted_value
from econsim.evaluation.bench.seeds import parse_seeds


def text(value: object, what: str) -> str:
    """Return what is given as text; raises InvalidMessage for anything else."""
    if not isinstance(value, str):
        message = f"{quoted_value(str(value))} is no {what}; give its name as text, between quotes"
        raise InvalidMessage(message)
    return value


def settings(value: object) -> Mapping[str, object]:
    """Return settings, by path; raises InvalidMessage for what is no dictionary."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        message = f"{quoted_value(str(value))} are no settings; give paths and values: {{'clock.periods': 4}}"
        raise InvalidMessage(message)
    return value


def seeds(value: object) -> tuple[int, ...] | None:
    """Return seeds given as `1..20` or one by one, none for none; raises InvalidMessage for anything else."""
    if value is None:
        return None
    if isinstance(value, str):
        return parse_seeds(value)
    found = list(value) if isinstance(value, Iterable) else [value]
    wrong = [each for each in found if isinstance(each, bool) or not isinstance(each, int)]
    if wrong or not found:
        message = (
            f"{quoted_value(str(value))} names no seeds; give whole numbers, [1, 2, 3], or text, '1..20'"
        )
        raise InvalidMessage(message)
    return parse_seeds(",".join(map(str, found)))


def jobs(value: object) -> int | None:
    """Return the number of processes, none for one a core; raises InvalidMessage for what is no number of processes."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = f"jobs={quoted_value(str(value))} is no number of processes; give 1 or more, or None for one a core"
        raise InvalidMessage(message)
    return value
