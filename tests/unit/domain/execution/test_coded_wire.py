"""Stored forms of the events of coded agents, written from rows. Catches: other bytes than pydantic writes of the objects."""

import pytest
from run_builders import replacing_scenario, small_scenario

from econsim.domain.execution import in_memory
from econsim.domain.execution.coded_wire import entry_hash, entry_sequence, wire_form
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.schemas.ledger import TransferPosted, TransferRefused

SCENARIOS = [
    *(
        apply_overrides(scenario_file.load(name), periods=2)
        for name in ("smith1962", "zip_learning", "call_vs_cda")
    ),
    small_scenario("zi_u"),
    replacing_scenario(),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda found: found.name)
def test_what_is_written_from_rows_is_what_is_written_of_objects(scenario):
    written = [wire_form(event) for event in in_memory.run(scenario, "demo")]

    assert written == [event.json() for event in in_memory.run(scenario, "demo")]


def test_an_entry_has_the_sequence_and_the_hash_of_its_objects():
    entries = [
        event
        for event in in_memory.run(small_scenario("zi_u"))
        if isinstance(event.event.data, (TransferPosted, TransferRefused))
    ]

    assert [(entry_sequence(each), entry_hash(each)) for each in entries] == [
        (each.event.data.sequence, each.event.data.hash) for each in entries
    ]
