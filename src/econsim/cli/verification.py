"""Work of `econsim ledger verify`: read a run's log and its ledger's bucket, and find what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from econsim.adapters.jetstream.run_reader import events, history
from econsim.adapters.jetstream.state_store import digest_subject
from econsim.adapters.jetstream.text_store import BucketTextStore
from econsim.cli.readable_run import ReadableRun, readable_run
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.domain.audit.facts import as_record
from econsim.domain.finding import PLACE_IN_BUCKET, PLACE_IN_LOG, Finding
from econsim.domain.ledger.verify import JournalEntry
from econsim.domain.verification.run import RunChecks, StoredRecord
from econsim.ports import StoredEntry, TextStore
from econsim.report.event_lines import event_text
from econsim.runs.stored_hash import stored_hash
from econsim.services.call_texts import record_with_texts
from econsim.services.ledger.stored import StoredLedger

if TYPE_CHECKING:
    from pathlib import Path

    from nats.aio.client import Client

    from econsim.adapters.jetstream.direct_get import StoredMessage
    from econsim.adapters.jetstream.gaps import Gap
    from econsim.config import Settings
    from econsim.domain.verification.run import RunReport

FINDINGS_SHOWN_MAX: Final = 20
"""Findings listed at most: the first one matters, the others often follow from it."""

TEXT_DIGEST: Final = b'"text_digest":'
"""Bytes that every record with a long text contains: other records are not decoded once more."""


@dataclass(frozen=True, slots=True)
class RunVerification:
    """Result of verifying a run."""

    run: str
    """Id of the run."""
    checked: RunReport
    """Report of the checks."""
    hash_kept: bool
    """True if the run's canonical hash was stored when it ended."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return all findings."""
        return self.checked.findings


async def verify_run(config: Settings, run: str | Path) -> RunVerification:
    """Read the log and the bucket of a run, or the file of one in memory or of an archive, and check them."""
    async with readable_run(config, run) as source:
        if source.client:
            return await _verify_log(config, source.client, source.name)
        return await _verify_file(source)


async def _verify_log(config: Settings, client: Client, name: str) -> RunVerification:
    books = StoredLedger()

    def fold(kept: StoredRecord) -> JournalEntry | None:
        return books.fold(StoredEntry(kept.subject, kept.payload, kept.sequence))

    in_log: list[Gap] = []
    in_bucket: list[Gap] = []
    checks, texts = RunChecks(name, fold), BucketTextStore(client)
    # The bucket first: the log gets an entry a moment later, and must have every entry read here.
    async for each in history(client, name, in_bucket):
        checks.add_bucket_record(_stored_record(each, digest_subject(each.subject)))
    async for each in events(client, name, gaps=in_log):
        checks.add_log_record(_stored_record(each))
        for lost in await _lost_texts(texts, each):
            checks.add_finding(Finding(each.sequence, each.subject, "call_text_is_lost", lost, PLACE_IN_LOG))
    for gaps, where in ((in_log, PLACE_IN_LOG), (in_bucket, PLACE_IN_BUCKET)):
        for gap in gaps:
            checks.add_finding(Finding(gap.first, gap.stream, "record_is_missing", str(gap), where))
    stored = stored_hash(config.state, name, checks.opening_id)
    return RunVerification(name, checks.report(books.balances, stored, books.behind), bool(stored))


async def _verify_file(source: ReadableRun) -> RunVerification:
    """Check a run in a file: what was written is checked by its hash, and its journal is that of its events."""
    assert source.kept is not None
    facts, log, place = source.kept.facts, source.log(), 0
    checks = RunChecks(source.name)
    async for entry in log.so_far():
        place, payload = place + 1, event_text(entry).encode()
        checks.add_log_record(StoredRecord(place, entry.subject, payload, digest(entry.subject, payload)))
    for damage in log.damage:
        checks.add_finding(Finding(place, source.name, "file_is_not_what_was_written", damage, PLACE_IN_LOG))
    return RunVerification(source.name, checks.report(None, facts.canonical_hash), hash_kept=True)


def verification_row(found: RunVerification) -> dict[str, object]:
    """Return the result of a verification as a row of JSON."""
    log, journal = found.checked.log, found.checked.journal
    return {
        "run": found.run,
        "adds_up": not found.findings,
        "records": log.records,
        "ticks": log.ticks,
        "trades": log.trades,
        "entries": journal.entries,
        "transfers": journal.transfers,
        "head_hash": journal.head_hash,
        "canonical_hash": found.checked.canonical_hash,
        "hash_was_kept": found.hash_kept,
        "findings": [
            {
                "place": each.counted,
                "where": each.place,
                "record": each.record,
                "what": each.what,
                "evidence": each.evidence,
            }
            for each in found.findings
        ],
    }


def verification_lines(found: RunVerification) -> list[str]:
    """Return the result of a verification as lines."""
    log, journal = found.checked.log, found.checked.journal
    size = (
        f"{log.records:,} records of {log.ticks:,} ticks, {log.trades:,} trades, {journal.entries:,} entries, "
        f"{journal.transfers:,} transfers, {len(journal.balances):,} holders"
    )
    lines = (
        [f"[dim]{log.repeats:,} records are in the log more than once; each counts once[/dim]"]
        if log.repeats
        else []
    )
    if not found.findings:
        kept = (
            "as it was when the run ended" if found.hash_kept else "which was not stored when the run ended"
        )
        if not log.ended:
            kept = "the run has not ended, so there is none to compare it with"
        what = "nothing is missing or was changed, every balance recomputed, every asset conserved, every trade posted"
        return [
            f"[green]the books of {found.run} add up[/green]: {size}; {what}",
            *lines,
            f"[dim]hash of the last entry {journal.head_hash}[/dim]",
            f"[dim]canonical hash {found.checked.canonical_hash}, {kept}[/dim]",
        ]
    first, shown = found.findings[0], found.findings[:FINDINGS_SHOWN_MAX]
    bad = f"[red]the first bad record is {escape(first.record)}, {first.counted} {first.place}: {first.what}[/red]"
    lines = [
        f"[bold red]the books of {found.run} do not add up[/bold red]: {len(found.findings):,} findings in {size}",
        bad,
        *lines,
    ]
    lines += [escape(f"  {f.counted} {f.place}, {f.record}: {f.what} ({f.evidence})") for f in shown]
    hidden = len(found.findings) - len(shown)
    return lines + ([f"  … and {hidden:,} more"] if hidden else [])


async def _lost_texts(texts: TextStore, stored: StoredMessage) -> list[str]:
    """Return a sentence for each call of a record whose long text is not stored as its digest says."""
    lost: list[str] = []
    if TEXT_DIGEST in stored.payload and (addressed := decode_if_valid(stored.subject, stored.payload)):
        await record_with_texts(texts, as_record(addressed), lost)
    return lost


def _stored_record(stored: StoredMessage, known_as: str = "") -> StoredRecord:
    return StoredRecord(stored.sequence, stored.subject, stored.payload, stored.headers.get(DIGEST), known_as)
