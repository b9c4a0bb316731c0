"""Short ways to write chains, submissions and journals in the ledger's tests."""

from __future__ import annotations

from itertools import count

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.ledger.decisions import Decisions
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.verify import JournalEntry
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Submit, Transfer, TransferPosted


def transfer(name, debit, credit, amount, asset=CREDITS, kind=Kind.TRANSFER, pending_id=None):  # noqa: PLR0917 - in the order a sentence would have
    return Transfer(name, kind, debit, credit, asset, amount, pending_id)


def pending(name, debit, credit, amount, asset=CREDITS):
    return transfer(name, debit, credit, amount, asset, Kind.PENDING)


def post(name, debit, credit, amount, *, of, asset=CREDITS):
    return transfer(name, debit, credit, amount, asset, Kind.POST, of)


def void(name, debit, credit, *, of, asset=CREDITS):
    return transfer(name, debit, credit, 0, asset, Kind.VOID, of)


def chain(name, *transfers):
    return Chain(name, "cause", transfers)


def caused(cause, *transfers):
    """Return a chain that a call or a task is the cause of."""
    return Chain(f"{transfers[0].id}-chain", cause, transfers)


def journal(*chains) -> list[JournalEntry]:
    """Return a journal with one entry for each chain, as a ledger that checks nothing would write it."""
    recorder = Recorder()
    for each in chains:
        recorder.record(Decisions(posted=(each,)))
    return recorder.events


def pay(name, debit, credit, amount, asset=CREDITS):
    return chain(name, transfer(f"{name}-t", debit, credit, amount, asset))


def endow(holder, amount, asset=CREDITS):
    return pay(f"endow-{holder}-{asset}", TREASURY, holder, amount, asset)


def submit(name, *chains, tick=1, **options):
    return Submit(command_id=name, tick=tick, chains=chains, **options)


class Recorder:
    """A journal that keeps its entries as events, as the log would."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.events: list[JournalEntry] = []
        self._places = count()

    def record(self, outcome: Decisions) -> None:
        envelope = Envelope("run", "salt", 1, "2026-01-01T00:00:00.000000000Z")
        for entry in self.journal.append(outcome):
            posted = isinstance(entry, TransferPosted)
            subject = subjects.TRANSFER_POSTED if posted else subjects.TRANSFER_REFUSED
            self.events.append(envelope.event(subject, "ledger", entry, next(self._places)).event)
