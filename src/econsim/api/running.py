"""One run of the public API: in memory in the caller's thread, or over NATS beside the caller's event loop."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from econsim.adapters.policies import load_policies
from econsim.api import arguments
from econsim.api.result import Result
from econsim.api.scenarios import AnyScenario, as_loaded
from econsim.domain.execution import in_memory
from econsim.errors import InvalidMessage, RunFailed, ScenarioError, quoted_value
from econsim.runs.overrides import why_not_in_memory
from econsim.schemas.names import LAST, RunName
from econsim.schemas.types import NAME_LENGTH_MAX

if TYPE_CHECKING:
    from econsim.schemas.scenario import Scenario

Transport = Literal["memory", "nats"]
"""Way of a run: in memory, in the caller's thread, or over NATS with all services."""

_log: Final = logging.getLogger(__name__)


def run(  # noqa: PLR0913 - one for each of the most used options of `econsim run`
    scenario: AnyScenario,
    settings: Mapping[str, object] | None = None,
    *,
    seed: int | None = None,
    periods: int | None = None,
    transport: Transport = "memory",
    name: str | None = None,
    state: str | Path | None = None,
) -> Result:
    """Run a scenario to its end and return its result.

    `scenario` is the name of a shipped one, the path of a TOML file, or what `load` returned; `settings`, `seed` and `periods` replace values of it
    as `with_` does. In memory nothing is started and nothing stays but the result. Over NATS it starts what `econsim run` starts, keeps the
    run in the log of the state directory under `name`, and stops what it started. Works in scripts, in notebooks and in several threads at
    once; Ctrl-C stops the run. Logs why the figures may mislead, such as a policy that raised.

    Raises ScenarioError if the scenario cannot be run so, RunFailed if it could not go on, SetupError if no server can be started.
    """
    if name is not None:
        _require_run_name(name)
    wanted = as_loaded(scenario)
    given = {"seed": seed, "clock.periods": periods}
    changes = {
        **arguments.settings(settings),
        **{path: value for path, value in given.items() if value is not None},
    }
    found = (wanted.with_(changes) if changes else wanted).definition
    if transport not in get_args(Transport):
        message = f"there is no transport {quoted_value(str(transport))}; write transport='memory' or transport='nats'"
        raise InvalidMessage(message)
    result = _in_memory(found, name) if transport == "memory" else _over_nats(found, name, state)
    if result.figures.failure:
        raise RunFailed(result.figures.failure)
    for each in result.figures.warnings:
        _log.warning("run %s: %s", result.name, each)
    return result


def _require_run_name(name: str) -> None:
    """Raise InvalidMessage for what no run can be called."""
    try:
        TypeAdapter(RunName).validate_python(name, strict=True)
    except ValidationError:
        message = (
            f"{quoted_value(str(name))} is no name of a run; use 1 to {NAME_LENGTH_MAX} of a-z 0-9 _ -, a letter or digit first, "
            f"and no word of the system, such as {LAST!r}"
        )
        raise InvalidMessage(message) from None


def _in_memory(scenario: Scenario, name: str | None) -> Result:
    if reason := why_not_in_memory(scenario):
        message = f"scenario {scenario.name!r} {reason}; write transport='nats'"
        raise ScenarioError(message)
    return Result(in_memory.run(scenario, name or in_memory.NAME, policies=load_policies(scenario)))


def _over_nats(scenario: Scenario, name: str | None, state: str | Path | None) -> Result:
    # Here, because a run in memory needs none of them, and they take longer to load than a small run takes.
    from econsim.adapters.clock import random_name
    from econsim.config import settings
    from econsim.runs.followed_run import follow_run
    from econsim.runs.launch.server_thread import shared_server

    config, run_name = settings(state=state), name or random_name(scenario.name)
    with shared_server(config, _log.warning) as thread:
        events, figures = thread.complete(
            follow_run(thread.server, config.state, run_name, scenario, _log.warning)
        )
    return Result(events, figures)
