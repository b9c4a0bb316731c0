"""A service that folds a log notices a missing event, and says before which place."""

import pytest
from run_builders import small_scenario

from econsim.domain.execution.in_memory import run
from econsim.domain.market.batch_checks import BatchChecks, RunLogChecks
from econsim.errors import CorruptLog
from econsim.schemas.clock import Ticked
from econsim.schemas.market import Accepted, Rejected, TickCleared, Traded


def fold(log, *, partial=False):
    whole = RunLogChecks("run_1", ["cpu"], lock_step=True, partial=partial)
    for place, addressed in enumerate(log, 1):
        whole.check(place, addressed)


def index_of(log, kind):
    return next(index for index, addressed in enumerate(log) if isinstance(addressed.event.data, kind))


def test_a_whole_log_is_folded():
    log = list(run(small_scenario(), "run_1", "ab"))

    fold(log)
    fold([each for each in log if not isinstance(each.event.data, Accepted | Rejected)], partial=True)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (Accepted, "batch_lacks_items"),
        (Traded, "batch_counts_other_trades"),
        (TickCleared, "batch_is_out_of_order"),
        (Ticked, "tick_is_out_of_order"),
    ],
)
def test_a_missing_event_stops_the_fold_and_is_placed(kind, what):
    log = list(run(small_scenario(), "run_1", "ab"))
    del log[index_of(log, kind)]

    with pytest.raises(CorruptLog, match=rf"'run_1' is damaged before place \d+: {what}"):
        fold(log, partial=kind is Traded)


def test_items_of_finished_batches_are_not_kept():
    checks = BatchChecks(lock_step=True)
    items = []

    for addressed in run(small_scenario(), "run_1", "ab"):
        if addressed.subject.startswith("market.cpu."):
            assert not list(checks.add(addressed.event))
            items += checks.new_items
            kept = [*checks.new_items, *checks.unfinished.values()]
            assert not (kept and isinstance(addressed.event.data, TickCleared))

    assert [item.n for item in sorted(items, key=lambda item: item.n)] == list(range(1, len(items) + 1))


def test_a_batch_that_was_done_again_is_folded_once():
    log = list(run(small_scenario(), "run_1", "ab"))
    trades = index_of(log, Traded)

    fold([*log[: trades + 1], *log[index_of(log, Accepted) : trades + 1], *log[trades + 1 :]])
