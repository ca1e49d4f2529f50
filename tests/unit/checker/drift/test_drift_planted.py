"""Changes of every kind, planted in a small surface: each is seen as what it is, and nothing else is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from antiphon.checker.drift.diff import Change, compare, from_record
from antiphon.checker.drift.flatten import flatten
from antiphon.checker.drift.priorities import RULES, Priority
from antiphon.checker.drift.sources import Surface

JSON = dict[str, Any]
Plant = Callable[[JSON], None]

BASE: JSON = {
    "operations": {
        "POST /responses": {
            "body": {
                "model": {"type": "string", "required": True},
                "temperature": {"type": "number", "nullable": True, "minimum": 0, "maximum": 2, "default": 1},
                "effort": {"type": {"enum": ["low", "high"]}},
                "user": {"type": "string", "maxLength": 64, "pattern": "^a"},
                "input": {"type": {"any_of": ["string", {"array": "string"}]}},
                "options": {"type": {"ref": "Options"}},
            },
            "returns": {"ref": "Response"},
            "stream": {"ref": "StreamEvent"},
        },
        "GET /responses/{response_id}": {"returns": {"ref": "Response"}},
    },
    "unions": {
        "StreamEvent": [{"ref": "Created"}, {"ref": "Done"}],
        "OutputItem": [{"ref": "Message"}],
        "ToolParam": [{"ref": "FunctionParam"}],
        "Tool": [{"ref": "Function"}],
    },
    "types": {
        "Options": {"deep": {"type": "boolean"}},
        "Response": {
            "id": {"type": "string", "required": True},
            "status": {"type": {"enum": ["queued", "done"]}, "required": True},
            "error": {"type": "string", "required": True, "nullable": True},
            "note": {"type": "string", "maxLength": 8},
            "extra": {"type": {"any_of": ["string", "integer"]}},
        },
        "Created": {"type": {"type": {"enum": ["created"]}, "required": True}, "n": {"type": "integer"}},
        "Done": {"type": {"type": {"enum": ["done"]}, "required": True}},
        "Message": {
            "type": {"type": {"enum": ["message"]}, "required": True},
            "phase": {"type": {"enum": ["a"], "open": True}},
        },
        "FunctionParam": {
            "type": {"type": {"enum": ["function"]}, "required": True},
            "name": {"type": "string", "required": True},
        },
        "Function": {"type": {"type": {"enum": ["function"]}, "required": True}},
        "Custom": {
            "type": {"type": {"enum": ["custom"]}, "required": True},
            "name": {"type": "string", "required": True},
        },
    },
}


def put(*path: str, value: Any) -> Plant:
    def plant(document: JSON) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return plant


def cut(*path: str) -> Plant:
    def plant(document: JSON) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return plant


def body(name: str, **facts: Any) -> Plant:
    return lambda document: document["operations"]["POST /responses"]["body"][name].update(facts)


def reply(name: str, **facts: Any) -> Plant:
    return lambda document: document["types"]["Response"][name].update(facts)


def uncover(name: str, fact: str) -> Plant:
    return cut("types", "Response", name, fact)


BODY = ("operations", "POST /responses", "body")
NEW_OPERATION = {"body": {"q": {"type": "string"}}, "returns": {"ref": "Response"}}

PLANTED: list[tuple[Plant, str, str]] = [
    (put("operations", "POST /new", value=NEW_OPERATION), "POST /new", "operation-added"),
    (cut("operations", "GET /responses/{response_id}"), "GET /responses/{response_id}", "operation-removed"),
    (
        put("operations", "GET /responses/{response_id}", "stream", value={"ref": "StreamEvent"}),
        "GET /responses/{response_id}",
        "operation-changed",
    ),
    (put(*BODY, "seed", value={"type": "integer"}), "POST /responses body.seed", "input-added"),
    (
        put(*BODY, "seed", value={"type": "integer", "required": True}),
        "POST /responses body.seed",
        "input-added-required",
    ),
    (cut(*BODY, "user"), "POST /responses body.user", "input-removed"),
    (cut("types", "Options", "deep"), "POST /responses body.options.deep", "input-removed"),
    (
        body("effort", type={"enum": ["low", "high", "max"]}),
        'POST /responses body.effort = "max"',
        "input-added",
    ),
    (body("effort", type={"enum": ["low"]}), 'POST /responses body.effort = "high"', "input-removed"),
    (
        put("unions", "ToolParam", value=[{"ref": "FunctionParam"}, {"ref": "Custom"}]),
        "ToolParam<custom>",
        "input-added",
    ),
    (put("unions", "ToolParam", value=[]), "ToolParam<function>", "input-removed"),
    (
        put("unions", "StreamEvent", value=[{"ref": "Created"}, {"ref": "Done"}, {"ref": "Custom"}]),
        "StreamEvent<custom>",
        "output-added",
    ),
    (put("unions", "StreamEvent", value=[{"ref": "Done"}]), "StreamEvent<created>", "output-removed"),
    (put("unions", "OutputItem", value=[]), "OutputItem<message>", "output-removed"),
    (
        put("unions", "OutputItem", value=[{"ref": "Message"}, {"ref": "Custom"}]),
        "OutputItem<custom>",
        "output-added",
    ),
    (put("types", "Response", "usage", value={"type": "integer"}), "Response.usage", "output-added"),
    (
        put("types", "Response", "usage", value={"type": "integer", "required": True}),
        "Response.usage",
        "output-added-required",
    ),
    (cut("types", "Response", "id"), "Response.id", "output-removed"),
    (cut("types", "Response", "note"), "Response.note", "output-removed-optional"),
    (reply("status", type={"enum": ["done"]}), 'Response.status = "queued"', "value-removed"),
    (reply("status", type={"enum": ["queued", "done", "lost"]}), 'Response.status = "lost"', "output-added"),
    (body("user", required=True), "POST /responses body.user", "input-now-required"),
    (cut(*BODY, "model", "required"), "POST /responses body.model", "input-now-optional"),
    (reply("note", required=True), "Response.note", "output-now-required"),
    (uncover("id", "required"), "Response.id", "output-now-optional"),
    (body("user", nullable=True), "POST /responses body.user", "input-takes-null"),
    (cut(*BODY, "temperature", "nullable"), "POST /responses body.temperature", "input-refuses-null"),
    (reply("id", nullable=True), "Response.id", "output-may-be-null"),
    (uncover("error", "nullable"), "Response.error", "output-never-null"),
    (body("user", type={"any_of": ["string", "integer"]}), "POST /responses body.user", "type-widened"),
    (body("temperature", type="integer"), "POST /responses body.temperature", "type-narrowed"),
    (reply("note", type={"any_of": ["string", "integer"]}), "Response.note", "output-type-widened"),
    (reply("extra", type="string"), "Response.extra", "output-type-narrowed"),
    (reply("note", type="integer"), "Response.note", "type-changed"),
    (
        body("effort", type={"enum": ["low", "high"], "open": True}),
        "POST /responses body.effort",
        "list-opened",
    ),
    (body("user", maxLength=32), "POST /responses body.user", "limit-tightened"),
    (body("temperature", minimum=0.5), "POST /responses body.temperature", "limit-tightened"),
    (body("model", maxLength=32), "POST /responses body.model", "limit-tightened"),
    (body("user", maxLength=128), "POST /responses body.user", "limit-loosened"),
    (cut(*BODY, "user", "pattern"), "POST /responses body.user", "limit-loosened"),
    (reply("note", maxLength=4), "Response.note", "output-limit"),
    (body("temperature", default=0), "POST /responses body.temperature", "default-changed"),
    (body("user", default="me"), "POST /responses body.user", "default-said"),
    (body("user", deprecated=True), "POST /responses body.user", "deprecated"),
]


def changes(old: JSON, new: JSON) -> list[Change]:
    sides = [Surface(name, "pin", flatten(one)) for name, one in (("old", old), ("new", new))]
    return list(compare(*sides).changes)


@pytest.mark.parametrize(("plant", "path", "rule"), PLANTED, ids=[f"{r}: {p}" for _, p, r in PLANTED])
def test_a_planted_change_is_the_only_one_and_has_its_rule(plant: Plant, path: str, rule: str) -> None:
    new = copy.deepcopy(BASE)
    plant(new)
    found = changes(BASE, new)
    assert [(one.path, one.rule, one.priority) for one in found] == [(path, rule, RULES[rule].priority)]


def test_a_closed_list_breaks_clients() -> None:
    new = copy.deepcopy(BASE)
    body("effort", type={"enum": ["low", "high"], "open": True})(new)
    assert [one.rule for one in changes(new, BASE)] == ["list-closed"]


def test_every_rule_has_its_planted_change() -> None:
    assert {rule for _, _, rule in PLANTED} | {"list-closed"} == set(RULES)


def test_a_limit_is_told_as_a_limit() -> None:
    new = copy.deepcopy(BASE)
    body("user", maxLength=32)(new)
    [found] = changes(BASE, new)
    assert (found.kind, found.fact, found.old, found.new) == ("limit", "maxLength", 64, 32)


def test_the_same_surface_under_other_names_is_the_same() -> None:
    renamed: JSON = copy.deepcopy(BASE)
    renamed["types"] = {f"other.{name}": fields for name, fields in renamed["types"].items()}

    def rename(value: Any) -> Any:
        if isinstance(value, list):
            return [rename(one) for one in value]
        if isinstance(value, dict):
            known = value.get("ref") in BASE["types"]
            return (
                {"ref": f"other.{value['ref']}"}
                if known
                else {key: rename(one) for key, one in value.items()}
            )
        return value

    assert changes(BASE, rename(renamed)) == []


def test_a_type_that_holds_itself_is_told_once() -> None:
    looped = copy.deepcopy(BASE)
    looped["types"]["Options"]["inner"] = {"type": {"ref": "Options"}}
    paths = [one.path for one in changes(BASE, looped)]
    assert paths == ["POST /responses body.options.inner"]


def test_the_record_reads_back_whole() -> None:
    new = copy.deepcopy(BASE)
    for plant, _, _ in PLANTED[3:6]:
        plant(new)
    drift = compare(Surface("old", "pin", flatten(BASE)), Surface("new", "pin", flatten(new)))
    record = drift.record()
    assert from_record(record) == drift
    assert record["summary"]["changes"] == len(drift.changes) > 0
    assert set(record["summary"]["priority"]) == set(Priority)
    with pytest.raises(ValueError, match="antiphon-drift/1"):
        from_record({"format": "other"})
