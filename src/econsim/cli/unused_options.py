"""Options that would do nothing beside the others that were given: they are refused, never passed over.

Each command names its rules; only what stands on the command line counts, not what the environment says.
Imports nothing heavy: every start of the program pays for it.
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
    """When an option does nothing."""

    option: str
    """Its name in Python."""
    when: Callable[[Given], bool]
    """Whether it does nothing beside these values."""
    why: str
    """Said to who gave it; continues the option's name."""


def refuse_unused_options(context: typer.Context, rules: Iterable[UnusedOption]) -> None:
    """Raise BadParameter for the first option that was given and does nothing."""
    root = context.find_root()
    given = {**root.params, **context.params}
    for rule in rules:
        owner = context if rule.option in context.params else root
        source = owner.get_parameter_source(rule.option)
        if source and source.name == _TYPED and rule.when(given):
            parameter = next(each for each in owner.command.params if each.name == rule.option)
            raise typer.BadParameter(rule.why, ctx=context, param=parameter)
