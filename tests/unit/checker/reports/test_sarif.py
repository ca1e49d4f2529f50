"""SARIF: the shape that the format demands, and that no wrong thing passes it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from tests.unit.checker.reports import sample
from tests.unit.checker.reports.sarif_schema import LOG

from antiphon.checker import report_sarif
from antiphon.checker.report import Report

VALID = jsonschema_rs.validator_for(LOG)


def run_of(made: Report, known: dict[str, str] | None = None) -> dict[str, Any]:
    return report_sarif.render(made, known)["runs"][0]


@pytest.mark.parametrize("made", [sample.small(), sample.large(), sample.hostile(), sample.report([])])
def test_the_log_is_of_the_format(made: Report) -> None:
    log = report_sarif.render(made, {"responses.stream.retry": "we know"})
    assert [error.message for error in VALID.iter_errors(log)] == []
    json.dumps(log, ensure_ascii=False).encode("utf-8")
    for result in log["runs"][0]["results"]:
        if "ruleIndex" in result:
            rule = log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]
            assert rule["id"] == result["ruleId"]
        assert (result["kind"] == "fail") or (result["level"] == "none")


def test_the_schema_refuses_what_is_wrong() -> None:
    log = report_sarif.render(sample.small())
    log["runs"][0]["results"][0]["severity"] = "high"
    assert not VALID.is_valid(log)


def test_verdicts_and_levels_become_kinds_and_levels() -> None:
    results = run_of(sample.small())["results"]
    assert [(one["ruleId"], one["kind"], one["level"]) for one in results] == [
        ("responses.create.status-completed", "fail", "error"),
        ("responses.stream.retry", "fail", "warning"),
        ("responses.stream.starts-at-zero", "review", "none"),
        ("responses.stream.done", "open", "none"),
        ("conversations.create.exists", "notApplicable", "none"),
    ]


def test_a_known_failure_is_suppressed_with_its_reason() -> None:
    results = run_of(sample.small(), {"responses.stream.retry": "no client reads it"})["results"]
    assert [one.get("suppressions") for one in results[:2]] == [
        None,
        [{"kind": "external", "justification": "no client reads it"}],
    ]


def test_the_wire_is_a_web_request_and_its_response() -> None:
    result = run_of(sample.report([sample.row("a.b.c", "fail")], [sample.told("a.b.c")]))["results"][0]
    assert result["webRequest"] == {
        "method": "POST",
        "target": f"{sample.URL}/responses",
        "headers": {"content-type": "application/json", "authorization": "Bearer $API_KEY"},
        "body": {"text": '{"model":"m","input":"Say: ok"}'},
    }
    assert result["webResponse"]["statusCode"] == 200


def test_no_answer_is_no_status() -> None:
    wire = [sample.exchange("", status=0, fault="connection reset", headers=[])]
    made = sample.report([sample.row("a.b.c", "fail")], [sample.told("a.b.c", wire=wire)])
    assert run_of(made)["results"][0]["webResponse"] == {
        "noResponseReceived": True,
        "reasonPhrase": "connection reset",
    }


def test_the_same_fault_has_the_same_fingerprint_in_the_next_run() -> None:
    def fingerprint(message: str, name: str = "a.b.c") -> str:
        made = sample.report([sample.row(name, "fail")], [sample.told(name, message=message)])
        return run_of(made)["results"][0]["partialFingerprints"]["requirementAndMessage/v1"]

    assert fingerprint("resp_123 has 4 items") == fingerprint("resp_987 has 6 items")
    assert fingerprint("resp_1 has items") != fingerprint("resp_1 has no items")
    assert fingerprint("same") != fingerprint("same", "a.b.d")
