"""For tests: an economy for each test by a pytest plugin, assertions on the events of a run, and fakes of the ports.

Every start of pytest loads this module with the plugin, so each name is loaded when it is asked for.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers know this name; loading `typing` takes ten times as long as this file

if TYPE_CHECKING:
    from econsim.api.result import Result
    from econsim.testing.assertions import (
        assert_event_exists,
        assert_expectation,
        assert_kv_value,
        assert_never_occurs,
        assert_sequence,
    )
    from econsim.testing.economy import Economy
    from econsim.testing.fakes import (
        Failure,
        FakeCounters,
        FakeKeyTable,
        FakeLeases,
        FakeQuotaTable,
        FakeStateStore,
        FakeTextStore,
        FakeWallClock,
    )
    from econsim.testing.session_server import Bot

__all__ = [
    "Bot",
    "Economy",
    "Failure",
    "FakeCounters",
    "FakeKeyTable",
    "FakeLeases",
    "FakeQuotaTable",
    "FakeStateStore",
    "FakeTextStore",
    "FakeWallClock",
    "Result",
    "assert_event_exists",
    "assert_expectation",
    "assert_kv_value",
    "assert_never_occurs",
    "assert_sequence",
]

_HOMES = {
    "Bot": "econsim.testing.session_server",
    "Economy": "econsim.testing.economy",
    "Result": "econsim.api.result",
}
"""Name → module that has it, of those that are neither assertions nor fakes."""


def __getattr__(name: str) -> object:
    """Load a name when a program asks for it."""
    if name in __all__:
        home = _HOMES.get(name) or f"{__name__}.{'assertions' if name.islower() else 'fakes'}"
        return getattr(import_module(home), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
