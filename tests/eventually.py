"""Waiting for what no event announces."""

from inspect import isawaitable

import pytest

from econsim.adapters.poll import Poll


async def eventually(look, timeout_s=30):
    """Call a function, which may be a coroutine function, until it returns something true; return that."""
    async for _ in Poll(0.01, timeout_s):
        found = look()
        if isawaitable(found):
            found = await found
        if found:
            return found
    pytest.fail(f"did not happen within {timeout_s} seconds")
