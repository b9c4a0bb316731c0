"""Hold what an order costs in messages against a baseline: a number that no machine's load can distort.

The bytes in the baseline are those of a server of its own; `make bench` holds them. When a change alters the counts on purpose: `python -m benchmarks.counts --update`, and say why in the commit.
"""

from __future__ import annotations

import pytest

from benchmarks.counts import baseline, counted

pytestmark = pytest.mark.nats


async def test_a_lock_step_run_costs_as_many_messages_as_the_baseline_says(server, nc, run):
    found = await counted(server, nc, run)

    assert found.items() <= baseline().items(), "update with: python -m benchmarks.counts --update"
