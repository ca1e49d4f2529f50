"""Which tool the model calls, and how the call looks."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from antiphon.checker.cases import case
from antiphon.checker.material import (
    ASK_WEATHER,
    CLOCK,
    ROOM,
    WEATHER,
    items,
    named,
    refused,
    same,
    user,
    weather_call,
)
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

CHOICE, ALLOWED, PARALLEL, CALL = "tools.choice", "tools.allowed", "tools.parallel", "tools.call"
BOTH = [WEATHER, CLOCK]
ASK_BOTH = "Call get_weather for Oslo in celsius, and get_time for the zone CET. Call both."
ANYWHERE = ("core", "stateless")


def called(response: JSON) -> list[str]:
    """The names of the functions that were called."""
    return [item["name"] for item in items(response, "function_call")]


@case(
    f"{CALL}.forced",
    requirements=[
        f"{CHOICE}.named-function-is-called",
        f"{CALL}.strict-arguments-keep-the-schema",
        f"{CALL}.arguments-are-a-json-object",
        f"{CALL}.id-and-call-id-differ",
        f"{CALL}.response-is-completed",
    ],
    requests=1,
    tokens=300,
    profiles=(*ANYWHERE, "openresponses"),
)
async def forced(probe: Probe) -> None:
    """One of two functions is forced."""
    made, call = await weather_call(probe, tools=BOTH)
    names = called(made.json)
    fine = bool(names) and set(names) == {"get_weather"}
    probe.holds(f"{CHOICE}.named-function-is-called", fine, expected=["get_weather"], got=names, on=made)
    if call is None:
        return
    same(probe, f"{CALL}.response-is-completed", "completed", made.json.get("status"), made)
    ids = (call.get("id"), call.get("call_id"))
    apart = bool(ids[1]) and ids[0] != ids[1]
    probe.holds(f"{CALL}.id-and-call-id-differ", apart, expected="two ids", got=ids, on=made)
    arguments = parsed(call["arguments"])
    probe.holds(
        f"{CALL}.arguments-are-a-json-object",
        isinstance(arguments, dict),
        expected="a JSON object",
        got=call["arguments"],
        on=made,
    )
    valid = jsonschema_rs.is_valid(WEATHER["parameters"], arguments)
    probe.holds(
        f"{CALL}.strict-arguments-keep-the-schema",
        valid,
        expected=WEATHER["parameters"],
        got=call["arguments"],
        on=made,
    )


def parsed(arguments: Any) -> Any:
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return None


@case(
    f"{CHOICE}.modes",
    requirements=[
        f"{CHOICE}.required-calls-something",
        f"{CHOICE}.none-calls-nothing",
        f"{CHOICE}.auto-answers",
    ],
    requests=3,
    tokens=900,
    profiles=ANYWHERE,
)
async def modes(probe: Probe) -> None:
    """`required`, `none` and `auto`."""
    must = await probe.create(
        input=ASK_WEATHER, tools=[WEATHER], tool_choice="required", max_output_tokens=ROOM
    )
    names = called(must.json)
    probe.holds(f"{CHOICE}.required-calls-something", bool(names), expected="a call", got=names, on=must)
    never = await probe.create(input=ASK_WEATHER, tools=[WEATHER], tool_choice="none", max_output_tokens=64)
    same(probe, f"{CHOICE}.none-calls-nothing", [], called(never.json), never)
    auto = await probe.create(input=ASK_WEATHER, tools=[WEATHER], tool_choice="auto", max_output_tokens=ROOM)
    kinds = [item.get("type") for item in auto.json["output"]]
    answered = bool({"message", "function_call"} & set(kinds)) or auto.json.get("status") == "incomplete"
    probe.holds(f"{CHOICE}.auto-answers", answered, expected="a message or a call", got=kinds, on=auto)


@case(
    f"{CHOICE}.wrong",
    requirements=[f"{CHOICE}.absent-tool-is-refused", f"{CHOICE}.nested-form-is-refused"],
    requests=2,
    tokens=30,
    profiles=ANYWHERE,
)
async def wrong(probe: Probe) -> None:
    """A choice that cannot be made."""
    absent = await probe.attempt(input="Hi", tools=[WEATHER], tool_choice=named(CLOCK), max_output_tokens=16)
    refused(probe, f"{CHOICE}.absent-tool-is-refused", absent)
    form = {"type": "function", "function": {"name": "get_weather"}}
    nested = await probe.attempt(input="Hi", tools=[WEATHER], tool_choice=form, max_output_tokens=16)
    refused(probe, f"{CHOICE}.nested-form-is-refused", nested)


@case(
    f"{ALLOWED}.modes",
    requirements=[
        f"{ALLOWED}.only-allowed-are-called",
        f"{ALLOWED}.auto-never-calls-the-others",
        f"{ALLOWED}.tools-keep-the-full-list",
        f"{ALLOWED}.absent-tool-is-refused",
    ],
    requests=3,
    tokens=700,
    needs=("allowed_tools",),
    profiles=("stateless",),
)
async def allowed(probe: Probe) -> None:
    """Of two tools one may be called, though the other is asked for."""
    body: JSON = {"input": ASK_WEATHER, "tools": BOTH, "max_output_tokens": ROOM}

    def choice(mode: str, tool: JSON) -> JSON:
        return {"type": "allowed_tools", "mode": mode, "tools": [named(tool)]}

    must = await probe.create(**body, tool_choice=choice("required", CLOCK))
    names = called(must.json)
    only = bool(names) and set(names) == {"get_time"}
    probe.holds(f"{ALLOWED}.only-allowed-are-called", only, expected=["get_time"], got=names, on=must)
    listed = [tool.get("name") for tool in must.json["tools"]]
    same(probe, f"{ALLOWED}.tools-keep-the-full-list", ["get_weather", "get_time"], listed, must)
    may = await probe.create(**body, tool_choice=choice("auto", CLOCK))
    others = [name for name in called(may.json) if name != "get_time"]
    same(probe, f"{ALLOWED}.auto-never-calls-the-others", [], others, may)
    absent = {**WEATHER, "name": "get_nothing"}
    refused(
        probe,
        f"{ALLOWED}.absent-tool-is-refused",
        await probe.attempt(**body, tool_choice=choice("auto", absent)),
    )


@case(
    f"{PARALLEL}.off",
    requirements=[f"{PARALLEL}.off-gives-one-call"],
    requests=1,
    tokens=350,
    profiles=ANYWHERE,
)
async def parallel(probe: Probe) -> None:
    """Two calls are asked for where only one may come."""
    body: JSON = {"input": ASK_BOTH, "tools": BOTH, "tool_choice": "required", "max_output_tokens": ROOM}
    one = await probe.create(**body, parallel_tool_calls=False)
    names = called(one.json)
    probe.holds(
        f"{PARALLEL}.off-gives-one-call", len(names) <= 1, expected="at most one call", got=names, on=one
    )


@case(
    "tools.limits.of-calls",
    requirements=["tools.limits.zero-tool-calls-are-refused", "tools.limits.do-not-bind-functions"],
    requests=2,
    tokens=300,
)
async def limits(probe: Probe) -> None:
    """`max_tool_calls` of none and of one."""
    zero = await probe.attempt(input="Hi", max_tool_calls=0, max_output_tokens=16)
    refused(probe, "tools.limits.zero-tool-calls-are-refused", zero)
    made, call = await weather_call(probe, max_tool_calls=1)
    probe.holds("tools.limits.do-not-bind-functions", call is not None, expected="a call", got=None, on=made)


@case(
    "tools.additional.item",
    requirements=["tools.additional.item-adds-tools"],
    requests=1,
    tokens=300,
    needs=("item:additional_tools",),
)
async def additional(probe: Probe) -> None:
    """Tools that come as an item of the input."""
    more = {"type": "additional_tools", "role": "developer", "tools": [CLOCK]}
    ask = user("Call get_time for CET.")
    made = await probe.create(input=[more, ask], tool_choice="required", max_output_tokens=ROOM)
    same(probe, "tools.additional.item-adds-tools", ["get_time"], called(made.json)[:1], made)
