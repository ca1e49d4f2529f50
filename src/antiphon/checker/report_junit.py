"""A report as JUnit XML, for CI systems that show tests.

A requirement is a test, an area a suite. What makes the run fail is a `<failure>` (a MUST that is broken and
not known); all else that is no pass is `<skipped>` with its verdict, so that file and exit code agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from antiphon.checker.markup import as_json, cleaned, clipped, one_line
from antiphon.checker.reading import verdict_of
from antiphon.checker.report import Report, Row, Told

LONGEST = 10_000


def render(
    report: Report, known: Mapping[str, str] | None = None, *, failing: frozenset[str] | None = None
) -> str:
    """The file. `known`: requirement → why it is known to fail. `failing`: the requirements that make the run
    fail; where it is None, the MUST that failed and are not known."""
    known = known or {}
    if failing is None:
        failing = frozenset(row.id for row in report.failed() if row.id not in known)
    told: dict[str, list[Told]] = {}
    for one in report.findings:
        told.setdefault(one.requirement, []).append(one)
    areas: dict[str, list[Row]] = {}
    for row in sorted(report.requirements, key=lambda row: row.id):
        areas.setdefault(row.area, []).append(row)
    root = ET.Element("testsuites", {"name": "antiphon check", "time": f"{report.seconds:.3f}"})
    for area, rows in areas.items():
        suite = ET.SubElement(root, "testsuite", {"name": _attribute(area), "time": "0"})
        suite.set("timestamp", report.started[:19])
        for row in rows:
            _case(suite, row, told.get(row.id, []), known=known, failing=failing)
        _count(suite, suite)
    _count(root, root)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(
    suite: ET.Element, row: Row, told: list[Told], *, known: Mapping[str, str], failing: frozenset[str]
) -> None:
    names = {"classname": _attribute(row.area), "name": _attribute(row.id.removeprefix(f"{row.area}."))}
    case = ET.SubElement(suite, "testcase", {**names, "time": "0"})
    verdict = verdict_of(row)
    if row.id in failing:
        message = told[0].message if told else row.sentence
        failure = ET.SubElement(
            case, "failure", {"type": _attribute(row.level), "message": _attribute(message)}
        )
        failure.text = _text(row, told)
        return
    if verdict != "pass":
        ET.SubElement(case, "skipped", {"message": _attribute(_reason(row, told, known.get(row.id)))})
        if told:
            ET.SubElement(case, "system-out").text = _text(row, told)


def _reason(row: Row, told: list[Told], known: str | None) -> str:
    """`SHOULD fail: no retry field`."""
    if known is not None and verdict_of(row) == "fail":
        return f"{row.level} fail, known: {known}"
    seen = told[0].message if told else row.why
    return f"{row.level} {verdict_of(row)}: {seen}".rstrip(": ")


def _text(row: Row, told: list[Told]) -> str:
    parts = [f"{row.sentence}\nSource: {row.source}"]
    for one in told:
        expected = " or ".join(as_json(value) for value in one.expected)
        parts.append(f"{one.case}: {one.message}\nExpected: {expected}\nGot: {as_json(one.got)}\n{one.curl}")
    return clipped("\n\n".join(parts), LONGEST)


def _attribute(text: str) -> str:
    return cleaned(one_line(text, 400))


def _count(element: ET.Element, of: ET.Element) -> None:
    counts = {
        "tests": len(list(of.iter("testcase"))),
        "failures": len(list(of.iter("failure"))),
        "errors": 0,
        "skipped": len(list(of.iter("skipped"))),
    }
    for name, number in counts.items():
        element.set(name, str(number))
