"""Records of batches on disk: one of a name, one writer, a torn line lost and nothing else."""

import pytest
from bench_builders import plan, result

from econsim.errors import Conflict, NotFound, SetupError
from econsim.evaluation.bench.records import CELLS, BatchFiles, BatchRecord, Writer, batch_names


def record(name="b"):
    return BatchRecord(plan=plan(name), transport="memory", command="econsim", started_at="now", versions={})


@pytest.fixture
def files(tmp_path):
    found = BatchFiles(tmp_path, "b")
    found.create(record())
    return found


def test_what_is_written_is_read_back(files) -> None:
    with files.writer() as writer:
        writer.add(result(2, seed=2))
        writer.add(result(1, "fails"))

    assert files.record() == record()
    assert files.results(plan()) == [result(1, "fails"), result(2, seed=2)]


def test_a_second_batch_of_a_name_is_refused(files, tmp_path) -> None:
    with pytest.raises(Conflict, match="there is a batch 'b' already"):
        BatchFiles(tmp_path, "b").create(record())

    assert batch_names(tmp_path) == ["b"]


def test_a_name_whose_batch_was_killed_before_its_record_is_free(tmp_path) -> None:
    left = BatchFiles(tmp_path, "b")
    left.path.mkdir(parents=True)

    left.create(record())

    assert left.record() == record()


def test_a_batch_has_one_writer(files) -> None:
    with files.writer():
        assert files.is_running
        with pytest.raises(Conflict, match="another process"), files.writer():
            pass

    assert not files.is_running


def test_a_torn_line_is_passed_over_and_the_next_one_is_whole(files) -> None:
    with files.writer() as writer:
        writer.add(result(1))
    with (files.path / CELLS).open("ab") as file:
        file.write(b'{"number":2,"tre')

    assert files.results(plan()) == [result(1)]
    with files.writer() as writer:
        writer.add(result(2, seed=2))
    assert files.results(plan()) == [result(1), result(2, seed=2)]


def test_a_line_that_is_no_result_is_named(files) -> None:
    (files.path / CELLS).write_text('{"number":1}\n')

    with pytest.raises(SetupError, match=r"cells.jsonl, line 1 is no result"):
        files.results(plan())


@pytest.mark.parametrize(
    "other", [{"number": 3}, {"seed": 2}, {"repeat": 2}, {"treatment": "good"}, {"run": "a-1"}], ids=str
)
def test_a_result_of_a_cell_that_the_plan_does_not_have_is_refused(files, other) -> None:
    with files.writer() as writer:
        writer.add(result(1).model_copy(update=other))

    with pytest.raises(SetupError, match=r"line 1 is no result of cell \d as batch.json plans it"):
        files.results(plan())


def test_the_first_result_of_a_cell_counts(files) -> None:
    with files.writer() as writer:
        writer.add(result(1))
        writer.add(result(1, "fails"))

    assert files.results(plan()) == [result(1)]


def test_an_unknown_batch_is_refused_with_the_nearest_name(files, tmp_path) -> None:
    with pytest.raises(NotFound, match="did you mean 'b'"):
        BatchFiles(tmp_path, "bb").record()


def test_a_result_that_cannot_be_stored_is_an_error_with_the_command_that_goes_on(tmp_path) -> None:
    (tmp_path / "b" / "cells.jsonl").mkdir(parents=True)

    with pytest.raises(SetupError, match=r"cells.jsonl: .*; make room, then `econsim bench resume b`"):
        Writer(tmp_path / "b" / "cells.jsonl").add(result(1))
