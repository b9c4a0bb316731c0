"""econsim: markets of agents, from one line of Python to a system of services over NATS.

    import econsim

    result = econsim.run("smith1962", seed=7)           # a shipped scenario or a file, in memory
    result.efficiency, result.hash                      # share of the gains from trade; equal for equal runs
    result.trades.to_pandas()                           # a row for each trade; to_polars() as well

    market = econsim.load("smith1962")                  # to look at it, and to vary it
    econsim.run(market.with_({"agents.buyer.policy": "zip"}, periods=20))

`load` reads a scenario, `run` runs it and returns a `Result` with tables, figures and a report, `study` runs a design of treatments and
seeds; no server is needed. `join` lets a program trade in a run over NATS. Errors are subclasses of `econsim.errors.EconsimError`, a
sentence each with what to do. All pages: docs/reference/python.
"""

TYPE_CHECKING = False  # type checkers know this name; loading `typing` takes ten times as long as this file

if TYPE_CHECKING:
    from econsim.agents.session import join
    from econsim.api.result import Result
    from econsim.api.running import run
    from econsim.api.scenarios import LoadedScenario, load
    from econsim.api.studies import StudyResult, study
    from econsim.api.tables import Table
    from econsim.domain.agent.policy import (
        Ask,
        Bid,
        Cancel,
        Decision,
        MarketObservation,
        Observation,
        OpenOrder,
        Policy,
        Replace,
        TapeEntry,
    )
    from econsim.domain.agent.random_draws import Draws

__version__ = "0.1.0"
__all__ = [
    "Ask",
    "Bid",
    "Cancel",
    "Decision",
    "Draws",
    "LoadedScenario",
    "MarketObservation",
    "Observation",
    "OpenOrder",
    "Policy",
    "Replace",
    "Result",
    "StudyResult",
    "Table",
    "TapeEntry",
    "join",
    "load",
    "run",
    "study",
]

_HOMES = {
    "Draws": "econsim.domain.agent.random_draws",
    "LoadedScenario": "econsim.api.scenarios",
    "Result": "econsim.api.result",
    "StudyResult": "econsim.api.studies",
    "Table": "econsim.api.tables",
    "join": "econsim.agents.session",
    "load": "econsim.api.scenarios",
    "run": "econsim.api.running",
    "study": "econsim.api.studies",
}
"""Name → module that has it; the others are of policies."""


def __getattr__(name: str) -> object:
    """Load a name when a program asks for it, so that `import econsim` alone stays quick."""
    if name in __all__:
        from importlib import import_module  # noqa: PLC0415 - see above

        return getattr(import_module(_HOMES.get(name, "econsim.domain.agent.policy")), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Return the names that `help` and completion show."""
    return [*globals(), *__all__]
