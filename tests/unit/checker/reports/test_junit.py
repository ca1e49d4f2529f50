"""JUnit XML: the shape that CI systems read, and the same outcome as the exit code."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from tests.unit.checker.reports import sample

from antiphon.checker import report_junit
from antiphon.checker.markup import cleaned
from antiphon.checker.report import Report

COUNTS = {"tests", "failures", "errors", "skipped"}
ATTRIBUTES = {
    "testsuites": COUNTS | {"name", "time"},
    "testsuite": COUNTS | {"name", "time", "timestamp"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "skipped": {"message"},
    "system-out": set[str](),
}
INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "skipped", "system-out"},
}


@pytest.mark.parametrize("made", [sample.small(), sample.large(), sample.hostile(), sample.report([])])
def test_the_file_has_the_usual_shape(made: Report) -> None:
    root = ET.fromstring(report_junit.render(made))
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        assert {one.tag for one in element} <= INSIDE.get(element.tag, set())
    for element in [root, *root.iter("testsuite")]:
        tags = {"tests": "testcase", "failures": "failure", "skipped": "skipped", "errors": "error"}
        assert {name: int(element.attrib[name]) for name in COUNTS} == {
            name: len(list(element.iter(tag))) for name, tag in tags.items()
        }
    assert len(list(root.iter("testcase"))) == len(made.requirements)


def failures(text: str) -> list[str]:
    return [
        f"{case.attrib['classname']}.{case.attrib['name']}"
        for case in ET.fromstring(text).iter("testcase")
        if case.find("failure") is not None
    ]


def test_only_a_broken_must_is_a_failure() -> None:
    assert failures(report_junit.render(sample.small())) == ["responses.create.status-completed"]
    assert failures(report_junit.render(sample.small(), {"responses.create.status-completed": "known"})) == []


def test_with_a_baseline_the_new_failures_are_the_failures() -> None:
    failing = frozenset({"responses.stream.retry"})
    assert failures(report_junit.render(sample.small(), failing=failing)) == ["responses.stream.retry"]


def test_every_other_verdict_says_what_it_is() -> None:
    known = {"responses.create.status-completed": "fixed in 1.4"}
    root = ET.fromstring(report_junit.render(sample.small(), known))
    assert [one.attrib["message"] for one in root.iter("skipped")] == [
        "MUST unimplemented: POST /conversations: 404",
        "MUST skipped",
        "MUST untested: not selected (profile core)",
        "MUST fail, known: fixed in 1.4",
        'SHOULD unclear: expected "completed", got "in_progress"',
        "SHOULD fail: no retry field",
        'MUST warn: expected "completed", got "in_progress"',
    ]


def test_hostile_texts_are_shown_as_text() -> None:
    root = ET.fromstring(report_junit.render(sample.hostile(100)))
    (failure,) = root.iter("failure")
    assert failure.text is not None
    assert failure.text.startswith(cleaned(sample.HOSTILE))
