"""Verdicts as JSON and as JUnit XML."""

import json
from xml.etree import ElementTree as ET

import pytest
from expectation_builders import form, stored_run, tick, verdict

from econsim.domain.expectation.integrity import Fault
from econsim.report.judging import judge
from econsim.report.verdict_files import as_json, as_junit

HALTED = form(form="never", event={"type": "ticked"}, name="no <tick>")


@pytest.fixture
def verdicts():
    holds = form(form="happens", event={"type": "ticked"}, within={"ticks": 1})
    vacuous = form(form="sum", event={"type": "trade_executed"}, field="price", value=1)
    return [verdict(each, [tick(1)]) for each in (holds, HALTED, vacuous)]


def test_json_has_the_expectation_its_witness_and_the_faults_of_the_log(verdicts):
    found = json.loads(as_json(verdicts, [Fault(7, "tick_is_missing", "tick 3 opens after tick 1")]))

    assert found["passed"] is False
    assert [each["outcome"] for each in found["verdicts"]] == ["holds", "fails", "vacuous"]
    expected = {"form": "never", "name": HALTED.name, "event": {"type": "ticked"}}
    assert found["verdicts"][1]["expectation"] == expected
    assert found["verdicts"][1]["witness"][0]["sequence"] == 1
    assert found["faults"] == [
        {"sequence": 7, "what": "tick_is_missing", "text": "tick 3 opens after tick 1"}
    ]


def test_junit_has_a_case_each_and_counts_what_is_no_pass(verdicts):
    suite = ET.fromstring(as_junit(verdicts))[0]

    assert suite.attrib == {"name": "r1", "tests": "3", "failures": "2", "errors": "0"}
    assert [[(each.tag, each.get("type")) for each in case] for case in suite] == [
        [],
        [("failure", "fails")],
        [("failure", "vacuous")],
    ]
    assert suite[1].get("name") == "no <tick>"


def test_an_undecidable_verdict_is_an_error():
    scenario, stored = stored_run("studio")
    judging = judge(scenario, (form(form="never", event={"type": "trading_halted"}),))
    for sequence, (subject, payload) in enumerate(stored[:-1], 1):
        judging.add_stored(subject, payload, sequence)

    suite = ET.fromstring(as_junit(judging.close()))[0]

    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert "the log ends before the run was closed" in suite[0][0].text
