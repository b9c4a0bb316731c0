"""Facts about a run, as its file has them: of a run in memory all that makes its events again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from econsim import __version__
from econsim.errors import SetupError
from econsim.schemas.types import Name

if TYPE_CHECKING:
    from econsim.schemas.scenario import Scenario

SALT: Final = "memory"
"""Salt of runs in memory: their ids are no secret, because nobody from outside takes part."""

RunState = Literal["open", "stopped", "closed", "failed"]
"""State of a run."""


class RunFacts(BaseModel):
    """Facts about a run: the first line of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    econsim: str = __version__
    """Version that made the run, or its archive."""
    form: Literal[1] = 1
    """Form of the file."""
    run: Name
    """Id of the run."""
    transport: Literal["memory", "nats"]
    """Transport of the run's messages."""
    scenario: dict[str, Any]
    """Scenario of the run."""
    salt: str
    """Salt of the run, of which its ids are made."""
    opened_at: str
    """Time at which it was opened, RFC 3339, UTC."""
    state: RunState
    """State of the run."""
    failure: str = ""
    """Reason why it ended early; empty if it did not."""
    ticks: int
    """Ticks so far."""
    periods: int
    """Trading days so far."""
    events: int
    """Number of events."""
    canonical_hash: str
    """Canonical hash of the events."""
    digest: str = ""
    """SHA-256 of the lines of the events; empty if they are made again."""

    @property
    def made_again(self) -> bool:
        """True if the file has no events, because they follow from the rest."""
        return not self.digest

    def read_scenario(self) -> Scenario:
        """Return the scenario of the run; raises SetupError if this version of econsim cannot read it."""
        from econsim.schemas.scenario import Scenario  # noqa: PLC0415 - a list of runs needs no scenario, and its model costs a start

        try:
            return Scenario.model_validate(self.scenario)
        except ValidationError as error:
            message = (
                f"econsim {__version__} cannot read the scenario of run {self.run!r}, which econsim {self.econsim} wrote; "
                "read it with that version"
            )
            raise SetupError(message) from error
