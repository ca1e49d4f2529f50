"""How tools are declared, and how calls and their outputs are paired in the input."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.material import (
    CLOCK,
    ROOM,
    WEATHER,
    call_of,
    coded,
    output_of,
    refused,
    same,
    text,
    user,
)
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

DECLARED, PAIRING = "tools.declared", "tools.pairing"
ANYWHERE = ("stateless",)


async def offered(probe: Probe, *tools: JSON) -> Exchange:
    return await probe.attempt(input="Say: ok", tools=list(tools), tool_choice="none", max_output_tokens=16)


@case(
    f"{DECLARED}.rightly",
    requirements=[
        f"{DECLARED}.strict-null-is-accepted",
        f"{DECLARED}.without-parameters-is-accepted",
        f"{DECLARED}.long-name-is-accepted",
        f"{DECLARED}.forty-are-accepted",
    ],
    requests=5,
    tokens=1500,
    profiles=ANYWHERE,
)
async def rightly(probe: Probe) -> None:
    """Functions in all the forms in which clients declare them."""
    loose = {key: value for key, value in WEATHER.items() if key != "strict"}
    for tool in ({**WEATHER, "strict": None}, loose):
        answer = await offered(probe, tool)
        same(probe, f"{DECLARED}.strict-null-is-accepted", 200, answer.status, answer)
    empty = await offered(probe, {"type": "function", "name": "ping", "parameters": None, "strict": False})
    same(probe, f"{DECLARED}.without-parameters-is-accepted", 200, empty.status, empty)
    long = await offered(probe, {**WEATHER, "name": "n" * 128})
    same(probe, f"{DECLARED}.long-name-is-accepted", 200, long.status, long)
    tiny: JSON = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    forty = [{"type": "function", "name": f"t{n}", "parameters": tiny, "strict": True} for n in range(40)]
    many = await offered(probe, *forty)
    same(probe, f"{DECLARED}.forty-are-accepted", 200, many.status, many)


@case(
    f"{DECLARED}.wrongly",
    requirements=[
        f"{DECLARED}.bad-name-is-refused",
        f"{DECLARED}.too-long-name-is-refused",
        f"{DECLARED}.nameless-is-refused",
        f"{DECLARED}.bad-schema-is-refused",
        f"{DECLARED}.loose-strict-schema-is-refused",
    ],
    requests=5,
    profiles=ANYWHERE,
)
async def wrongly(probe: Probe) -> None:
    """Tools that cannot be."""
    nameless = {key: value for key, value in WEATHER.items() if key != "name"}
    open_schema = {
        key: value for key, value in WEATHER["parameters"].items() if key != "additionalProperties"
    }
    broken: dict[str, JSON] = {
        "bad-name-is-refused": {**WEATHER, "name": "get weather!"},
        "too-long-name-is-refused": {**WEATHER, "name": "n" * 129},
        "bad-schema-is-refused": {**WEATHER, "strict": False, "parameters": {"type": "no such type"}},
        "loose-strict-schema-is-refused": {**WEATHER, "parameters": open_schema},
    }
    for rule, tool in broken.items():
        refused(probe, f"{DECLARED}.{rule}", await offered(probe, tool))
    without = await offered(probe, nameless)
    if refused(probe, f"{DECLARED}.nameless-is-refused", without):
        coded(probe, f"{DECLARED}.nameless-is-refused", without, "missing_required_parameter")


@case(
    f"{PAIRING}.rightly",
    requirements=[
        f"{PAIRING}.is-by-id-not-by-place",
        f"{PAIRING}.output-may-be-parts",
        f"{PAIRING}.call-without-item-id-is-accepted",
        f"{PAIRING}.answer-follows-output",
    ],
    requests=3,
    tokens=400,
    profiles=("core", "stateless"),
)
async def rightly_paired(probe: Probe) -> None:
    """Calls and outputs that belong together, wherever they stand."""
    ask, zone = user("What is the weather, and the time?"), '{"zone":"CET"}'
    first, second = call_of(WEATHER, "call_a"), call_of(CLOCK, "call_b", zone)
    parts = [{"type": "input_text", "text": "It rains."}]
    shapes = {
        "is-by-id-not-by-place": [
            ask,
            first,
            second,
            output_of("call_b", "noon"),
            output_of("call_a", "rain"),
        ],
        "output-may-be-parts": [ask, first, output_of("call_a", parts)],
    }
    for rule, given in shapes.items():
        answer = await probe.attempt(
            input=given, tools=[WEATHER, CLOCK], tool_choice="none", max_output_tokens=16
        )
        same(probe, f"{PAIRING}.{rule}", 200, answer.status, answer)
    given = [ask, first, output_of("call_a", "It rains.")]
    answer = await probe.attempt(input=given, tools=[WEATHER], tool_choice="none", max_output_tokens=ROOM)
    if same(probe, f"{PAIRING}.call-without-item-id-is-accepted", 200, answer.status, answer):
        said = text(answer.json)
        probe.holds(
            f"{PAIRING}.answer-follows-output", bool(said), expected="a text", got=said, on=answer, free=True
        )


@case(
    f"{PAIRING}.wrongly",
    requirements=[f"{PAIRING}.refusal-names-input"],
    requests=1,
    profiles=("core", "stateless"),
)
async def wrongly_paired(probe: Probe) -> None:
    """An output that stands alone."""
    lone = await probe.attempt(input=[user("Hi"), output_of("call_a")], max_output_tokens=16)
    if lone.status == 400:
        same(probe, f"{PAIRING}.refusal-names-input", "input", lone.error.get("param"), lone)


@case(f"{PAIRING}.edges", requirements=[f"{PAIRING}.call-id-edges"], requests=2, tokens=30, profiles=ANYWHERE)
async def edges(probe: Probe) -> None:
    """The longest `call_id`, and one that is longer."""
    for length in (64, 65):
        name = "c" * length
        given = [user("Hi"), call_of(WEATHER, name), output_of(name)]
        answer = await probe.attempt(input=given, max_output_tokens=16)
        wanted = 200 if length == 64 else 400
        same(probe, f"{PAIRING}.call-id-edges", (length, wanted), (length, answer.status), answer)
