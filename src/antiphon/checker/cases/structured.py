"""Answers in JSON: that the text keeps its schema, and what a format may be."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from antiphon.checker.cases import case
from antiphon.checker.material import ROOM, WEATHER, inner, refused, same, text
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

S, ANYWHERE = "structured.schema", ("core", "stateless")
ASK = "Name a colour and a number."


def closed(properties: JSON) -> JSON:
    """An object schema as strict mode wants it."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


# Values are few, so that no model fills the room with digits.
COLOUR = closed(
    {"colour": {"type": "string", "enum": ["red", "blue"]}, "number": {"type": "integer", "enum": [1, 2, 3]}}
)
NESTED = closed(
    {
        "kind": {"enum": ["cat", "dog"], "type": "string"},
        "sound": {"type": "boolean"},
        "size": closed(
            {
                "width": {"type": "number", "enum": [1.5, 2]},
                "depth": {"type": ["integer", "null"], "enum": [4, None]},
            }
        ),
        "tags": {
            "type": "array",
            "items": {"type": "string", "enum": ["a", "b"]},
            "minItems": 1,
            "maxItems": 3,
        },
    }
)
SHARED = {
    **closed({"first": {"$ref": "#/$defs/leg"}, "second": {"$ref": "#/$defs/leg"}}),
    "$defs": {"leg": COLOUR},
}


