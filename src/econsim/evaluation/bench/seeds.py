"""Seeds as people write them: `1..20`, `7`, or `1,2,5..9`. Imports nothing heavy: the command line reads them before anything else."""

from __future__ import annotations

import re
from typing import Final

from econsim.errors import InvalidMessage, quoted_value

SEEDS_MAX: Final = 1_000_000
"""Seeds of one batch."""

_RANGE: Final = re.compile(r"([0-9]{1,18})(?:\.\.([0-9]{1,18}))?")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of `1..20`, `3` or `1,2,5..9`; raises InvalidMessage with the right form, or for a seed named twice."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip()) if part.isascii() else None
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first <= last and last - first >= SEEDS_MAX:
            message = (
                f"{quoted_value(text)} names more than {SEEDS_MAX:,} seeds, the most of a batch; name fewer"
            )
            raise InvalidMessage(message)
        if first > last or last >= 2**63:
            message = f"{quoted_value(text)} names no seeds; write 1..20, 7, or 1,2,5..9"
            raise InvalidMessage(message)
        for seed in range(first, last + 1):
            if seed in found:
                message = (
                    f"{quoted_value(text)} names seed {seed} twice: both runs would be the same; name it once"
                )
                raise InvalidMessage(message)
            found[seed] = None
    return tuple(found)
