"""Failed calls of a run's summary: how many for each reason, and what was said of most of them. Folded from the log, call by call."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

MESSAGES_MAX: Final = 100
"""Different messages that are counted of a reason: a server that puts a number into each would fill memory."""

MESSAGE_LENGTH_MAX: Final = 60
"""Characters of a message that are shown: a cell of a table, and enough to know it by."""


class FailureCount:
    """Failed calls of one model or tool while they are counted."""

    def __init__(self) -> None:
        """Start without a failure."""
        self._counts: Counter[str] = Counter()
        self._messages: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, reason: str, message: str) -> None:
        """Add a failed call: the reason as a word, and what its provider or server said, if it said anything."""
        self._counts[reason] += 1
        said, text = self._messages[reason], _short(message)
        if text and (text in said or len(said) < MESSAGES_MAX):
            said[text] += 1

    @property
    def counts(self) -> dict[str, int]:
        """Return reason → count of calls."""
        return dict(sorted(self._counts.items()))

    @property
    def said(self) -> dict[str, str]:
        """Return reason → its most frequent message; a reason without any is left out."""
        return {reason: said.most_common(1)[0][0] for reason, said in sorted(self._messages.items()) if said}


def _short(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= MESSAGE_LENGTH_MAX else f"{text[: MESSAGE_LENGTH_MAX - 1]}…"
