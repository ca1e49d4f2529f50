"""Streams: the laws watch every one of them; the cases see to it that there is something to watch."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.cases.responses_create import ALWAYS, ROOM, WEATHER
from antiphon.checker.laws.answers import output, texts
from antiphon.checker.narrow import inside
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

_S = "responses.stream"


@case(
    f"{_S}.text",
    requirements=[
        f"{_S}.text-comes-in-deltas",
        f"{_S}.first-event-is-created",
        f"{_S}.ends-with-one-terminal-event",
    ],
    tokens=128,
    profiles=ALWAYS,
)
async def text(probe: Probe) -> None:
    """A short text streams in deltas."""
    told = await probe.stream(input="Say: ok", max_output_tokens=ROOM)
    deltas = "".join(str(event.get("delta")) for event in told.of_type("response.output_text.delta"))
    whole = texts(told.final)
    fine = bool(deltas) or not whole
    probe.holds(f"{_S}.text-comes-in-deltas", fine, expected=f"deltas of {whole!r}", got=deltas, on=told)


@case(f"{_S}.long-text", requirements=[f"{_S}.long-text-comes-in-pieces"], tokens=256, profiles=("core",))
async def long_text(probe: Probe) -> None:
    """A longer text comes in more than one delta."""
    words = " ".join(probe.word() for _ in range(30))
    told = await probe.stream(input=f"Repeat exactly: {words}", max_output_tokens=ROOM)
    number = len(told.of_type("response.output_text.delta"))
    short = len(texts(told.final).split()) < 10
    requirement = f"{_S}.long-text-comes-in-pieces"
    probe.holds(requirement, number > 1, expected="several deltas", got=number, on=told, free=short)


@case(
    f"{_S}.same-as-plain",
    requirements=[f"{_S}.carries-the-same-answer-as-plain", f"{_S}.stream-false-is-plain"],
    requests=3,
    tokens=384,
    profiles=ALWAYS,
)
async def same_as_plain(probe: Probe) -> None:
    """Plain and streamed answers to one request have the same fields and kinds of items."""
    body: JSON = {"input": "Say: ok", "max_output_tokens": ROOM, "temperature": 0, "metadata": {"a": "b"}}
    plain = await probe.create(**body)
    streamed = await probe.stream(**body)
    told = [_frame_of(plain.json), _frame_of(streamed.final)]
    both = (plain, streamed)
    requirement = f"{_S}.carries-the-same-answer-as-plain"
    free = told[0]["fields"] == told[1]["fields"]
    probe.holds(requirement, told[0] == told[1], expected=told[0], got=told[1], on=both, free=free)
    off = await probe.create(**body, stream=False)
    probe.holds(f"{_S}.stream-false-is-plain", off.json.get("object") == "response", got=off.json, on=off)


def _frame_of(response: JSON) -> JSON:
    """Fields and kinds: what does not depend on the words of the answer."""
    return {"fields": sorted(response), "items": [item.get("type") for item in output(response)]}


@case(
    f"{_S}.stored",
    requirements=[f"{_S}.is-stored-as-it-ended"],
    requests=2,
    tokens=128,
    needs=("store",),
    profiles=("core",),
)
async def stored(probe: Probe) -> None:
    """What a stream ended with is what is stored."""
    told = await probe.stream(input="Say: ok", max_output_tokens=ROOM, store=True)
    kept = await probe.ask("GET", f"/responses/{told.final['id']}")
    names = [name for name in {**told.final, **kept.json} if told.final.get(name) != kept.json.get(name)]
    got = {name: [told.final.get(name), kept.json.get(name)] for name in names}
    probe.holds(f"{_S}.is-stored-as-it-ended", not names, expected={}, got=got, on=(told, kept))


@case(
    f"{_S}.obfuscation",
    requirements=[f"{_S}.obfuscation-can-be-turned-off", f"{_S}.obfuscation-is-on-by-default"],
    requests=2,
    tokens=256,
    profiles=("core",),
)
async def obfuscation(probe: Probe) -> None:
    """Obfuscation of deltas can be turned off."""
    body: JSON = {"input": "Say: ok", "max_output_tokens": ROOM}
    off = await probe.stream(**body, stream_options={"include_obfuscation": False})
    left = [event["type"] for event in off.events if "obfuscation" in event]
    probe.holds(f"{_S}.obfuscation-can-be-turned-off", not left, expected=[], got=left, on=off)
    on = await probe.stream(**body)
    bare = [event["type"] for event in on.of_type("response.output_text.delta") if "obfuscation" not in event]
    probe.holds(f"{_S}.obfuscation-is-on-by-default", not bare, expected=[], got=bare[:3], on=on)


@case(
    f"{_S}.limit",
    requirements=[f"{_S}.limit-ends-incomplete", f"{_S}.limit-leaves-the-text-so-far"],
    tokens=64,
    profiles=("core",),
)
async def limit(probe: Probe) -> None:
    """An output limit ends the stream as incomplete, with the text so far."""
    words = " ".join(probe.word() for _ in range(60))
    told = await probe.stream(input=f"Repeat these words exactly: {words}", max_output_tokens=16)
    reason = inside(told.final, "incomplete_details", "reason")
    got = (told.types[-1], reason)
    wanted = ("response.incomplete", "max_output_tokens")
    early = told.types[-1] == "response.completed" and told.final["usage"]["output_tokens"] < 16
    probe.holds(f"{_S}.limit-ends-incomplete", got == wanted, expected=[wanted], got=got, on=told, free=early)
    if got == wanted:
        statuses = [item.get("status") for item in output(told.final)][-1:]
        fine = statuses in (["incomplete"], [])
        probe.holds(
            f"{_S}.limit-leaves-the-text-so-far", fine, expected=["incomplete"], got=statuses, on=told
        )
    else:
        probe.skip(f"{_S}.limit-leaves-the-text-so-far", "the limit was not reached")


@case(f"{_S}.refused", requirements=[f"{_S}.error-before-the-stream-is-plain-json"], profiles=ALWAYS)
async def refused(probe: Probe) -> None:
    """A streamed request that is wrong gets an HTTP error, not a stream."""
    body = probe.body({"input": "Hi", "stream": True, "model": f"no-such-model-{probe.word()}"})
    told = await probe.stream_of("POST", "/responses", body)
    kind = told.header("content-type") or ""
    fine = told.status >= 400 and "event-stream" not in kind
    got = {"status": told.status, "content-type": kind}
    wanted = "an HTTP error with a JSON body"
    probe.holds(f"{_S}.error-before-the-stream-is-plain-json", fine, expected=wanted, got=got, on=told)


@case(
    f"{_S}.function-call",
    requirements=[f"{_S}.function-call-streams", f"{_S}.arguments-come-in-deltas"],
    tokens=256,
    needs=("tools",),
    profiles=("core", "openresponses"),
)
async def function_call(probe: Probe) -> None:
    """A forced function call streams its arguments."""
    told = await probe.stream(
        input="What is the weather in Oslo?",
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "get_weather"},
        max_output_tokens=ROOM,
    )
    calls = [item for item in output(told.final) if item.get("type") == "function_call"]
    fine = bool(calls) and all(_is_object(call.get("arguments")) for call in calls)
    got = [item.get("arguments", item.get("type")) for item in output(told.final)]
    probe.holds(
        f"{_S}.function-call-streams", fine, expected="a call with JSON", got=got, on=told, free=bool(calls)
    )
    deltas = told.of_type("response.function_call_arguments.delta")
    if calls:
        probe.holds(
            f"{_S}.arguments-come-in-deltas", bool(deltas), expected="deltas", got=len(deltas), on=told
        )


def _is_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@case(
    f"{_S}.parallel",
    requirements=[f"{_S}.parallel-streams-do-not-mix"],
    requests=6,
    tokens=768,
    profiles=("core",),
)
async def parallel(probe: Probe) -> None:
    """Six streams at once keep to themselves."""
    words = [probe.word() + str(n) for n in range(6)]
    told = await asyncio.gather(
        *(probe.stream(input=f"Say: {w}", metadata={"word": w}, max_output_tokens=ROOM) for w in words)
    )
    marks = [one.final.get("metadata", {}).get("word") for one in told]
    ids = {one.final.get("id") for one in told}
    items = [
        str(event["item"].get("id")) for one in told for event in one.of_type("response.output_item.added")
    ]
    fine = marks == words and len(ids) == len(words) and len(items) == len(set(items))
    probe.holds(f"{_S}.parallel-streams-do-not-mix", fine, expected=words, got=marks, on=told)


@case(f"{_S}.whole-frames", requirements=[f"{_S}.reading-slowly-loses-nothing"], tokens=256)
async def whole_frames(probe: Probe) -> None:
    """Every block of a stream is whole, down to the last."""
    told = await probe.stream(input="Say: ok", max_output_tokens=ROOM)
    broken = [frame.lines for frame in told.frames if frame.data is not None and not frame.data.strip()]
    fine = told.complete and not broken
    probe.holds(
        f"{_S}.reading-slowly-loses-nothing", fine, expected="whole blocks", got=told.fault or broken, on=told
    )
