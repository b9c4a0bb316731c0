"""Deduplication of commands: the newest command ids, each with a fingerprint of its command. Pure.

The same id with the same content is a repeat. The same id with other content is a mistake of the agent.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

COMMANDS_REMEMBERED_MAX: Final = 100_000
"""Ids that one worker remembers, 250 bytes each: ten minutes of 160 commands a second. The queue also remembers ids
for ten minutes."""


class CommandIds:
    """The newest command ids of one worker; the oldest makes room for the newest."""

    def __init__(self, ids_max: int = COMMANDS_REMEMBERED_MAX) -> None:
        """Start with no ids; remember at most `ids_max`."""
        self._ids_max = ids_max
        self._fingerprints: OrderedDict[str, bytes] = OrderedDict()

    def __contains__(self, id_: str) -> bool:
        """Return whether an id is remembered."""
        return id_ in self._fingerprints

    def remember(self, id_: str, content: str) -> bool:
        """Remember the content of an id; return false if the id has other content already."""
        fingerprint = blake2b(content.encode(), digest_size=16).digest()
        known = self._fingerprints.setdefault(id_, fingerprint)
        if len(self._fingerprints) > self._ids_max:
            self._fingerprints.popitem(last=False)
        return known == fingerprint

    def forget(self, id_: str) -> None:
        """Forget an id."""
        self._fingerprints.pop(id_, None)
