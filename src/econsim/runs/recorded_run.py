"""A recorded run whose calls of models answer those of another run: read from the log, or from the file of its events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from econsim import subjects
from econsim.domain.audit.facts import Fact, Record, facts
from econsim.domain.cognition.recording import Recording
from econsim.errors import ScenarioError, SetupError
from econsim.schemas.cognition import CallOutcome
from econsim.schemas.scenario import Scenario
from econsim.schemas.scenario_cognition import Cognition

_OUTCOME: Final = TypeAdapter(CallOutcome)
_OPENED: Final = subjects.RUN_OPENED.type
_INVOKED: Final = subjects.LLM_INVOKED.type


@dataclass(slots=True)
class RecordedRun:
    """The calls of a recorded run, and the models that they asked."""

    name: str
    """Id of the recorded run."""
    recording: Recording = field(default_factory=Recording)
    """Outcomes of its calls."""
    cognition: Cognition | None = None
    """Models of the run, with the prices that were paid; None for the default ones."""

    def add(self, kind: str, data: dict[str, Any]) -> None:
        """Add one fact of the run; facts of other types change nothing."""
        if kind == _INVOKED:
            self.recording.add(_OUTCOME.validate_json(json.dumps(data)))
        elif kind == _OPENED:
            self.cognition = Scenario.model_validate_json(json.dumps(data["scenario"])).cognition

    def answer(self, scenario: Scenario) -> Scenario:
        """Return a scenario as the run of it that this recording answers; raises ScenarioError if it cannot.

        Its models are those of the recorded run: so the calls reserve and cost what they did, whatever provider answered.
        """
        if self.cognition is not None and not self.cognition.record_text:
            message = f"run {self.name!r} cannot answer another run: its scenario says record_text = false"
            raise ScenarioError(message)
        if not len(self.recording):
            message = f"run {self.name!r} has no call of a model; name a run whose agents think"
            raise ScenarioError(message)
        return scenario.model_copy(update={"cognition": self.cognition, "recorded": self.name})


def recorded_run_of_file(path: Path) -> RecordedRun:
    """Return the recorded run in a file that `econsim events RUN --json` wrote; raises SetupError for another file."""
    run = RecordedRun(path.stem)
    try:
        with path.open(encoding="utf-8") as lines:
            _add_lines(run, path, lines)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        message = f"the recording {path} cannot be read: {reason}"
        raise SetupError(message) from error
    return run


async def recorded_run_of_log(name: str, entries: AsyncIterator[Record]) -> RecordedRun:
    """Return the recorded run of a log's entries."""
    run = RecordedRun(name)
    async for entry in entries:
        if entry.type in (_OPENED, _INVOKED):
            for fact in facts(entry):
                run.add(fact.type, fact.data)
    return run


def _add_lines(run: RecordedRun, path: Path, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines, 1):
        if _OPENED not in line and _INVOKED not in line:
            continue
        try:
            fact = Fact(**json.loads(line))
            run.add(fact.type, fact.data)
        except (ValidationError, ValueError, TypeError, KeyError) as error:
            message = (
                f"{path}, line {number} is no fact of a run; write the file with `econsim events RUN --json`"
            )
            raise SetupError(message) from error
