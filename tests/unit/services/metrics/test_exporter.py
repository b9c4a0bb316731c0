"""The exporter's own part: reports in, and the address at which it is read."""

from types import SimpleNamespace

import pytest
from nats.aio.msg import Msg
from run_builders import small_scenario

from econsim.config import settings
from econsim.domain.metrics.run_figures import RunFigures
from econsim.errors import SetupError
from econsim.routers import metrics
from econsim.schemas.metrics import FiguresReported
from econsim.services.metrics import exporter
from econsim.services.metrics.exporter import Exporter
from econsim.subjects import FIGURES_REPORTED


@pytest.fixture
def answering(monkeypatch):
    """Return an exporter whose servers do not answer and whose balances cannot be read."""

    async def nobody(*_):
        return []

    async def nothing(*_):
        return {}

    monkeypatch.setattr(exporter, "ask_servers", nobody)
    monkeypatch.setattr(exporter, "read_balances", nothing)
    context = SimpleNamespace(client=None, runs={}, run_figures={})
    return Exporter(context, "127.0.0.1", 0)


def report(payload, service="market"):
    subject = FIGURES_REPORTED(service=service, worker=f"{service}-1")
    return Msg(_client=None, subject=subject, data=payload)


async def names(found):
    return {family.name for family in await found.families()}


async def test_a_report_counts_its_worker_and_what_is_none_changes_nothing(answering) -> None:
    await answering.take(report(FiguresReported().model_dump_json().encode()))
    await answering.take(report(b"no report", "ledger"))

    (workers,) = [each for each in await answering.families() if each.name == "econsim_workers"]
    assert [(labels, value) for _, labels, value in workers.samples] == [({"service": "market"}, 1)]


async def test_a_run_is_exported_for_a_while_after_its_end(answering) -> None:
    figures = RunFigures("r1", small_scenario())
    answering._context.run_figures["r1"] = figures
    open_ = await names(answering)
    figures.ended_s = -exporter.KEPT_S

    assert "econsim_run_tick" in open_
    assert "econsim_run_tick" not in await names(answering)


async def test_an_address_that_is_taken_is_named(answering) -> None:
    answering.exposition.start()
    other = Exporter(answering._context, "127.0.0.1", answering.exposition.port)

    with pytest.raises(SetupError, match=r"127\.0\.0\.1:\d+.*ECONSIM_METRICS"):
        other.exposition.start()
    await other.exposition.stop()
    await answering.exposition.stop()


def test_without_an_address_nothing_is_collected() -> None:
    context = SimpleNamespace(metrics_at=None)

    assert settings().metrics_at is None
    assert metrics.components(context) == ()
    assert metrics.runs(context, SimpleNamespace(name="r1")) == ()


def test_an_address_has_a_port() -> None:
    assert settings(metrics="127.0.0.1:9464").metrics_at == ("127.0.0.1", 9464)


@pytest.mark.parametrize(
    "given", ["9464", "=9464", ":9464", "127.0.0.1:99999", "127.0.0.1:0", "a b:1", "a:1\n"]
)
def test_what_is_no_address_is_refused_with_the_right_form(given) -> None:
    with pytest.raises(SetupError, match=r"ECONSIM_METRICS.*; write it like 127\.0\.0\.1:9464$"):
        settings(metrics=given)
