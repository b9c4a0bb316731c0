"""Verification of a whole run in its two streams: the log, and the ledger's bucket. Pure.

Each record is checked on its own (digest, form, key), then all records together: the log by `log.py`, the journal by
`domain/ledger/verify.py`, and the canonical hash against the one kept when the run ended. An unreadable record is a
finding, and the rest is checked without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.decoding import decode
from econsim.domain.audit.envelope import derived_id, digest
from econsim.domain.finding import PLACE_IN_BUCKET, PLACE_IN_LOG, RECORD_OF_LOG, Finding
from econsim.domain.ledger.verify import ClaimedBalances, JournalEntry, JournalReport, verify_journal
from econsim.domain.verification.log import LogChecks, LogReport
from econsim.errors import EconsimError
from econsim.schemas.clock import RunOpened
from econsim.schemas.ledger import TransferPosted, TransferRefused


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record of a stream."""

    sequence: int
    """Place of the record in the stream."""
    subject: str
    """Subject of the record in the log, its key in the bucket."""
    payload: bytes
    """Bytes of the record."""
    digest: str | None
    """Digest of the record when it was sent; none if it has no digest."""
    digest_subject: str = ""
    """Subject the digest was computed with, if that is another."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The result of a run's verification."""

    log: LogReport
    """Result for the log."""
    journal: JournalReport
    """Result for the journal and the balances."""
    canonical_hash: str
    """Canonical hash of the events in the log."""
    findings: tuple[Finding, ...]
    """Faults: those of single records first, then those between records."""


class RunChecks:
    """The checks of one run, record by record."""

    def __init__(self, run: str, fold: Callable[[StoredRecord], JournalEntry | None] | None = None) -> None:
        """Check this run; `fold` folds one write of the bucket and returns it if it is a journal entry.

        Without it there is no bucket, as for a run in a file, and the log's copies are the journal.
        """
        self.opening_id = ""
        """Event id of the run's opening, empty before it is read."""
        self._run = run
        self._fold = fold
        self._log = LogChecks()
        self._canonical = CanonicalLog()
        self._salt = ""
        self._places = {PLACE_IN_LOG: 0, PLACE_IN_BUCKET: 0}
        self._entries: list[tuple[StoredRecord, JournalEntry]] = []
        self._copies: list[JournalEntry] = []
        self._findings: list[Finding] = []

    def add_log_record(self, record: StoredRecord) -> None:
        """Check the next record of the log."""
        self._check_digest(record, PLACE_IN_LOG)
        try:
            addressed = decode(record.subject, record.payload)
        except EconsimError as error:
            self._add(record, "record_cannot_be_read", str(error), PLACE_IN_LOG)
            return
        if isinstance(addressed.event.data, RunOpened):
            self._salt, self.opening_id = addressed.event.data.salt, addressed.event.event_id
        if self._fold is None and isinstance(addressed.event.data, TransferPosted | TransferRefused):
            self._copies.append(addressed.event)  # type: ignore[arg-type]  # its data was looked at
        self._log.add(record.sequence, addressed)
        self._canonical.add(addressed)

    def add_bucket_record(self, record: StoredRecord) -> None:
        """Check the next write of the ledger's bucket."""
        self._check_digest(record, PLACE_IN_BUCKET)
        try:
            entry = self._fold(record) if self._fold else None
        except EconsimError as error:
            self._add(record, "record_cannot_be_read", str(error), PLACE_IN_BUCKET)
            return
        if entry is not None:
            self._entries.append((record, entry))

    def add_finding(self, finding: Finding) -> None:
        """Add a finding of the reader: a gap in a stream."""
        self._findings.append(finding)

    def report(
        self, balances: ClaimedBalances | None, kept_hash: str = "", behind: Collection[str] = ()
    ) -> RunReport:
        """Return the result; `kept_hash` is the canonical hash kept when the run ended, if it was kept.

        The stored balances of the holders `behind` may follow their journal in a run that did not go on to its end.
        """
        for record, entry in self._entries:
            self._check_key(record, entry)
        entries = [entry for _, entry in self._entries] if self._fold else self._copies
        log = self._log.report(entries)
        journal = verify_journal(entries, balances, () if log.whole else behind)
        found, wrong = self._canonical.hexdigest(), []
        if kept_hash and kept_hash != found:
            evidence = f"it was {kept_hash} when the run ended, the log gives {found}"
            wrong.append(Finding(log.records, self._run, "canonical_hash_differs", evidence, RECORD_OF_LOG))
        return RunReport(log, journal, found, (*self._findings, *log.findings, *journal.findings, *wrong))

    def _check_digest(self, record: StoredRecord, where: str) -> None:
        """Compare a record with its digest, and its place with the place of the record before."""
        if record.sequence <= self._places[where]:
            self._add(record, "place_is_out_of_order", f"it comes after {self._places[where]}", where)
        self._places[where] = record.sequence
        if record.digest is None:
            self._add(record, "record_has_no_digest", "no service wrote it, or it lost its header", where)
        elif record.digest != (found := digest(record.digest_subject or record.subject, record.payload)):
            self._add(record, "record_differs_from_its_digest", f"{found} instead of {record.digest}", where)

    def _check_key(self, record: StoredRecord, entry: JournalEntry) -> None:
        """Compare a journal entry's key with its event id, which is derived from its subject and its key."""
        subject, name = record.digest_subject or record.subject, record.subject.rpartition(".")[2]
        posted = isinstance(entry.data, TransferPosted)
        wrong = record.subject.split(".")[1] != ("transfer" if posted else "refusal")
        if wrong or (self._salt and entry.event_id != derived_id(self._salt, entry.tick, subject, name)):
            self._add(record, "key_is_of_another_entry", entry.event_id, PLACE_IN_BUCKET)

    def _add(self, record: StoredRecord, what: str, evidence: str, where: str) -> None:
        self._findings.append(Finding(record.sequence, record.subject, what, evidence, where))
