"""Options without effect beside the other given options: they are refused, never ignored.

Each command has its rules; an option counts only if it is on the command line, not in the environment.
Imports nothing heavy, because every start of the program loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import typer

Given = Mapping[str, Any]
"""Value of every option and argument of a command, and of the global ones, by its name in Python."""

_TYPED: Final = "COMMANDLINE"


@dataclass(frozen=True, slots=True)
class UnusedOption:
    """Rule for an option that would have no effect."""

    option: str
    """Name of the option in Python."""
    when: Callable[[Given], bool]
    """Returns true if the option has no effect beside these values."""
    why: str
    """Reason for the user; it continues the option's name."""


def refuse_unused_options(context: typer.Context, rules: Iterable[UnusedOption]) -> None:
    """Raise BadParameter for the first given option without effect."""
    root = context.find_root()
    given = {**root.params, **context.params}
    for rule in rules:
        owner = context if rule.option in context.params else root
        source = owner.get_parameter_source(rule.option)
        if source and source.name == _TYPED and rule.when(given):
            parameter = next(each for each in owner.command.params if each.name == rule.option)
            raise typer.BadParameter(rule.why, ctx=context, param=parameter)
