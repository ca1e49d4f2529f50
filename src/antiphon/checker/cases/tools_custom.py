"""Custom tools with their grammars, and tools in namespaces."""

from __future__ import annotations

import re

from antiphon.checker.cases import case
from antiphon.checker.material import CLOCK, NOTE, ROOM, items, named, output_of, refused, same, user
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

CUSTOM, SPACE = "tools.custom", "tools.namespace"
NEEDS, SPACES = ("tool:custom",), ("tool:namespace",)
ASK = "Write a note that says: buy milk. Call write_note."


def grammar(syntax: str, definition: str) -> JSON:
    return {**NOTE, "format": {"type": "grammar", "syntax": syntax, "definition": definition}}


@case(
    f"{CUSTOM}.plain",
    requirements=[
        "tools.choice.custom-tool-is-called",
        f"{CUSTOM}.input-is-text",
        f"{CUSTOM}.call-id-is-its-own",
        f"{CUSTOM}.output-is-accepted",
        f"{CUSTOM}.output-without-call-is-refused",
    ],
    requests=3,
    tokens=400,
    needs=NEEDS,
    profiles=("stateless",),
)
async def plain(probe: Probe) -> None:
    """A custom tool is forced, and its call answered."""
    made = await probe.create(input=ASK, tools=[NOTE], tool_choice=named(NOTE), max_output_tokens=ROOM)
    calls = items(made.json, "custom_tool_call")
    names = [call.get("name") for call in calls]
    fine = bool(names) and set(names) == {"write_note"}
    if not probe.holds(
        "tools.choice.custom-tool-is-called", fine, expected=["write_note"], got=names, on=made
    ):
        return
    call = calls[0]
    told = isinstance(call.get("input"), str)
    probe.holds(f"{CUSTOM}.input-is-text", told, expected="a string", got=call.get("input"), on=made)
    apart = bool(call.get("call_id")) and call.get("call_id") != call.get("id")
    probe.holds(f"{CUSTOM}.call-id-is-its-own", apart, expected="two ids", got=call, on=made)
    output = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "written"}
    outputs = [{**output, "call_id": one["call_id"]} for one in calls]
    given = [user(ASK), *made.json["output"], *outputs]
    answer = await probe.attempt(input=given, tools=[NOTE], tool_choice="none", max_output_tokens=16)
    same(probe, f"{CUSTOM}.output-is-accepted", 200, answer.status, made, answer)
    lone = await probe.attempt(input=[user("Hi"), output], tools=[NOTE], max_output_tokens=16)
    refused(probe, f"{CUSTOM}.output-without-call-is-refused", lone)


@case(
    f"{CUSTOM}.streamed",
    requirements=[f"{CUSTOM}.streams-input-deltas"],
    requests=1,
    tokens=200,
    needs=NEEDS,
    profiles=("stateless",),
)
async def streamed(probe: Probe) -> None:
    """A custom tool's call is streamed."""
    made = await probe.stream(input=ASK, tools=[NOTE], tool_choice=named(NOTE), max_output_tokens=ROOM)
    calls = items(made.final, "custom_tool_call")
    if not calls:
        probe.skip(f"{CUSTOM}.streams-input-deltas", "no call came")
        return
    deltas = made.of_type("response.custom_tool_call_input.delta")
    joined = "".join(event["delta"] for event in deltas if event.get("item_id") == calls[0].get("id"))
    ends = [event.get("input") for event in made.of_type("response.custom_tool_call_input.done")]
    wanted = (calls[0]["input"], calls[0]["input"])
    same(probe, f"{CUSTOM}.streams-input-deltas", wanted, (joined, ends[0] if ends else None), made)


@case(
    f"{CUSTOM}.grammars",
    requirements=[
        f"{CUSTOM}.regex-is-kept",
        f"{CUSTOM}.lark-is-kept",
        f"{CUSTOM}.broken-grammar-is-refused",
        f"{CUSTOM}.unknown-syntax-is-refused",
    ],
    requests=5,
    tokens=300,
    needs=NEEDS,
    profiles=("stateless",),
)
async def grammars(probe: Probe) -> None:
    """A grammar decides what the input may be."""
    tries = {
        "regex-is-kept": ("regex", r"[0-9]{3}-[0-9]{2}", r"[0-9]{3}-[0-9]{2}"),
        "lark-is-kept": ("lark", 'start: "open" | "close"', "open|close"),
    }
    for rule, (syntax, definition, pattern) in tries.items():
        tool = grammar(syntax, definition)
        made = await probe.attempt(
            input="Call write_note once.", tools=[tool], tool_choice=named(tool), max_output_tokens=ROOM
        )
        if why := probe.lack(made):
            probe.unimplemented(f"{CUSTOM}.{rule}", why, on=made)
            continue
        said = [call["input"] for call in items(probe.demand(made).json, "custom_tool_call")]
        kept = bool(said) and all(re.fullmatch(pattern, one) for one in said)
        # A model without such guidance may fail to find an input that fits: no input is shown then.
        free = not said and made.json.get("status") != "completed"
        probe.holds(f"{CUSTOM}.{rule}", kept, expected=pattern, got=said, on=made, free=free)
    for broken in (grammar("regex", "(["), grammar("lark", "start: ((")):
        answer = await probe.attempt(input="Hi", tools=[broken], max_output_tokens=16)
        refused(probe, f"{CUSTOM}.broken-grammar-is-refused", answer)
    odd = await probe.attempt(input="Hi", tools=[grammar("peg", "x")], max_output_tokens=16)
    refused(probe, f"{CUSTOM}.unknown-syntax-is-refused", odd)


@case(
    f"{SPACE}.call",
    requirements=[f"{SPACE}.call-names-its-namespace", f"{SPACE}.is-echoed", f"{SPACE}.output-is-accepted"],
    requests=2,
    tokens=400,
    needs=SPACES,
    profiles=("stateless",),
)
async def namespace(probe: Probe) -> None:
    """The one tool of a namespace is called."""
    space = {"type": "namespace", "name": "clocks", "description": "Clocks of the house.", "tools": [CLOCK]}
    ask = "What time is it in CET? Call get_time."
    made = await probe.create(input=ask, tools=[space], tool_choice="required", max_output_tokens=ROOM)
    shown = [
        (tool.get("type"), tool.get("name"), len(tool.get("tools") or [])) for tool in made.json["tools"]
    ]
    same(probe, f"{SPACE}.is-echoed", [("namespace", "clocks", 1)], shown, made)
    calls = items(made.json, "function_call")
    named_so = [(call.get("namespace"), call.get("name")) for call in calls]
    fine = bool(calls) and set(named_so) == {("clocks", "get_time")}
    if not probe.holds(
        f"{SPACE}.call-names-its-namespace", fine, expected=["clocks", "get_time"], got=named_so, on=made
    ):
        return
    outputs = [output_of(call["call_id"], "noon") for call in calls]
    given = [user(ask), *made.json["output"], *outputs]
    answer = await probe.attempt(input=given, tools=[space], tool_choice="none", max_output_tokens=16)
    same(probe, f"{SPACE}.output-is-accepted", 200, answer.status, made, answer)
