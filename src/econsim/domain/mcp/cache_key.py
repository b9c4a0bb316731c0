"""The key of a result in the cache: who may have it, and for which call. Pure."""

from __future__ import annotations

from hashlib import blake2b

from econsim.domain.mcp.request import AskedCall
from econsim.schemas.tool_server_file import ToolTable


def cache_key(call: AskedCall, terms: ToolTable, listing: str) -> str:
    """Return the key of a call's result: of its run, and of its agent alone unless the tool's results are public.

    `listing` is the digest of the server's tools: results of a tool whose schema or price changed are not found again.
    """
    owner = "" if terms.public else call.agent
    parts = ("result", call.run, owner, call.server, listing, call.command.tool, call.arguments)
    return blake2b("\n".join(parts).encode(errors="replace"), digest_size=20).hexdigest()
