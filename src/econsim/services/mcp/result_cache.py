"""Results of pure tools, kept for equal calls; a cache that does not answer counts as empty."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from econsim.domain.mcp.cache_key import cache_key
from econsim.domain.mcp.outcome import result_json, result_of
from econsim.domain.mcp.request import AskedCall
from econsim.errors import EconsimError, Unavailable
from econsim.ports import KeyTable
from econsim.schemas.mcp import ToolResult
from econsim.schemas.tool_server_file import ToolTable

KEPT_BYTES_MAX: Final = 262_144
"""Bytes of the largest result that is kept."""

_log = logging.getLogger(__name__)


class ResultCache:
    """The kept results, of all workers."""

    def __init__(self, table: KeyTable) -> None:
        """Keep results in a table."""
        self._table = table

    async def get(self, call: AskedCall, terms: ToolTable, listing: str) -> ToolResult | None:
        """Return the kept result of an equal call; none if there is none for this agent."""
        if not terms.ttl_s:
            return None
        try:
            found = await self._table.get(cache_key(call, terms, listing))
        except Unavailable:
            return None
        with suppress(ValidationError):
            return result_of(found.value) if found else None
        return None

    async def put(self, call: AskedCall, terms: ToolTable, listing: str, result: ToolResult) -> None:
        """Keep a result for as long as the operator says; one that reports an error, or is very large, is not kept."""
        if not terms.ttl_s or result.is_error:
            return
        value = result_json(result)
        if len(value) > KEPT_BYTES_MAX:
            return
        try:
            await self._table.put(cache_key(call, terms, listing), value, ttl_s=terms.ttl_s)
        except EconsimError as error:
            _log.warning("a result of %s is not kept: %s", call.server, error)
