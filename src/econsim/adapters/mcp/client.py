"""A session with a tool server, by the official client library: the one module that imports it.

The library is asked for requests and results in the protocol's form and no more. What it would trust is checked here:
a line or a body of any length (a limit cuts it off), output schemas (checked in linear time, because a pattern of a server
may take the library's validator for ever), and an answer of another kind.

| What the library raises | What it is here |
| --- | --- |
| time-out (-32001) | `tool_timed_out`; the session goes on |
| invalid parameters (-32602) | `tool_refused` |
| closed connection (-32000), session not found (-32600) | `tool_server_failed`; the session is lost |
| 429 (`bounded_http`) | `tool_server_is_busy` |
| any other error of the server | `tool_server_failed`; the tool did not answer |
| a result that follows no schema | `result_is_malformed` |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import anyio
import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from econsim.adapters.mcp.bounded_http import COMPRESSED, TOO_MANY_CALLS, BoundedTransport
from econsim.adapters.mcp.bounded_lines import TOO_LARGE, LongLine
from econsim.adapters.mcp.server_process import Launcher, ServerProcess, server_process
from econsim.domain.cognition.schema_check import schema_fault, text_fault
from econsim.domain.mcp.outcome import result_json
from econsim.domain.mcp.request import canonical_json
from econsim.errors import InvalidMessage, ToolCallFailed
from econsim.schemas.mcp import ListedTool, ToolFailure, ToolResult
from econsim.schemas.tool_server_file import AnyServerTable, HttpTable, StdioTable

ENVELOPE_BYTES: Final = 65_536
"""Bytes of a line beyond the result's own: names, ids and metadata of the protocol."""

LIST_BYTES_MAX: Final = 2 * 2**20
"""Bytes of a list of tools: a line that lists is not held to the limit of a result."""

LIST_PAGES_MAX: Final = 50
"""Pages of a list of tools: a server that never ends its list is cut off."""

LIST_TIMEOUT_S: Final = 20.0
"""Seconds for one page of a list of tools."""

SILENCE_S: Final = 130.0
"""Seconds of silence after which a connection is given up: longer than any call may take."""

CONNECTION_LOST: Final = (types.CONNECTION_CLOSED, types.INVALID_REQUEST)
"""Codes after which a session never answers again."""

_CALLER: Final = (types.INVALID_PARAMS, types.METHOD_NOT_FOUND)
_ABSENT: Final = (OSError, httpx2.HTTPError)

# The library tells of every oversized or broken line with a traceback; the calls concerned fail with a sentence.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
logging.getLogger("client").setLevel(logging.ERROR)


