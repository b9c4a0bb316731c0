"""Results as JUnit XML, which CI systems show: a suite for each treatment, a case for each expectation of each run. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from econsim.evaluation.bench.results import HOLDS, CellResult, JudgedExpectation
from econsim.evaluation.bench.statistics import by_treatment
from econsim.report.format import visible

UNDECIDABLE = "undecidable"
"""Outcome that is an error; the others that are no pass are failures."""


def junit_xml(batch: str, results: Iterable[CellResult]) -> str:
    """Return results as JUnit XML. A run that ended early is an error of its own."""
    root = Element("testsuites", name=f"econsim bench {batch}")
    for treatment, found in by_treatment(results).items():
        suite = SubElement(root, "testsuite", name=treatment)
        for result in found:
            _add_run(suite, result)
        for element, tag in ((suite, "testcase"), (suite, "failure"), (suite, "error")):
            name = {"testcase": "tests", "failure": "failures", "error": "errors"}[tag]
            element.set(name, str(sum(1 for _ in element.iter(tag))))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add_run(suite: Element, result: CellResult) -> None:
    where = f"seed {result.seed}" + (f", repeat {result.repeat}" if result.repeat > 1 else "")
    for verdict in result.verdicts:
        case = SubElement(
            suite, "testcase", classname=result.treatment, name=visible(f"{verdict.name} [{where}]")
        )
        if verdict.outcome != HOLDS:
            _add_reason(case, verdict)
    if result.failure:
        case = SubElement(suite, "testcase", classname=result.treatment, name=f"the run ends [{where}]")
        SubElement(case, "error", type="run_failed", message=visible(result.failure))


def _add_reason(case: Element, verdict: JudgedExpectation) -> None:
    tag = "error" if verdict.outcome == UNDECIDABLE else "failure"
    reason = SubElement(case, tag, type=verdict.outcome, message=visible(verdict.message))
    reason.text = visible("\n".join(verdict.lines))
