"""A worker's reports: what its tracing dropped is in them once."""

from types import SimpleNamespace

from econsim.schemas.metrics import CounterName, FiguresReported
from econsim.services.figures_reporter import FiguresReporter


class Client:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.reports: list[FiguresReported] = []

    async def publish(self, _, payload) -> None:
        self.reports.append(FiguresReported.model_validate_json(payload))


async def test_dropped_spans_are_counted_once() -> None:
    tracing, client = SimpleNamespace(dropped=0), Client()
    context = SimpleNamespace(client=client, tracing=tracing, service="market", holder="worker")
    reporter = FiguresReporter(context)
    for tracing.dropped in (3, 3, 5):
        await reporter.start()
        await reporter.stop()

    counts = [
        each.value
        for report in client.reports
        for each in report.counters
        if each.name is CounterName.TRACE_SPANS_DROPPED
    ]
    assert counts == [3, 3, 5]
