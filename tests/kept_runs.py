"""A finished run as the log and the ledger's bucket keep it, in memory, and ways to damage it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

from run_builders import small_scenario

from econsim.domain.audit.envelope import digest
from econsim.domain.execution import in_memory
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.verification.run import RunChecks, RunReport, StoredRecord
from econsim.ports import StoredEntry
from econsim.schemas.ledger import CREDITS, DEBT, TransferPosted, TransferRefused
from econsim.services.ledger.stored import StoredLedger

RUN = "run_1"


@cache
def kept_run(
    policy="zip", mechanism="continuous_double_auction", **fields
) -> tuple[tuple[StoredRecord, ...], ...]:
    """Return the log and the bucket of a small run."""
    return kept(small_scenario(policy, mechanism, **fields))


def kept(scenario) -> tuple[tuple[StoredRecord, ...], ...]:
    """Return the log and the bucket of a run of a scenario."""
    log = tuple(in_memory.run(scenario, RUN, "ab"))
    entries = [each for each in log if isinstance(each.event.data, TransferPosted | TransferRefused)]
    records = [(addressed.subject, addressed.json()) for addressed in log]
    return (
        tuple(_kept(place, subject, body) for place, (subject, body) in enumerate(records, 1)),
        tuple(
            _kept(place, *write) for place, write in enumerate([*_journal(entries), *_balances(entries)], 1)
        ),
    )


def run_report(log, bucket, kept_hash="", behind=()) -> RunReport:
    """Return what verification finds in a log and a bucket, in which holders may be behind."""
    books = StoredLedger()
    checks = RunChecks(RUN, lambda kept: books.fold(StoredEntry(kept.subject, kept.payload, kept.sequence)))
    for each in bucket:
        checks.add_bucket_record(each)
    for each in log:
        checks.add_log_record(each)
    return checks.report(books.balances, kept_hash, behind)


def flipped(kept: StoredRecord, bit: int) -> StoredRecord:
    """Return a record with one bit changed, counted over its subject, its payload and its digest."""
    parts = [kept.subject.encode(), kept.payload, (kept.digest or "").encode()]
    for place, part in enumerate(parts):
        if bit < 8 * len(part):
            changed = bytearray(part)
            changed[bit // 8] ^= 1 << bit % 8
            parts[place] = bytes(changed)
            break
        bit -= 8 * len(part)
    return replace(
        kept, subject=parts[0].decode("latin-1"), payload=parts[1], digest=parts[2].decode("latin-1")
    )


def bits(kept: StoredRecord) -> int:
    """Return how many bits a record has."""
    return 8 * (len(kept.subject.encode()) + len(kept.payload) + len(kept.digest or ""))


def altered(kept: StoredRecord, **data) -> StoredRecord:
    """Return a record whose data differs and whose digest fits: what a wrong service would have stored."""
    body = json.loads(kept.payload)
    body["data"] |= data
    payload = json.dumps(body).encode()
    return replace(kept, payload=payload, digest=digest(kept.digest_subject or kept.subject, payload))


def data_of(kept: StoredRecord) -> dict:
    """Return a record's data."""
    return json.loads(kept.payload)["data"]


def places(log, action) -> list[int]:
    """Return the indices of the records of one action."""
    return [index for index, kept in enumerate(log) if kept.subject.split(".")[2] == action]


def without(log, index) -> list[StoredRecord]:
    """Return the records but one."""
    return [*log[:index], *log[index + 1 :]]


def instead(log, index, kept) -> list[StoredRecord]:
    """Return the records with one in the place of another."""
    return [*log[:index], kept, *log[index + 1 :]]


def _journal(entries):
    for addressed in entries:
        kind = "transfer" if isinstance(addressed.event.data, TransferPosted) else "refusal"
        yield f"{RUN}.{kind}.{addressed.event.data.sequence}", addressed.json(), addressed.subject


def _balances(entries):
    for holder, positions in verify_journal([addressed.event for addressed in entries]).balances.items():
        credits_ = positions.pop(CREDITS, None)
        debt = positions.pop(DEBT, None)
        balance = {
            "posted": credits_.posted if credits_ else 0,
            "pending": credits_.pending if credits_ else 0,
        }
        balance |= {"debt": debt.posted} if debt else {}
        yield f"{RUN}.{holder}.balance", json.dumps(balance).encode(), ""
        if positions:
            held = {asset: {"posted": p.posted, "pending": p.pending} for asset, p in positions.items()}
            yield f"{RUN}.{holder}.holdings", json.dumps(held).encode(), ""


def _kept(place, subject, payload, digest_subject=""):
    return StoredRecord(place, subject, payload, digest(digest_subject or subject, payload), digest_subject)