class ToolSession:
    """An open session with one server."""

    def __init__(self, name: str, table: AnyServerTable, client: Client) -> None:
        """Use a client that has been entered."""
        self.stirred = asyncio.Event()
        """Event that is set when `lost` or `changed` become true."""
        self.lost = False
        """True once the session answers no more."""
        self.changed = False
        """True when the server says that its tools changed, until they are listed again."""
        self._name = name
        self._result_bytes_max = table.result_bytes_max
        self._client = client
        self._outputs: dict[str, Mapping[str, Any]] = {}

    def lose(self) -> None:
        """Note that the session answers no more."""
        self.lost = True
        self.stirred.set()

    def change(self) -> None:
        """Note that the server's tools changed."""
        self.changed = True
        self.stirred.set()

    async def list_tools(self) -> tuple[ListedTool, ...]:
        """Return the tools that the server lists; raises ToolCallFailed."""
        found: list[ListedTool] = []
        cursor: str | None = None
        for _ in range(LIST_PAGES_MAX):
            page = await self._page(cursor)
            found += [_tool(tool) for tool in page.tools]
            cursor = page.next_cursor
            if not cursor:
                break
        self._outputs = {
            tool.name: tool.output_schema
            for tool in found
            if tool.output_schema is not None and not schema_fault(tool.output_schema)
        }
        return tuple(found)

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout_s: float) -> ToolResult:
        """Call a tool once; raises ToolCallFailed.

        A notice of progress or of a log is no answer: the time-out is that of the whole call.
        """
        params = types.CallToolRequestParams(name=tool, arguments=dict(arguments))
        try:
            async with asyncio.timeout(timeout_s + 1.0):
                found = await self._client.session.send_request(
                    types.CallToolRequest(params=params),
                    types.CallToolResult,
                    request_read_timeout_seconds=timeout_s,
                )
        except MCPError as error:
            raise self._failure(error) from None
        except TimeoutError:
            raise self._time_out() from None
        except (ValidationError, RuntimeError, ValueError) as error:
            fault = f"it is no result of the protocol: {str(error)[:200]}"
            raise self._bad_result(fault) from None
        except _ABSENT as error:
            self.lose()
            message = f"{self._name} cannot be reached: {error or type(error).__name__}"
            raise ToolCallFailed(message, code=ToolFailure.TOOL_SERVER_FAILED.value) from None
        return self._result(tool, found)

    async def _page(self, cursor: str | None) -> types.ListToolsResult:
        params = types.PaginatedRequestParams(cursor=cursor)
        try:
            return await self._client.session.send_request(
                types.ListToolsRequest(params=params),
                types.ListToolsResult,
                request_read_timeout_seconds=LIST_TIMEOUT_S,
            )
        except MCPError as error:
            raise self._failure(error) from None
        except (ValidationError, RuntimeError, ValueError) as error:
            fault = f"it is no list of tools: {str(error)[:200]}"
            raise self._bad_result(fault) from None

    def _result(self, tool: str, found: types.CallToolResult) -> ToolResult:
        """Return a result as econsim keeps it; raises ToolCallFailed for one that is too large or not as declared."""
        content = tuple(
            part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in found.content
        )
        structured = found.structured_content
        if structured is not None and not isinstance(structured, dict):
            fault = "its structured content is no object"
            raise self._bad_result(fault)
        result = ToolResult(content, structured, bool(found.is_error))
        if (size := len(result_json(result))) > self._result_bytes_max:
            raise self._too_large(size)
        schema = self._outputs.get(tool)
        if schema is not None and not result.is_error:
            self._check_structured(schema, structured)
        return result

    def _check_structured(self, schema: Mapping[str, Any], structured: dict[str, Any] | None) -> None:
        if structured is None:
            fault = "it has no structured content, though the tool declares an output schema"
            raise self._bad_result(fault)
        try:
            found = text_fault(schema, canonical_json(structured))
        except InvalidMessage as error:
            found = str(error)
        if found:
            fault = f"it does not follow the output schema that the tool declares: {found}"
            raise self._bad_result(fault)

    def _failure(self, error: MCPError) -> ToolCallFailed:
        """Return the failure that an error of the library stands for."""
        said = " ".join(str(error.message).split())[:300]
        if error.code == types.REQUEST_TIMEOUT:
            return self._time_out()
        if error.code == TOO_LARGE:
            return self._too_large(int(error.data or 0))
        if error.code == COMPRESSED:
            return self._bad_result(said)
        if error.code in CONNECTION_LOST:
            self.lose()
        if error.code in _CALLER:
            return ToolCallFailed(
                f"{self._name} refused the call: {said}", code=ToolFailure.TOOL_REFUSED.value, ran=False
            )
        if error.code == TOO_MANY_CALLS:
            return ToolCallFailed(
                f"{self._name} has too many calls: {said}",
                code=ToolFailure.TOOL_SERVER_IS_BUSY.value,
                ran=False,
            )
        return ToolCallFailed(f"{self._name} failed: {said}", code=ToolFailure.TOOL_SERVER_FAILED.value)

    def _time_out(self) -> ToolCallFailed:
        message = f"{self._name} did not answer within the deadline"
        return ToolCallFailed(message, code=ToolFailure.TOOL_TIMED_OUT.value)

    def _too_large(self, size: int) -> ToolCallFailed:
        message = f"the result of {self._name} has {size} bytes; at most {self._result_bytes_max} are taken"
        return ToolCallFailed(message, code=ToolFailure.RESULT_IS_TOO_LARGE.value, ran=True)

    def _bad_result(self, fault: str) -> ToolCallFailed:
        message = f"the result of {self._name} cannot be taken: {fault}"
        return ToolCallFailed(message, code=ToolFailure.RESULT_IS_MALFORMED.value, ran=True)