def formatted(schema: JSON, **more: Any) -> JSON:
    """`text` with a strict schema."""
    return {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": schema, **more}}


def judge(probe: Probe, requirement: str, schema: JSON, made: Exchange, response: JSON) -> None:
    """The text is valid; the model is at fault where the room did not suffice for it."""
    said, cut = text(response), response.get("status") == "incomplete"
    probe.holds(requirement, valid(schema, said), expected=schema, got=said, on=made, free=cut)


def valid(schema: JSON, said: str) -> bool:
    try:
        return bool(jsonschema_rs.is_valid(schema, json.loads(said)))
    except ValueError:
        return False


@case(
    f"{S}.strict",
    requirements=[f"{S}.text-is-valid", f"{S}.description-comes-back"],
    requests=1,
    tokens=200,
    profiles=ANYWHERE,
)
async def strict(probe: Probe) -> None:
    """A small strict schema."""
    wanted = formatted(COLOUR, description="A colour and a number.")
    made = await probe.create(input=ASK, text=wanted, max_output_tokens=ROOM)
    judge(probe, f"{S}.text-is-valid", COLOUR, made, made.json)
    shown: JSON = inner(made.json, "text").get("format") or {}
    same(probe, f"{S}.description-comes-back", "A colour and a number.", shown.get("description"), made)


@case(
    f"{S}.larger",
    requirements=[f"{S}.nested-is-valid", f"{S}.references-are-followed", f"{S}.loose-is-still-json"],
    requests=3,
    tokens=600,
    profiles=("stateless",),
)
async def larger(probe: Probe) -> None:
    """Schemas with depth, with references, and one that is not strict."""
    for rule, schema in (("nested-is-valid", NESTED), ("references-are-followed", SHARED)):
        made = await probe.create(input="Fill in the JSON.", text=formatted(schema), max_output_tokens=ROOM)
        judge(probe, f"{S}.{rule}", schema, made, made.json)
    loose = await probe.create(input=ASK, text=formatted(COLOUR, strict=False), max_output_tokens=ROOM)
    if loose.json.get("status") == "completed":
        said = text(loose.json)
        probe.holds(
            f"{S}.loose-is-still-json", valid({}, said), expected="JSON", got=said, on=loose, free=True
        )


@case(
    f"{S}.streamed", requirements=[f"{S}.streamed-text-is-valid"], requests=1, tokens=200, profiles=ANYWHERE
)
async def streamed(probe: Probe) -> None:
    """A structured answer is streamed."""
    made = await probe.stream(input=ASK, text=formatted(COLOUR), max_output_tokens=ROOM)
    judge(probe, f"{S}.streamed-text-is-valid", COLOUR, made, made.final)
    joined = "".join(event["delta"] for event in made.of_type("response.output_text.delta"))
    same(probe, f"{S}.streamed-text-is-valid", text(made.final), joined, made)


@case(f"{S}.with-tools", requirements=[f"{S}.beside-tools"], requests=1, tokens=200, profiles=("stateless",))
async def with_tools(probe: Probe) -> None:
    """A schema beside a tool that may not be called."""
    made = await probe.create(
        input=ASK, text=formatted(COLOUR), tools=[WEATHER], tool_choice="none", max_output_tokens=ROOM
    )
    judge(probe, f"{S}.beside-tools", COLOUR, made, made.json)


@case(
    f"{S}.refusals",
    requirements=[
        f"{S}.name-is-required",
        f"{S}.schema-is-required",
        f"{S}.name-at-limit-is-accepted",
        f"{S}.bad-names-are-refused",
        f"{S}.loose-schema-is-refused-when-strict",
        f"{S}.no-schema-is-refused",
    ],
    requests=7,
    tokens=60,
    profiles=("stateless",),
)
async def refusals(probe: Probe) -> None:
    """Formats that cannot be."""
    full: JSON = formatted(COLOUR)["format"]
    open_schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    broken: dict[str, list[JSON]] = {
        "name-is-required": [{k: v for k, v in full.items() if k != "name"}],
        "schema-is-required": [{k: v for k, v in full.items() if k != "schema"}],
        "bad-names-are-refused": [{**full, "name": "n" * 65}, {**full, "name": "an answer"}],
        "loose-schema-is-refused-when-strict": [{**full, "schema": open_schema}],
        "no-schema-is-refused": [{**full, "strict": False, "schema": {"type": "no such type"}}],
    }
    for rule, formats in broken.items():
        for one in formats:
            answer = await probe.attempt(input=ASK, text={"format": one}, max_output_tokens=16)
            refused(probe, f"{S}.{rule}", answer)
    edge = await probe.attempt(input=ASK, text=formatted(COLOUR, name="n" * 64), max_output_tokens=16)
    same(probe, f"{S}.name-at-limit-is-accepted", 200, edge.status, edge)


@case(
    f"{S}.cut", requirements=[f"{S}.cut-short-is-incomplete"], requests=1, tokens=20, profiles=("stateless",)
)
async def cut(probe: Probe) -> None:
    """An answer that its schema makes longer than it may be."""
    words = {
        "type": "array",
        "items": {"type": "string", "enum": ["a long word"]},
        "minItems": 40,
        "maxItems": 40,
    }
    made = await probe.attempt(
        input="Fill in.", text=formatted(closed({"words": words}), strict=False), max_output_tokens=16
    )
    if not made.ok or valid({}, text(made.json)):
        probe.skip(f"{S}.cut-short-is-incomplete", "the answer was not cut short")
        return
    same(probe, f"{S}.cut-short-is-incomplete", "incomplete", made.json.get("status"), made)


@case(
    "structured.object.plain",
    requirements=[
        "structured.object.text-is-an-object",
    ],
    requests=1,
    tokens=300,
    profiles=("stateless",),
)
async def plain_object(probe: Probe) -> None:
    """`json_object`, which promises an object only."""
    made = await probe.create(
        input='Answer with this JSON object: {"a": 1}',
        text={"format": {"type": "json_object"}},
        max_output_tokens=ROOM,
    )
    judge(probe, "structured.object.text-is-an-object", {"type": "object"}, made, made.json)


@case(
    "structured.format.others",
    requirements=[
        "structured.format.unknown-type-is-refused",
        "structured.format.of-another-api-is-refused",
        "structured.verbosity.unknown-is-refused",
    ],
    requests=3,
    profiles=("stateless",),
)
async def others(probe: Probe) -> None:
    """Unknown formats and verbosities."""
    wrong: dict[str, JSON] = {
        "structured.format.unknown-type-is-refused": {"text": {"format": {"type": "xml"}}},
        "structured.verbosity.unknown-is-refused": {"text": {"verbosity": "endless"}},
        "structured.format.of-another-api-is-refused": {"response_format": {"type": "json_object"}},
    }
    for requirement, body in wrong.items():
        refused(probe, requirement, await probe.attempt(input="Say: ok", max_output_tokens=16, **body))
