"""Presence of services, against the leases that the services themselves define."""

from __future__ import annotations

from dataclasses import replace

from factories import active, group, scenario

from econsim.routers import SERVICES
from econsim.runs.launch.service_presence import LEASES, serving
from econsim.schemas.executor import Execution
from econsim.services.context import ServiceContext


def leases_of(service: str, run: str) -> list[str]:
    """Return the leases of a service that serves a run."""
    context, definition = ServiceContext(service, broker=None), SERVICES[service]
    opened = active(scenario(group("zoe")), run=run)
    if service == "executor":
        opened = replace(opened, data=opened.data.model_copy(update={"execution": Execution.WHOLE}))
    return [
        task.lease for task in (*definition.run_tasks(context, opened), *definition.service_tasks(context))
    ]


def test_a_service_shows_by_its_leases() -> None:
    assert {name: serving(leases_of(name, "r"), "r") for name in LEASES} == {name: {name} for name in LEASES}


def test_every_service_has_a_lease_but_those_whose_workers_share_all_runs_and_those_that_look_on() -> None:
    assert LEASES.keys() == {name for name in SERVICES if leases_of(name, "r")}
    assert SERVICES.keys() - LEASES.keys() == {"admission", "mcp"} | {"metrics", "trace"}


def test_leases_of_another_run_show_nothing() -> None:
    others = [lease for name in LEASES for lease in leases_of(name, "r2") if "r2" in lease]

    assert serving(others, "r") == set()
