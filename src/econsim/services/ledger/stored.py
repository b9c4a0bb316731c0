"""One run's ledger read back from the store: the journal and the balances the store claims.

For readers that verify or show them: `econsim ledger`, the tests, the attacks' check of invariants. `state.py` writes
them; `bucket.py` knows the keys.
"""

from __future__ import annotations

import json

from pydantic import ValidationError

from econsim.domain.ledger.bucket import LedgerKey, parse_entry, parse_key
from econsim.domain.ledger.decisions import changed_holders
from econsim.domain.ledger.journal import entry_hash
from econsim.domain.ledger.verify import JournalEntry
from econsim.errors import CorruptJournal
from econsim.ports import StateStore, StoredEntry
from econsim.schemas.ledger import CREDITS, DEBT, Position, TransferPosted


async def hash_at(store: StateStore, revision: int) -> str | None:
    """Return the hash of the journal entry of a revision, as it follows from its content; none if no entry is there."""
    stored = await store.at(revision)
    if stored is None or parse_key(stored.key)[0] is not LedgerKey.ENTRY:
        return None
    try:
        return entry_hash(parse_entry(stored.key, stored.value).data)
    except ValidationError:
        return None


class StoredLedger:
    """The journal and the balances of one run, folded from the store's writes."""

    def __init__(self) -> None:
        """Start before the first write."""
        self.entries: list[JournalEntry] = []
        """Journal entries in the order they were written."""
        self.balances: dict[str, dict[str, Position]] = {}
        """Holder → asset → position, of the newest writes."""
        self.behind: set[str] = set()
        """Holders in entries after the newest positions: the ledger may write theirs a moment later."""

    def fold(self, stored: StoredEntry) -> JournalEntry | None:
        """Fold one write, oldest first, and return it if it is a journal entry.

        Raises CorruptJournal if it cannot be read.
        """
        try:
            return self._fold(stored)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"the first bad record is {stored.key} at revision {stored.revision}: it cannot be read"
            raise CorruptJournal(message) from error

    def _fold(self, stored: StoredEntry) -> JournalEntry | None:
        kind, holder = parse_key(stored.key)
        match kind:
            case LedgerKey.ENTRY:
                entry = parse_entry(stored.key, stored.value)
                self.entries.append(entry)
                if isinstance(entry.data, TransferPosted):
                    self.behind.update(changed_holders(entry.data.chains))
                return entry
            case LedgerKey.BALANCE:
                self.behind.clear()
                found = json.loads(stored.value)
                positions = self.balances.setdefault(holder, {})
                positions[CREDITS] = Position(found["posted"], found["pending"])
                positions[DEBT] = Position(found.get("debt", 0), 0)
            case LedgerKey.HOLDINGS:
                self.behind.clear()
                for asset, found in json.loads(stored.value).items():
                    self.balances.setdefault(holder, {})[asset] = Position(found["posted"], found["pending"])
        return None