@asynccontextmanager
async def open_session(
    name: str, table: AnyServerTable, launcher: Launcher, headers: Mapping[str, str]
) -> AsyncIterator[ToolSession]:
    """Open a session with a server for the time of the context; leave it in the task that entered it."""
    async with AsyncExitStack() as stack:
        opened: list[ToolSession] = []
        transport = (
            _stdio(launcher, table, opened) if isinstance(table, StdioTable) else _http(table, headers)
        )

        async def hear(message: object) -> None:
            if isinstance(message, types.ToolListChangedNotification):
                for session in opened:
                    session.change()

        client = await stack.enter_async_context(Client(transport, cache=None, message_handler=hear))
        session = ToolSession(name, table, client)
        opened.append(session)
        yield session


def _bytes_max(table: AnyServerTable) -> int:
    return max(table.result_bytes_max + ENVELOPE_BYTES, LIST_BYTES_MAX)


@asynccontextmanager
async def _stdio(launcher: Launcher, table: StdioTable, opened: list[ToolSession]) -> AsyncIterator[Any]:
    """Yield the streams of a server's process, with every line within the limit."""
    to_session, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    to_server, from_session = anyio.create_memory_object_stream[SessionMessage](16)
    async with (
        server_process(launcher, table, _bytes_max(table)) as process,
        anyio.create_task_group() as group,
    ):

        async def read() -> None:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                async for line in process.lines():
                    await _pass_on(line, to_session)
            to_session.close()
            for session in opened:
                session.lose()

        async def write() -> None:
            with suppress(anyio.ClosedResourceError):
                async for message in from_session:
                    await _write(process, [message, *_waiting(from_session)], to_session)

        group.start_soon(read)
        group.start_soon(write)
        try:
            yield from_server, to_server
        finally:
            group.cancel_scope.cancel()
            for stream in (to_session, from_server, to_server, from_session):
                stream.close()


def _waiting(from_session: Any) -> list[SessionMessage]:  # noqa: ANN401 - the library's own stream
    """Return the messages that wait already.

    Calls that were paid for together are written together, because each write wakes the server: with 32 callers that is half of
    the server's processor time and 6 % of the gateway's.
    """
    found: list[SessionMessage] = []
    with suppress(anyio.WouldBlock, anyio.EndOfStream):
        while True:
            found.append(from_session.receive_nowait())
    return found


async def _write(process: ServerProcess, messages: Sequence[SessionMessage], to_session: Any) -> None:  # noqa: ANN401 - the library's own stream
    """Write messages, one a line; a server that reads no more ends the session."""
    lines = (each.message.model_dump_json(by_alias=True, exclude_unset=True) for each in messages)
    try:
        await process.write("\n".join(lines).encode())
    except OSError:
        await to_session.aclose()


async def _pass_on(line: bytes | LongLine, to_session: Any) -> None:  # noqa: ANN401 - the library's own stream
    """Hand the message in a line to the session; a line that is none, such as a print of the server's, is dropped."""
    if (message := _message(line)) is not None:
        await to_session.send(message)


def _message(line: bytes | LongLine) -> SessionMessage | None:
    """Return the message in a line; none for a line that is no message, such as a print of the server's."""
    try:
        if not isinstance(line, LongLine):
            return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
        if (id_ := line.request_id) is None:
            return None
    except ValueError:
        return None
    error = types.ErrorData(code=TOO_LARGE, message="the answer was cut off", data=line.size)
    return SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=id_, error=error))


@asynccontextmanager
async def _http(table: HttpTable, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """Yield the streams of a server over HTTP, with every answer within the limit."""
    bytes_max = _bytes_max(table)
    async with (
        httpx2.AsyncClient(
            headers=dict(headers),
            timeout=httpx2.Timeout(10.0, read=SILENCE_S),
            transport=BoundedTransport(bytes_max),
            trust_env=False,
        ) as http_client,
        streamable_http_client(table.url, http_client=http_client, max_sse_event_size=bytes_max) as streams,
    ):
        yield streams


def _tool(tool: types.Tool) -> ListedTool:
    return ListedTool(tool.name, tool.description or "", tool.input_schema, tool.output_schema)
