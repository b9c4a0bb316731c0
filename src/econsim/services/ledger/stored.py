"""What the store holds of one run's ledger, read back for whoever verifies it: a command, a test, a siege.

Apart from `ledger_state`, which writes it. Imports what it needs when it reads: `econsim --help` must answer at once.
"""

# ruff: noqa: PLC0415 - see above
from __future__ import annotations

import json
from typing import TYPE_CHECKING

from econsim.errors import CorruptJournal

if TYPE_CHECKING:
    from econsim.domain.ledger.verify import JournalEntry
    from econsim.ports import StoredEntry
    from econsim.schemas.ledger import Position


class StoredLedger:
    """What the store holds of one run's ledger: its journal, and the balances it claims."""

    def __init__(self) -> None:
        """Start before the first write."""
        self.entries: list[JournalEntry] = []
        """Journal entries in the order they were written."""
        self.balances: dict[str, dict[str, Position]] = {}
        """Holder → asset → position, as the newest writes say."""

    def fold(self, stored: StoredEntry) -> JournalEntry | None:
        """Take in one write, oldest first, and return it if it is a journal entry.

        Raises CorruptJournal if it cannot be read at all.
        """
        from pydantic import ValidationError

        try:
            return self._fold(stored)
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            message = f"the first bad record is {stored.key} at revision {stored.revision}: it cannot be read"
            raise CorruptJournal(message) from error

    def _fold(self, stored: StoredEntry) -> JournalEntry | None:
        from econsim.schemas.ledger import CREDITS, DEBT, Position, TransferPostedEvent, TransferRefusedEvent

        _, kind, name = stored.key.split(".", 2)
        match kind, name:
            case "transfer" | "refusal", _:
                model = TransferPostedEvent if kind == "transfer" else TransferRefusedEvent
                entry = model.model_validate_json(stored.value)
                self.entries.append(entry)
                return entry
            case _, "balance":
                found = json.loads(stored.value)
                held = self.balances.setdefault(kind, {})
                held[CREDITS] = Position(found["posted"], found["pending"])
                held[DEBT] = Position(found.get("debt", 0), 0)
            case _, "holdings":
                for asset, found in json.loads(stored.value).items():
                    self.balances.setdefault(kind, {})[asset] = Position(found["posted"], found["pending"])
        return None
