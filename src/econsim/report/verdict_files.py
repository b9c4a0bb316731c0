"""Verdicts as files: JSON for programs, JUnit XML for CI systems."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from econsim.domain.expectation.integrity import Fault
from econsim.domain.expectation.verdict import Ruling, Verdict

NOT_XML: Final = {code: " " for code in range(32) if chr(code) not in "\t\n\r"}
"""Control characters, which no XML may hold, → a space."""


def as_json(verdicts: Sequence[Verdict], faults: Sequence[Fault] = ()) -> str:
    """Return verdicts and the faults of their log as one JSON object, indented."""
    body = {
        "run": verdicts[0].run if verdicts else "",
        "passed": all(each.outcome.is_pass for each in verdicts),
        "verdicts": [each.as_json() for each in verdicts],
        "faults": [{"sequence": each.sequence, "what": each.what, "text": each.text} for each in faults],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def as_junit(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as JUnit XML: a test case each; a vacuous one is a failure of its own type, an undecidable one an error."""
    run = verdicts[0].run if verdicts else ""
    errors = sum(each.outcome is Ruling.UNDECIDABLE for each in verdicts)
    failures = sum(not each.outcome.is_pass for each in verdicts) - errors
    counts = {"tests": str(len(verdicts)), "failures": str(failures), "errors": str(errors)}
    root = ET.Element("testsuites", {"name": "econsim", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": run, **counts})
    for each in verdicts:
        case = ET.SubElement(
            suite, "testcase", {"classname": f"econsim.{each.form}", "name": _text(each.name)}
        )
        if not each.outcome.is_pass:
            tag = "error" if each.outcome is Ruling.UNDECIDABLE else "failure"
            detail = ET.SubElement(case, tag, {"type": each.outcome.value, "message": _text(each.message)})
            detail.text = _text("\n".join(each.lines()))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _text(value: str) -> str:
    return value.translate(NOT_XML)
