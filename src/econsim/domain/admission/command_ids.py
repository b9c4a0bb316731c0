"""What the commands of the last minutes asked for, by their ids: so that a repeat is told from another command. Pure."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

COMMANDS_REMEMBERED_MAX: Final = 100_000
"""Ids one worker remembers, 250 bytes each: ten minutes, which is as long as the queue does, of 160 commands a second."""


class CommandIds:
    """The newest ids, each with a fingerprint of what it stands for."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._contents: OrderedDict[str, bytes] = OrderedDict()

    def __contains__(self, id_: str) -> bool:
        """Return whether an id is remembered."""
        return id_ in self._contents

    def note(self, id_: str, content: str) -> bool:
        """Remember what an id stands for; false if that is something else already."""
        digest = blake2b(content.encode(), digest_size=16).digest()
        known = self._contents.setdefault(id_, digest)
        if len(self._contents) > COMMANDS_REMEMBERED_MAX:
            self._contents.popitem(last=False)
        return known == digest

    def forget(self, id_: str) -> None:
        """Remember an id no longer."""
        self._contents.pop(id_, None)
