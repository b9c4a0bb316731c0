"""Verification of a whole run as two streams hold it: the log, and the ledger's bucket.

Each record is checked on its own (its digest, its form, its key), then all of them together: the log by
`log.py`, the journal by `domain/ledger/verify.py`, and the canonical hash against the one that was kept when the run
ended. What cannot be read is a finding, and the rest is checked without it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.decoding import decode
from econsim.domain.audit.envelope import derived_id, digest
from econsim.domain.finding import PLACE_IN_BUCKET, PLACE_IN_LOG, RECORD_OF_LOG, Finding
from econsim.domain.ledger.verify import ClaimedBalances, JournalEntry, JournalReport, verify_journal
from econsim.domain.verification.log import LogChecks, LogReport
from econsim.errors import EconsimError
from econsim.schemas.clock import RunOpened
from econsim.schemas.ledger import TransferPosted


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as a stream holds it."""

    sequence: int
    """Its place."""
    subject: str
    """Its subject in the log, its key in the bucket."""
    payload: bytes
    """Its bytes."""
    digest: str | None
    """Its digest when it was sent; none if it carries none."""
    digest_subject: str = ""
    """The subject its digest was taken with, if that is another."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What verification of a run found."""

    log: LogReport
    """The log."""
    journal: JournalReport
    """The journal and the balances."""
    canonical_hash: str
    """The canonical hash of what is in the log."""
    findings: tuple[Finding, ...]
    """Everything wrong: single records first, then what does not fit together."""


class RunChecks:
    """One run, record by record."""

    def __init__(self, run: str, fold: Callable[[StoredRecord], JournalEntry | None]) -> None:
        """Check this run; `fold` takes one write of the bucket in and returns it if it is a journal entry."""
        self.opening_id = ""
        """Event id of the run's opening."""
        self._run = run
        self._fold = fold
        self._log = LogChecks()
        self._canonical = CanonicalLog()
        self._salt = ""
        self._places = {PLACE_IN_LOG: 0, PLACE_IN_BUCKET: 0}
        self._entries: list[tuple[StoredRecord, JournalEntry]] = []
        self._findings: list[Finding] = []

    def add_log_record(self, kept: StoredRecord) -> None:
        """Take in the next record of the log."""
        self._vouched(kept, PLACE_IN_LOG)
        try:
            addressed = decode(kept.subject, kept.payload)
        except EconsimError as error:
            self._found(kept, "record_cannot_be_read", str(error), PLACE_IN_LOG)
            return
        if isinstance(addressed.event.data, RunOpened):
            self._salt, self.opening_id = addressed.event.data.salt, addressed.event.event_id
        self._log.add(kept.sequence, addressed)
        self._canonical.add(addressed)

    def add_bucket_record(self, kept: StoredRecord) -> None:
        """Take in the next write of the ledger's bucket."""
        self._vouched(kept, PLACE_IN_BUCKET)
        try:
            entry = self._fold(kept)
        except EconsimError as error:
            self._found(kept, "record_cannot_be_read", str(error), PLACE_IN_BUCKET)
            return
        if entry is not None:
            self._entries.append((kept, entry))

    def add_finding(self, finding: Finding) -> None:
        """Note what a stream has lost."""
        self._findings.append(finding)

    def report(self, balances: ClaimedBalances, kept_hash: str = "") -> RunReport:
        """Return what was found; `kept_hash` is the canonical hash the run had when it ended, if it was kept."""
        for kept, entry in self._entries:
            self._named(kept, entry)
        entries = [entry for _, entry in self._entries]
        log, journal = self._log.report(entries), verify_journal(entries, balances)
        found, wrong = self._canonical.hexdigest(), []
        if kept_hash and kept_hash != found:
            evidence = f"it was {kept_hash} when the run ended, the log gives {found}"
            wrong.append(Finding(log.records, self._run, "canonical_hash_differs", evidence, RECORD_OF_LOG))
        return RunReport(log, journal, found, (*self._findings, *log.findings, *journal.findings, *wrong))

    def _vouched(self, kept: StoredRecord, where: str) -> None:
        """Compare a record with its digest, and its place with the one before."""
        if kept.sequence <= self._places[where]:
            self._found(kept, "place_is_out_of_order", f"it comes after {self._places[where]}", where)
        self._places[where] = kept.sequence
        if kept.digest is None:
            self._found(kept, "record_has_no_digest", "no service wrote it, or it lost its header", where)
        elif kept.digest != (found := digest(kept.digest_subject or kept.subject, kept.payload)):
            self._found(kept, "record_differs_from_its_digest", f"{found} instead of {kept.digest}", where)

    def _named(self, kept: StoredRecord, entry: JournalEntry) -> None:
        """Compare a journal entry's key with its event id, which was derived from both its subject and its key."""
        subject, name = kept.digest_subject or kept.subject, kept.subject.rpartition(".")[2]
        posted = isinstance(entry.data, TransferPosted)
        wrong = kept.subject.split(".")[1] != ("transfer" if posted else "refusal")
        if wrong or (self._salt and entry.event_id != derived_id(self._salt, entry.tick, subject, name)):
            self._found(kept, "key_is_of_another_entry", entry.event_id, PLACE_IN_BUCKET)

    def _found(self, kept: StoredRecord, what: str, evidence: str, where: str) -> None:
        self._findings.append(Finding(kept.sequence, kept.subject, what, evidence, where))
