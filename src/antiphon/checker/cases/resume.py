"""Streams that are taken up again, at every position."""

from __future__ import annotations

import asyncio
from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.material import MANY_WORDS, missing, refused, same
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, StreamExchange

R, NEEDS = "resume.stream", ("resume",)
ENDS = ("response.completed", "response.incomplete", "response.failed")
CUTS = 40
"""Positions tried in one stream, spread evenly where it has more."""


async def resumed(probe: Probe, name: str, **query: Any) -> StreamExchange:
    return await probe.stream_of("GET", f"/responses/{name}", query={"stream": True, **query})


def bare(events: list[JSON]) -> list[JSON]:
    """Without the padding, which is made anew for each reader (SPEC H6)."""
    return [{key: value for key, value in event.items() if key != "obfuscation"} for event in events]


def numbers(events: list[JSON]) -> list[int | None]:
    return [event.get("sequence_number") for event in events]


@case(
    f"{R}.cuts",
    requirements=[
        f"{R}.from-the-start",
        f"{R}.every-cut",
        f"{R}.after-the-last-is-empty",
        f"{R}.terminal-event-is-last",
        f"{R}.obfuscation-can-be-left-out",
        f"{R}.malformed-position-is-refused",
        f"{R}.unknown-response-is-404",
    ],
    requests=CUTS + 6,
    tokens=100,
    needs=NEEDS,
    profiles=("core",),
)
async def cuts(probe: Probe) -> None:
    """A stream that has ended is taken up after every one of its events."""
    made = await probe.stream(input="Say: ok", background=True, max_output_tokens=24)
    name, events = made.final["id"], bare(made.events)
    whole = probe.demand(await resumed(probe, name))
    if not whole.events:
        return
    same(probe, f"{R}.from-the-start", numbers(events), numbers(bare(whole.events)), made, whole)
    probe.holds(
        f"{R}.from-the-start",
        bare(whole.events) == events,
        expected="the same events",
        got=[a.get("type") for a, b in zip(bare(whole.events), events, strict=False) if a != b],
        on=(made, whole),
    )
    same(probe, f"{R}.terminal-event-is-last", made.types[-1], whole.types[-1], whole)
    step = max(1, len(events) // CUTS)
    for cut in range(0, len(events) - 1, step):
        rest = await resumed(probe, name, starting_after=cut)
        if not same(probe, f"{R}.every-cut", numbers(events[cut + 1 :]), numbers(rest.events), made, rest):
            break
        same(probe, f"{R}.every-cut", events[cut + 1 :], bare(rest.events), made, rest)
    await _edges(probe, name, len(events) - 1)


async def _edges(probe: Probe, name: str, last: int) -> None:
    end = await resumed(probe, name, starting_after=last)
    if end.ok:
        same(probe, f"{R}.after-the-last-is-empty", [], end.types, end)
    else:
        refused(probe, f"{R}.after-the-last-is-empty", end)
    slim = await resumed(probe, name, include_obfuscation=False)
    padded = [event.get("type") for event in slim.events if "obfuscation" in event]
    same(probe, f"{R}.obfuscation-can-be-left-out", [], padded, slim)
    refused(probe, f"{R}.malformed-position-is-refused", await resumed(probe, name, starting_after="soon"))
    missing(probe, f"{R}.unknown-response-is-404", await resumed(probe, "resp_" + "0f" * 24))


@case(
    f"{R}.broken-off",
    requirements=[f"{R}.after-a-cut-connection", f"{R}.while-it-runs"],
    requests=4,
    tokens=300,
    needs=NEEDS,
)
async def broken_off(probe: Probe) -> None:
    """A client hangs up while the answer is made, and comes back at once."""
    made = await probe.stream(input=MANY_WORDS, background=True, max_output_tokens=256, stop_after=3)
    name, seen = made.final["id"], made.events[:3]
    after = seen[-1]["sequence_number"]
    rest, other = await asyncio.gather(resumed(probe, name, starting_after=after), resumed(probe, name))
    if probe.lack(rest):
        probe.demand(rest)
    together = bare([*seen, *rest.events])
    same(probe, f"{R}.after-a-cut-connection", list(range(len(together))), numbers(together), made, rest)
    ended = bool(rest.types) and rest.types[-1] in ENDS
    probe.holds(f"{R}.after-a-cut-connection", ended, expected=ENDS, got=rest.types[-1:], on=(made, rest))
    # The server may join deltas for a reader who is behind: the text counts, not its pieces.
    same(probe, f"{R}.while-it-runs", said(together), said(other.events), rest, other)


def said(events: list[JSON]) -> tuple[str, str]:
    """The text of all deltas, and how the stream ended."""
    text = "".join(event["delta"] for event in events if event.get("type") == "response.output_text.delta")
    return text, str(events[-1].get("type")) if events else ""


@case(f"{R}.unstreamed", requirements=[f"{R}.unstreamed-is-refused"], requests=3, tokens=60, needs=NEEDS)
async def unstreamed(probe: Probe) -> None:
    """The stream of a response that was made without one."""
    made = await probe.create(input="Say: ok", background=True, max_output_tokens=24)
    await probe.until_ended(made.json["id"])
    answer = await resumed(probe, made.json["id"])
    if not answer.ok:
        refused(probe, f"{R}.unstreamed-is-refused", answer)
        return
    kind = "one terminal event" if len(answer.events) == 1 else "its events"
    probe.unclear(f"{R}.unstreamed-is-refused", kind if answer.events else "nothing", on=answer)


@case(f"{R}.cancelled", requirements=[f"{R}.cancelled-ends"], requests=4, tokens=300, needs=NEEDS)
async def cancelled(probe: Probe) -> None:
    """The stream of a response that is cancelled."""
    body = {"input": MANY_WORDS, "background": True, "max_output_tokens": 1024}
    made = await probe.stream(**body, stop_after=2)
    name = made.final["id"]
    await probe.ask("POST", f"/responses/{name}/cancel")
    ended = await probe.until_ended(name)
    rest = await resumed(probe, name)
    if ended.json.get("status") != "cancelled":
        probe.skip(f"{R}.cancelled-ends", "the answer had ended before it was cancelled")
        return
    probe.holds(
        f"{R}.cancelled-ends", rest.complete, expected="an end of the stream", got=rest.fault, on=rest
    )
