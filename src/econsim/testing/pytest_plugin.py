"""pytest plugin: a fixture `economy` that runs scenarios, in memory or over a NATS server of the test session.

Every start of pytest loads this module, so it loads pytest alone; the first run of a test loads the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from econsim.testing.economy import Economy
    from econsim.testing.session_server import SessionServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says how tests run scenarios."""
    parser.getgroup("econsim").addoption(
        "--econsim-transport",
        choices=("memory", "nats"),
        default="memory",
        help="Way of runs of fixture `economy` that name none: memory, or nats, a server started for the session.",
    )


@pytest.fixture(scope="session")
def econsim_server() -> Iterator[Callable[[], SessionServer]]:
    """Provide the function that gives the NATS server of this test process; its first call starts it."""
    started: list[SessionServer] = []

    def server() -> SessionServer:
        from econsim.testing.session_server import SessionServer

        if not started:
            started.append(SessionServer())
        return started[0]

    yield server
    for each in started:
        each.stop()


@pytest.fixture
def economy(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    econsim_server: Callable[[], SessionServer],
) -> Economy:
    """Provide an economy: `economy.run("smith1962", seed=7)` runs a scenario and returns its events and figures."""
    from econsim.testing.economy import Economy

    def server() -> SessionServer:
        """Let `econsim.join` find the server in this test, whatever the environment named before."""
        found = econsim_server()
        monkeypatch.setenv("ECONSIM_STATE", found.state)
        monkeypatch.setenv("ECONSIM_NATS", found.url)
        monkeypatch.delenv("ECONSIM_CREDS", raising=False)
        return found

    return Economy(server, request.config.getoption("--econsim-transport"))
