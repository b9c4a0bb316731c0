"""Metrics over HTTP, as Prometheus reads them: one page, made when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Metric, start_http_server

from econsim.domain.metrics.family import Family
from econsim.errors import SetupError

COLLECT_S: Final = 8.0
"""Seconds to make a page: Prometheus waits ten."""

Collect = Callable[[], Awaitable[Iterable[Family]]]
"""Returns the metrics as they are now."""


class Exposition:
    """A listener that serves `/metrics`; its thread does nothing but wait, and ask the loop that started it."""

    def __init__(self, address: str, port: int, collect: Collect) -> None:
        """Serve at an address and a port, 0 for any free one, from `start` to `stop`."""
        self.port = port
        """Port of the listener, once it is started."""
        self._address = address
        self._collect = collect
        self._server: WSGIServer | None = None

    def start(self) -> None:
        """Begin to listen; raises SetupError if the address is taken."""
        self._loop = asyncio.get_running_loop()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        try:
            self._server, _ = start_http_server(self.port, self._address, registry)
        except OSError as error:
            message = f"metrics cannot be served at {self._address}:{self.port}: {error.strerror}; set ECONSIM_METRICS to another"
            raise SetupError(message) from error
        self.port = self._server.server_port

    async def stop(self) -> None:
        """Stop listening, if it did."""
        if self._server:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics in the library's form; called in a thread of the listener."""
        working = asyncio.run_coroutine_threadsafe(self._families(), self._loop)
        for family in working.result(COLLECT_S):
            metric = Metric(family.name, family.meaning, family.kind)
            for suffix, labels, value in family.samples:
                metric.add_sample(family.name + suffix, dict(labels), value)
            yield metric

    async def _families(self) -> Iterable[Family]:
        return await self._collect()
