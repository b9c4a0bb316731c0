"""A run in one file. Catches: events lost or changed on the way, a damaged file read as whole, a run made again that is another one."""

from __future__ import annotations

import gzip
from itertools import islice

import pytest
from run_builders import small_run, small_scenario, thinking_run

from econsim.domain.audit.facts import as_record
from econsim.domain.cognition.recording import Recording
from econsim.domain.execution import in_memory
from econsim.errors import SetupError
from econsim.report.event_lines import event_line
from econsim.runs.made_again import follows_from_scenario
from econsim.runs.run_facts import SALT
from econsim.runs.run_file import event_spool, read_events, read_facts, write_without_events
from econsim.runs.run_hash import RunHash
from econsim.runs.run_progress import RunProgress


def archive(path, log):
    """Write an archive of records; return what it says about the run."""
    progress = RunProgress()
    with event_spool() as spool:
        for entry in log:
            progress.add(entry)
            spool.add(entry)
        return spool.write(path, progress.facts("nats"))


def kept(path, events=None, **changes):
    """Write the file of a run of the small scenario without its events, of which only some were made; return its hash."""
    scenario, found, progress = small_scenario("zi_c"), RunHash(), RunProgress()
    made = islice(in_memory.run(scenario, "run_1", SALT), events)
    for entry in made:
        found.add(entry)
        progress.add(as_record(entry))
    facts = progress.facts("memory").model_copy(update={"canonical_hash": found.hexdigest(), **changes})
    write_without_events(path, facts)
    return facts


@pytest.mark.parametrize("log", [small_run("zi_c"), thinking_run()])
def test_an_archive_gives_the_events_back(log, tmp_path):
    path, damage = tmp_path / "run.jsonl.gz", []
    facts = archive(path, log)

    assert list(map(event_line, read_events(path, damage))) == list(map(event_line, log))
    assert damage == []
    assert (facts.state, facts.ticks, facts.events) == ("closed", log[-1].tick, len(log))
    assert read_facts(path) == facts


def test_an_archive_that_was_changed_is_named(tmp_path):
    path, log = tmp_path / "run.jsonl.gz", small_run("zi_c")
    archive(path, log)
    text = gzip.decompress(path.read_bytes())

    for changed in (text.replace(b'"price":', b'"price":1', 1), text[: text.rindex(b"\n", 0, -1) + 1]):
        damage = []
        path.write_bytes(gzip.compress(changed))
        list(read_events(path, damage))
        assert "their digest differs" in damage[0]


def test_an_archive_that_was_cut_is_read_as_far_as_it_goes(tmp_path):
    path, log, damage = tmp_path / "run.jsonl.gz", small_run("zi_c"), []
    archive(path, log)
    path.write_bytes(path.read_bytes()[:-1000])

    read = list(read_events(path, damage))

    assert 0 < len(read) < len(log)
    assert "cannot be read" in damage[0]


DAMAGED = bytearray(gzip.compress(bytes(range(256)) * 9, mtime=0))
DAMAGED[60] ^= 0xFF


@pytest.mark.parametrize(
    "content",
    [b"no run", gzip.compress(b"{}\n", mtime=0), gzip.compress(b"", mtime=0), b"", bytes(DAMAGED)],
)
def test_another_file_is_refused_with_the_command_that_writes_one(content, tmp_path):
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(content)

    with pytest.raises(
        SetupError, match="is no run of econsim, or damaged; `econsim runs archive RUN` writes one"
    ):
        read_facts(path)


def test_an_archive_with_events_of_another_run_is_named(tmp_path):
    path, log, damage = tmp_path / "run.jsonl.gz", small_run("zi_c"), []
    archive(path, log)
    first, _, events = gzip.decompress(path.read_bytes()).partition(b"\n")
    run = read_facts(path).run.encode()
    path.write_bytes(gzip.compress(first + b"\n" + events.replace(run, b"../../elsewhere")))

    list(read_events(path, damage))

    assert "it opens run '../../elsewhere'" in damage[0]


def test_a_scenario_that_this_version_cannot_read_is_named(tmp_path):
    facts = kept(tmp_path / "run.jsonl.gz").model_copy(update={"scenario": {"name": "x"}, "econsim": "9.0"})

    with pytest.raises(SetupError, match=r"which econsim 9\.0 wrote; read it with that version"):
        facts.read_scenario()


def test_a_run_without_its_events_is_made_again(tmp_path):
    path, damage = tmp_path / "run.jsonl.gz", []
    facts = kept(path)

    read = list(read_events(path, damage))

    assert list(map(event_line, read)) == list(map(event_line, small_run("zi_c", salt=SALT)))
    assert (facts.made_again, damage) == (True, [])


def test_a_stopped_run_is_made_again_as_far_as_it_came_and_says_that_it_was_stopped(tmp_path):
    path, damage = tmp_path / "run.jsonl.gz", []
    facts = kept(path, events=40, state="stopped")

    *read, stop = read_events(path, damage)

    assert (len(read), damage) == (40, [])
    assert (stop.type, stop.tick) == ("system.stopped", facts.ticks)


def test_a_run_that_is_made_again_otherwise_is_named(tmp_path):
    path, damage = tmp_path / "run.jsonl.gz", []
    kept(path, canonical_hash="ab" * 32, econsim="0.0.1")

    list(read_events(path, damage))

    assert "makes other events of run 'run_1' than econsim 0.0.1 did" in damage[0]


def test_what_a_recording_answered_does_not_follow_from_the_scenario():
    assert follows_from_scenario(small_scenario(), None)
    assert not follows_from_scenario(small_scenario(), Recording())
