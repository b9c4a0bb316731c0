"""Snapshots as bytes: they come back as they were, and no damaged or foreign one comes back at all."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.errors import InvalidMessage


@dataclass(frozen=True)
class State:
    """Something like the state of a component."""

    batch: int
    names: tuple[str, ...]
    margin: float


@dataclass(frozen=True)
class LaterState:
    """The same, as a later version has it."""

    batch: int
    names: tuple[str, ...]
    margin: float
    more: int = 0


FORM = SnapshotForm(State, "1")
SNAPSHOT = StateSnapshot(12, "d" * 32, State(3, ("ann", "bob"), 0.1), (0, 2**64 - 1))
VALUE = FORM.encode(SNAPSHOT)


@given(
    sequence=st.integers(1, 2**53),
    names=st.lists(st.text(st.characters(codec="utf-8"))),
    margin=st.floats(allow_nan=False, allow_infinity=False),
    numbers=st.lists(st.integers(0, 2**64 - 1)),
)
def test_a_snapshot_comes_back_as_it_was(sequence, names, margin, numbers):
    snapshot = StateSnapshot(sequence, "d", State(1, tuple(names), margin), tuple(numbers))

    assert FORM.decode(FORM.encode(snapshot)) == snapshot


@pytest.mark.parametrize("place", range(len(VALUE)))
def test_a_snapshot_with_a_changed_byte_is_refused(place):
    damaged = bytearray(VALUE)
    damaged[place] ^= 1

    with pytest.raises(InvalidMessage):
        FORM.decode(bytes(damaged))


@pytest.mark.parametrize("size", range(len(VALUE)))
def test_a_truncated_snapshot_is_refused(size):
    with pytest.raises(InvalidMessage):
        FORM.decode(VALUE[:size])


def test_a_snapshot_that_covers_no_record_is_refused():
    nothing = replace(SNAPSHOT, sequence=0)

    with pytest.raises(InvalidMessage):
        FORM.decode(FORM.encode(nothing))


@pytest.mark.parametrize("form", [SnapshotForm(State, "2"), SnapshotForm(LaterState, "1")])
def test_a_snapshot_of_another_version_is_refused(form):
    with pytest.raises(InvalidMessage, match="this version writes"):
        form.decode(VALUE)
