"""A report as SARIF 2.1.0, for code scanning: requirements are rules, findings are results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from antiphon.checker.markup import as_json, cleaned, clipped, one_line
from antiphon.checker.reading import SEVERITY_TEXT, ranked
from antiphon.checker.report import Report, Row, Told

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LONGEST = 4_000
LEVELS = {"MUST": "error", "SHOULD": "warning", "MAY": "note"}
KINDS = {"fail": "fail", "warn": "review", "unclear": "open", "unimplemented": "notApplicable"}
"""Verdict → SARIF kind; SARIF wants level `none` for all kinds but `fail`."""

JSON = dict[str, Any]


def render(report: Report, known: Mapping[str, str] | None = None) -> JSON:
    """The log. `known`: requirement → why it is known to fail; those are suppressed for that reason."""
    rules = sorted(report.requirements, key=lambda row: row.id)
    places = {row.id: number for number, row in enumerate(rules)}
    run: JSON = {
        "tool": {"driver": _driver(rules)},
        "invocations": [{"executionSuccessful": True, "startTimeUtc": _utc(report.started)}],
        "automationDetails": {"id": f"antiphon-check/{one_line(report.profile)}/"},
        "results": [
            _result(row, told, places.get(row.id), (known or {}).get(row.id)) for row, told in ranked(report)
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {"target": _clean(report.target), "pin": _clean(report.pin), "seed": report.seed},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(rules: list[Row]) -> JSON:
    number = version("antiphon")
    return {
        "name": "antiphon check",
        "version": number,
        "semanticVersion": number,
        "rules": [_rule(row) for row in rules],
    }


def _rule(row: Row) -> JSON:
    return {
        "id": one_line(row.id),
        "shortDescription": {"text": one_line(row.sentence, 600) or one_line(row.id)},
        "help": {"text": f"Source: {one_line(row.source)}"},
        "defaultConfiguration": {"level": LEVELS.get(row.level, "warning")},
        "properties": {
            "level": row.level,
            "severity": row.severity,
            "tags": [one_line(row.area), f"severity/{row.severity}"],
            "precision": "high",
        },
    }


def _result(row: Row, told: Told, place: int | None, known: str | None) -> JSON:
    kind = KINDS.get(told.verdict, "review")
    found: JSON = {
        "ruleId": one_line(row.id),
        "kind": kind,
        "level": LEVELS.get(row.level, "warning") if kind == "fail" else "none",
        "message": {"text": _message(row, told)},
        "locations": [_location(row)],
        "partialFingerprints": {"requirementAndMessage/v1": _fingerprint(told)},
        "occurrenceCount": max(1, told.times),
        "properties": {"case": one_line(told.case), "curl": clipped(told.curl, LONGEST)},
    }
    if place is not None:
        found["ruleIndex"] = place
    if known is not None and told.verdict == "fail":
        found["suppressions"] = [{"kind": "external", "justification": one_line(known, 1_000)}]
    return found | (_wire(told.wire[-1]) if told.wire else {})


def _message(row: Row, told: Told) -> str:
    parts = [one_line(told.message or row.sentence or row.id, 1_000)]
    if told.expected:
        parts.append("Expected: " + " or ".join(clipped(as_json(one), 500) for one in told.expected))
        parts.append("Got: " + clipped(as_json(told.got), 1_000))
    parts.append(f"{row.level}; {SEVERITY_TEXT.get(row.severity, row.severity)}.")
    return "\n".join(parts)


def _location(row: Row) -> JSON:
    """The fault is in a server, not in a file: the place is the requirement, and a path made of its area,
    since code scanning shows only results that have one."""
    logical = {"fullyQualifiedName": one_line(row.id), "kind": "requirement"}
    path = "/".join(_word(part) for part in row.area.split(".")) or "responses"
    physical = {"artifactLocation": {"uri": f"responses-api/{path}"}, "region": {"startLine": 1}}
    return {"physicalLocation": physical, "logicalLocations": [logical]}


def _word(text: str) -> str:
    return "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in text)


def _fingerprint(told: Told) -> str:
    """The same fault in the next run has the same one: numbers and ids in the message may differ."""
    text = "".join("0" if one.isdigit() else one for one in cleaned(told.message))
    return hashlib.sha256(f"{told.requirement}\n{told.verdict}\n{text}".encode()).hexdigest()


def _wire(one: Mapping[str, Any]) -> JSON:
    request: JSON = {
        "method": one_line(str(one.get("method", ""))),
        "target": one_line(str(one.get("url", "")), 1_000),
        "headers": _headers(dict(one.get("request_headers") or {}).items()),
        "body": {"text": clipped(str(one.get("request") or ""), LONGEST)},
    }
    status = one.get("status")
    if not isinstance(status, int) or not status:
        response: JSON = {"noResponseReceived": True, "reasonPhrase": one_line(str(one.get("fault") or ""))}
    else:
        response = {
            "statusCode": status,
            "headers": _headers(map(tuple, one.get("headers") or ())),
            "body": {"text": clipped(str(one.get("body") or ""), LONGEST)},
        }
    return {"webRequest": request, "webResponse": response}


def _headers(pairs: Any) -> JSON:
    return {one_line(str(name)): one_line(str(text), 1_000) for name, text in pairs}


def _clean(given: Mapping[str, Any]) -> JSON:
    return {one_line(str(name)): one_line(str(text), 400) for name, text in given.items()}


def _utc(started: str) -> str:
    return f"{started[:19]}Z"
