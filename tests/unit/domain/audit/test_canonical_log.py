"""The canonical hash. Catches: any dependence on arrival, ids, clock or batching; any datum it does not cover."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builders import altered, canonical_hash, canonical_log, only, shuffled, small_run

from econsim import subjects
from econsim.domain.audit import canonical_log as canonical_log_module
from econsim.domain.audit.canonical_log import CanonicalLog

LEFT_OUT = {
    "unjudged",
    "last_sequence",
    "journal_sequence",
    "sequence",
    "previous_hash",
    "hash",
    "salt",
    "hosts",
    "execution",
    "failure",
}


def leaves(value, path=()):
    """Yield the paths of all data that must count."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in LEFT_OUT:
                yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def with_other_leaf(data, path):
    """Return data with the value at a path changed."""
    changed = deepcopy(data)
    place = changed
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = (not old) if isinstance(old, bool) else old + type(old)(1) if old is not None else 1
    return changed


@settings(max_examples=15)
@given(st.integers())
def test_the_order_of_arrival_does_not_matter(seed):
    log = small_run()

    assert canonical_hash(shuffled(log, seed)) == canonical_hash(log)


@settings(max_examples=5)
@given(
    name=st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), salt=st.text("0123456789abcdef", min_size=1)
)
def test_run_id_and_salt_do_not_matter(name, salt):
    assert canonical_hash(small_run(name=name, salt=salt)) == canonical_hash(small_run())


def test_wall_clock_trace_and_journal_do_not_matter():
    log = [replace(entry, occurred_at="2031", trace_id="f" * 32) for entry in small_run()]
    log = [
        altered(entry, sequence=7, hash="", previous_hash="") if "hash" in entry.data else entry
        for entry in log
    ]

    assert canonical_hash(log) == canonical_hash(small_run())


def test_the_number_of_hosts_does_not_matter():
    assert canonical_hash(small_run(hosts=4)) == canonical_hash(small_run(hosts=1))


def test_how_facts_were_batched_does_not_matter():
    log = list(small_run())
    entry = next(e for e in only(log, subjects.TRANSFER_POSTED) if len(e.data["chains"]) > 2)
    log.remove(entry)
    for index, chain in enumerate(entry.data["chains"]):
        log.append(replace(altered(entry, chains=[chain]), event_id=f"{entry.event_id[:-2]}{index:02}"))

    assert canonical_hash(log) == canonical_hash(small_run())


def test_events_that_come_twice_count_once():
    log = small_run()

    assert canonical_hash([*log, *log[3:9], *log]) == canonical_hash(log)


@pytest.mark.parametrize("seed", [None, 1])
def test_it_does_not_matter_how_much_was_compressed_and_what_came_later(monkeypatch, seed):
    log = small_run()
    whole = canonical_hash(log)
    monkeypatch.setattr(canonical_log_module, "ROWS_PLAIN", 20)
    monkeypatch.setattr(canonical_log_module, "TICKS_PLAIN", 2)

    arrived = [*log, *log[3:9]] if seed is None else shuffled(log, seed)

    assert canonical_hash(arrived) == whole


def test_agents_reports_do_not_count():
    report = replace(
        small_run()[0], event_id="0" * 32, type=subjects.CYCLE_COMPLETED.type, content={"agents": 3}
    )

    assert canonical_hash([report, *small_run()]) == canonical_hash(small_run())


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data())
def test_any_other_datum_is_another_hash(data):
    log = list(small_run())
    index = data.draw(st.integers(0, len(log) - 1))
    path = data.draw(st.sampled_from(list(leaves(log[index].data))))

    log[index] = log[index].with_data(with_other_leaf(log[index].data, path))

    assert canonical_hash(log) != canonical_hash(small_run())


@settings(max_examples=20)
@given(st.data())
def test_a_lost_event_is_another_hash(data):
    log = list(small_run())

    del log[data.draw(st.integers(0, len(log) - 1))]

    assert canonical_hash(log) != canonical_hash(small_run())


def test_another_seed_is_another_hash():
    assert canonical_hash(small_run("zi_c")) != canonical_hash(small_run("zip"))


def test_the_hash_is_that_of_the_lines():
    lines = list(canonical_log(small_run()).lines())

    digest = sha256(b"".join(line + b"\n" for line in lines)).hexdigest()

    assert canonical_hash(small_run()) == digest
    assert [json.loads(line)["line"] for line in lines] == list(range(1, len(lines) + 1))


def test_causes_are_lines_orders_or_trades_never_ids_of_events():
    ids = {entry.event_id for entry in small_run()}

    causes = [json.loads(line)["cause"] for line in canonical_log(small_run()).lines()]

    assert not ids.intersection(cause for cause in causes if isinstance(cause, str))
    assert any(isinstance(cause, int) for cause in causes)


def test_the_hash_may_be_asked_for_on_the_way():
    canonical, log = CanonicalLog(), small_run()

    for entry in log[:40]:
        canonical.add(entry)
    on_the_way = canonical.hexdigest()
    for entry in log[40:]:
        canonical.add(entry)

    assert on_the_way == canonical_hash(log[:40])
    assert canonical.hexdigest() == canonical_hash(log)
