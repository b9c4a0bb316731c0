"""A relay in front of a server, which can be cut: the server has gone for those who connect through it, and for nobody else."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit


class Relay:
    """A relay to one server."""

    def __init__(self, url):
        self._target = urlsplit(url)
        self._writers = set()
        self._listening = None
        self._port = 0

    @property
    def url(self):
        """Return the relay's own address."""
        return f"nats://127.0.0.1:{self._port}"

    async def __aenter__(self):
        await self.mend()
        return self

    async def __aexit__(self, *_):
        await self.cut()

    async def mend(self):
        """Relay from now on, under the address of before."""
        self._listening = await asyncio.start_server(self._relay, "127.0.0.1", self._port)
        self._port = self._listening.sockets[0].getsockname()[1]

    async def cut(self):
        """End every connection and take no more."""
        self._listening.close()
        for writer in [*self._writers]:
            writer.close()
        await self._listening.wait_closed()

    async def _relay(self, reader, writer):
        there, to = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, to}
        await asyncio.gather(_copy(reader, to), _copy(there, writer))
        self._writers -= {writer, to}


async def _copy(reader, writer):
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()
