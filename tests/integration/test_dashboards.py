"""The dashboards: written by their builder, and every query of every panel has data of a real run in a real Prometheus."""

from __future__ import annotations

import json
import re
import runpy

import pytest
from nats_runs import shortened
from prometheus import DEPLOY, prometheus, promtool
from requirements import requirement
from scraped import free_address
from superuser import superuser

from econsim.adapters.nats.connection import connect
from econsim.adapters.poll import Poll
from econsim.app import Server, running
from econsim.routers import SERVICES
from econsim.runs.remote import open_run
from econsim.services import figures_reporter

FILES = sorted((DEPLOY / "dashboards").glob("*.json"))
PLACES = {"$__rate_interval": "1m", "$run": ".*"}


def queries():
    """Yield where a query stands, and the query as Grafana sends it."""
    for file in FILES:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                found = target["expr"]
                for place, sent in PLACES.items():
                    found = found.replace(place, sent)
                yield f"{file.stem}: {panel['title']} {target['refId']}", found


def test_the_files_are_what_their_builder_writes() -> None:
    """Write them anew with `python deploy/observability/dashboards.py`."""
    builder = runpy.run_path(str(DEPLOY / "dashboards.py"))

    written = {name: builder["build"](name, panels) for name, panels in builder["DASHBOARDS"].items()}

    assert {file.stem: file.read_text() for file in FILES} == written


def test_each_panel_has_a_name_of_its_own_and_each_query_an_own_letter() -> None:
    names = [where for where, _ in queries()]

    assert len(names) == len(set(names))
    assert not [where for where in names if not re.search(r" [A-C]$", where)]


def test_promtool_reads_every_query(tmp_path) -> None:
    rules = [{"record": f"panel:{number}", "expr": query} for number, (_, query) in enumerate(queries())]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    done = promtool("check", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.nats
@pytest.mark.timeout(300)
@requirement("operations.dashboards")
async def test_every_panel_has_data_of_a_real_run(server, run, tmp_path, monkeypatch) -> None:
    address = free_address()
    monkeypatch.setenv("ECONSIM_METRICS", address)
    monkeypatch.setattr(figures_reporter, "REPORT_INTERVAL_S", 0.05)
    client = await connect(server.url, superuser(server), "test-dashboards")
    empty = dict(queries())

    async def look():
        for where, query in list(empty.items()):
            if await found.values(query):
                del empty[where]
        return not empty

    try:
        async with (
            running(tuple(SERVICES), Server(server.url, server.creds)),
            prometheus(tmp_path, address) as found,
        ):
            await open_run(client, run, shortened("tool_market", ticks=20))
            async for _ in Poll(1, 90):
                if await look():
                    break
    finally:
        await client.close()

    assert not empty
