"""A tool server that is kept open: one task owns its session, opens it again after every loss, and gives it to callers.

A session may be used by any task but must be closed by the one that opened it, so it has an owner task. The task opens
the session, lists the tools, waits until the session is lost, closes it, and begins again after a pause that doubles
with every failure in a row, from FIRST_PAUSE_S to PAUSE_MAX_S.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

from econsim.adapters.clock import jitter
from econsim.adapters.poll import Poll
from econsim.domain.mcp.terms import listing_digest, listings
from econsim.errors import EconsimError, SetupError, ToolCallFailed
from econsim.schemas.mcp import ListedTool, ToolFailure, ToolListing, ToolResult
from econsim.schemas.tool_server_file import ServerTable

START_S: Final = 30.0
"""Seconds that a server may take to start and to list its tools: a Python one takes two, on a busy machine ten."""

FIRST_PAUSE_S: Final = 0.2
"""Seconds before the first restart."""

PAUSE_MAX_S: Final = 30.0
"""Longest pause before a restart, seconds."""

LASTED_S: Final = 60.0
"""Seconds after which a session counts as a good one: the next restart is the first again."""

LISTED_S: Final = 3_600.0
"""Pause between two looks at a session that tells nothing, seconds."""

WAITING_MAX: Final = 512
"""Calls that wait for a place at one server; further ones are refused, so that no server takes the places of the others."""

_log = logging.getLogger(__name__)


class Session(Protocol):
    """An open session."""

    stirred: asyncio.Event
    """Event that is set when `lost` or `changed` become true."""
    lost: bool
    """True once the session answers no more."""
    changed: bool
    """True when the server says that its tools changed, until they are listed again."""

    async def list_tools(self) -> tuple[ListedTool, ...]:
        """Return the tools that the server lists; raises ToolCallFailed."""

    async def call(self, tool: str, arguments: Mapping[str, object], timeout_s: float) -> ToolResult:
        """Call a tool once; raises ToolCallFailed."""


OpenSession = Callable[[], AbstractAsyncContextManager[Session]]
"""Opener of a session, for the time of a context."""


class KeptToolServer:
    """One tool server, its session kept open."""

    def __init__(self, name: str, table: ServerTable, open_session: OpenSession) -> None:
        """Prepare; `start` opens the session in the background."""
        self.name = name
        """Name of the server among agents."""
        self.table = table
        """Operator's table of the server."""
        self.tools: Mapping[str, ToolListing] = {}
        """Tools that agents may call, as last listed."""
        self.listing = ""
        """Digest of the tools; empty until they were listed."""
        self._open = open_session
        self._places = asyncio.Semaphore(table.calls_max)
        self._waiting = 0
        self._session: Session | None = None
        self._opened = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the session, and keep it open until `stop`."""
        self._owner = asyncio.create_task(self._keep_open(), name=f"tool server {self.name}")

    async def stop(self) -> None:
        """Close the session; calls under way fail."""
        if self._owner:
            self._owner.cancel()
            await asyncio.gather(self._owner, return_exceptions=True)

    @asynccontextmanager
    async def opened_once(self) -> AsyncIterator[None]:
        """Open the session for the time of the context, and not again; raises SetupError with the reason if it does not open."""
        failed: EconsimError | None = None
        async with AsyncExitStack() as stack:
            try:
                self._session = await stack.enter_async_context(self._opening())
            except Exception as error:
                raise self._absence(_innermost(error)) from error
            self._opened.set()
            try:
                yield
            except EconsimError as error:
                # Within the session it would come out as one of a group of errors.
                failed = error
            finally:
                self._opened.clear()
                self._session = None
        if failed:
            raise failed

    @property
    def is_open(self) -> bool:
        """Tell whether the server has a session now."""
        return self._session is not None

    async def call(self, tool: str, arguments: Mapping[str, object], timeout_s: float) -> ToolResult:
        """Call a tool once, within the server's places; raises ToolCallFailed."""
        end = asyncio.get_running_loop().time() + timeout_s
        await self._take_place(timeout_s)
        try:
            session = await self._opened_session(end)
            left_s = end - asyncio.get_running_loop().time()
            if left_s <= 0:
                raise self._busy()
            return await session.call(tool, arguments, left_s)
        finally:
            self._places.release()

    async def _take_place(self, timeout_s: float) -> None:
        """Take a place; wait for one in the order of asking."""
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= WAITING_MAX:
            raise self._busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._places.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= 1

    async def _opened_session(self, end: float) -> Session:
        """Return the session; wait for one that is being opened."""
        if self._session is not None and not self._session.lost:
            return self._session
        try:
            async with asyncio.timeout_at(end):
                await self._opened.wait()
                while self._session is None or self._session.lost:
                    # The owner has not seen yet that this session is lost.
                    self._opened.clear()
                    await self._opened.wait()
        except TimeoutError:
            message = f"{self.name} does not answer; it is being started again"
            raise ToolCallFailed(message, code=ToolFailure.TOOL_SERVER_FAILED.value, ran=False) from None
        return self._session

    def _busy(self) -> ToolCallFailed:
        message = f"{self.name} had no free place among its {self.table.calls_max} within the deadline"
        return ToolCallFailed(message, code=ToolFailure.TOOL_SERVER_IS_BUSY.value, ran=False)

    def _absence(self, reason: BaseException) -> SetupError:
        said = f"no answer within {START_S:g} s" if isinstance(reason, TimeoutError) else reason
        message = (
            f"tool server {self.name!r} does not start: {said}; see its table in the file of tool servers"
        )
        return SetupError(message)

    async def _keep_open(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                async with self._opening() as session:
                    await self._serve(session)
                reason: object = "the session was lost"
            except Exception as error:  # noqa: BLE001 - whatever it is, the server is started again
                reason = _innermost(error)
            if asyncio.get_running_loop().time() - began > LASTED_S:
                pause_s = FIRST_PAUSE_S
            _log.warning("tool server %s is started again in %.1f s: %s", self.name, pause_s, reason)
            await asyncio.sleep(pause_s / 2 + jitter(pause_s / 2))
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    @asynccontextmanager
    async def _opening(self) -> AsyncIterator[Session]:
        """Yield the session, opened and listed within START_S."""
        async with asyncio.timeout(START_S) as patience, self._open() as session:
            await self._list(session)
            patience.reschedule(None)
            yield session

    async def _serve(self, session: Session) -> None:
        """Give the session to callers until it is lost; list the tools again when they change."""
        self._session = session
        self._opened.set()
        try:
            async for _ in Poll(LISTED_S, wake=session.stirred):
                if session.lost:
                    return
                if session.changed:
                    session.changed = False
                    await self._list(session)
        finally:
            self._opened.clear()
            self._session = None

    async def _list(self, session: Session) -> None:
        self.tools, faults = listings(self.name, self.table, await session.list_tools())
        self.listing = listing_digest(self.tools)
        for tool, fault in faults.items():
            _log.warning("tool %r of %s is not offered to agents: %s", tool, self.name, fault)


def _innermost(error: BaseException) -> BaseException:
    """Return the first error within groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if str(error) else type(error)(type(error).__name__)
