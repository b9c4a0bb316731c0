"""Option `--set`: values of a scenario replaced by their path, checked before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.output import print_warnings, prints_to_stderr
from econsim.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from econsim.schemas.scenario import Scenario

OPTIONS_TOO: Final = {"seed": "seed", "clock.periods": "periods", "hosts": "hosts"}
"""Path → parameter of a command that replaces the same value."""


def _setting(text: str) -> tuple[str, object]:
    from econsim.runs.settings import parse_setting

    return parse_setting(text)


SetOption = Annotated[
    list[Any] | None,  # of pairs of path and value: Typer takes no tuples of any values
    typer.Option(
        "--set",
        help="Value of the scenario to replace, by its path: markets.cpu.tick_size=0.05; may be given again.",
        metavar="PATH=VALUE",
        parser=option_types.ParsedBy(_setting),
    ),
]
"""Option: values of the scenario to replace."""


def settings_from(context: typer.Context, given: Sequence[tuple[str, object]] | None) -> dict[str, object]:
    """Return path → value of the options; raises BadParameter for a value that is given twice."""
    found: dict[str, object] = {}
    for path, value in given or ():
        parameter = OPTIONS_TOO.get(path)
        if path in found:
            raise _bad(context, f"{path} is set twice; set it once")
        if parameter and context.params.get(parameter) is not None:
            raise _bad(context, f"{path} is given by --{parameter} too; give one of them")
        found[path] = value
    return found


def with_set_options(
    context: typer.Context, source: str, scenario: Scenario, given: Sequence[tuple[str, object]] | None
) -> Scenario:
    """Return the scenario of a source with the values of the options; raises BadParameter naming the path, and the nearest right one."""
    if not given:
        return scenario
    from econsim.runs.scenario_file import directory_of
    from econsim.runs.settings import with_settings

    settings = settings_from(context, given)
    try:
        return with_settings(scenario, settings, directory_of(source))
    except ScenarioError as error:
        raise _bad(context, str(error)) from None


def load_with_settings(
    context: typer.Context, source: str, given: Sequence[tuple[str, object]] | None
) -> Scenario:
    """Return a scenario with the values of the options, and print its warnings; raises as `with_set_options` does."""
    from econsim.runs import scenario_file

    with prints_to_stderr():
        found = with_set_options(context, source, scenario_file.load(source), given)
    print_warnings(scenario_file.scenario_warnings(source, found))
    return found


def _bad(context: typer.Context, message: str) -> typer.BadParameter:
    return typer.BadParameter(message, ctx=context, param_hint="'--set'")
