"""Forms of `input`: what is taken, and that it reaches the model."""

from __future__ import annotations

from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.cases.responses_create import ALWAYS, ROOM, SMALL, WEATHER, answered, message
from antiphon.checker.laws.answers import output
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

_C = "responses.create"


_SAID: JSON = {"type": "output_text", "text": "Good day."}
_TAKEN: dict[str, tuple[str, list[Any], tuple[str, ...]]] = {
    "easy-messages": ("input-may-be-messages", [message("user", "Say: ok")], ALWAYS),
    "parts": (
        "input-may-be-parts",
        [
            message(
                "user",
                [{"type": "input_text", "text": "Say:"}, {"type": "input_text", "text": "ok"}],
                type="message",
            )
        ],
        ALWAYS,
    ),
    "roles": (
        "every-role-is-taken",
        [
            message("system", "Be short."),
            message("developer", "Be polite."),
            message("user", "Hello."),
            message("assistant", "Good day."),
            message("user", "Say: ok"),
        ],
        ALWAYS,
    ),
    "assistant-history": (
        "assistant-history-is-taken",
        [
            message("user", "Hello."),
            message("assistant", [_SAID], type="message"),
            message("user", "Hello again."),
            message(
                "assistant", [{**_SAID, "annotations": []}], type="message", id="msg_a1", status="completed"
            ),
            message("user", "Say: ok"),
        ],
        ALWAYS,
    ),
    "same-role": (
        "same-role-in-a-row-is-taken",
        [message("user", "Hello."), message("user", "Are you there?"), message("user", "Say: ok")],
        ALWAYS,
    ),
    "client-ids": (
        "client-made-ids-are-taken",
        [
            message("user", "Hello.", type="message"),
            message(
                "assistant",
                [{**_SAID, "annotations": []}],
                type="message",
                id="msg_my-own-1",
                status="completed",
            ),
            message("user", "Say: ok", type="message"),
        ],
        SMALL,
    ),
    "tool-results": (
        "tool-results-are-taken-without-state",
        [
            message("user", "What is the weather in Oslo?"),
            {
                "type": "function_call",
                "call_id": "call_w1",
                "name": "get_weather",
                "arguments": '{"city":"Oslo"}',
            },
            {"type": "function_call_output", "call_id": "call_w1", "output": "Rain, 7 degrees"},
        ],
        ALWAYS,
    ),
}
"""Name → the requirement, the input that must be taken, the profiles."""


def _taken(name: str, requirement: str, given: list[Any], profiles: tuple[str, ...]) -> None:
    async def run(probe: Probe) -> None:
        tools = [WEATHER] if name == "tool-results" else []
        made = await probe.create(input=given, tools=tools, max_output_tokens=ROOM)
        answered(probe, f"{_C}.{requirement}", made)

    run.__doc__ = f"An input of the form `{name}` is taken and answered."
    case(f"{_C}.input.{name}", requirements=[f"{_C}.{requirement}"], tokens=128, profiles=profiles)(run)


for _name, (_requirement, _given, _profiles) in _TAKEN.items():
    _taken(_name, _requirement, _given, _profiles)


@case(f"{_C}.nulls", requirements=[f"{_C}.null-parameters-are-taken"], tokens=128, profiles=ALWAYS)
async def nulls(probe: Probe) -> None:
    """Optional parameters are taken as null."""
    names = ("instructions", "metadata", "max_tool_calls", "temperature", "top_p", "include", "truncation")
    names += (
        "previous_response_id",
        "parallel_tool_calls",
        "service_tier",
        "stream",
        "reasoning",
        "background",
    )
    made = await probe.create(input="Say: ok", max_output_tokens=ROOM, **dict.fromkeys(names))
    answered(probe, f"{_C}.null-parameters-are-taken", made)


@case(
    f"{_C}.replay",
    requirements=[f"{_C}.output-items-go-back-as-they-came"],
    requests=2,
    tokens=256,
    profiles=ALWAYS,
)
async def replay(probe: Probe) -> None:
    """What came goes back in the next request's input."""
    asked = message("user", "Say: ok")
    one = await probe.create(input=[asked], max_output_tokens=ROOM)
    again = [asked, *output(one.json), message("user", "Say it again.")]
    two = await probe.create(input=again, max_output_tokens=ROOM)
    answered(probe, f"{_C}.output-items-go-back-as-they-came", two)


@case(f"{_C}.system", requirements=[f"{_C}.system-message-is-followed"], tokens=128, profiles=ALWAYS)
async def system(probe: Probe) -> None:
    """A system message reaches the model: it counts as input."""
    await _longer_with(probe, f"{_C}.system-message-is-followed", "system")


@case(
    f"{_C}.instructions",
    requirements=[f"{_C}.instructions-are-followed"],
    requests=2,
    tokens=256,
    profiles=ALWAYS,
)
async def instructions(probe: Probe) -> None:
    """Instructions reach the model: they count as input."""
    await _longer_with(probe, f"{_C}.instructions-are-followed", "instructions")


async def _longer_with(probe: Probe, requirement: str, way: str) -> None:
    """Whether a model obeys is its own affair; that the text got to it shows in `usage.input_tokens`."""
    rule = "Answer in one word. " + " ".join(probe.word() for _ in range(40))
    user = message("user", "Say: ok")
    more: JSON = {"instructions": rule} if way == "instructions" else {}
    given = [user] if more else [message("system", rule), user]
    short = await probe.create(input=[user], max_output_tokens=ROOM)
    long = await probe.create(input=given, max_output_tokens=ROOM, **more)
    told = [made.json["usage"]["input_tokens"] for made in (short, long)]
    probe.holds(
        requirement,
        told[1] >= told[0] + 20,
        expected=f"{told[0]} + 20 or more",
        got=told[1],
        on=(short, long),
    )


@case(
    f"{_C}.history", requirements=[f"{_C}.history-reaches-the-model"], requests=2, tokens=256, profiles=ALWAYS
)
async def history(probe: Probe) -> None:
    """Earlier turns reach the model: they count as input."""
    words = " ".join(probe.word() for _ in range(40))
    last = message("user", "Say: ok")
    before = [message("user", f"Remember: {words}"), message("assistant", "I will.")]
    short = await probe.create(input=[last], max_output_tokens=ROOM)
    long = await probe.create(input=[*before, last], max_output_tokens=ROOM)
    told = [made.json["usage"]["input_tokens"] for made in (short, long)]
    fine = told[1] >= told[0] + 20
    probe.holds(
        f"{_C}.history-reaches-the-model", fine, expected=f"{told[0]} + 20", got=told[1], on=(short, long)
    )
