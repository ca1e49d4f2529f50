"""Lanes of a WebSocket connection: in order within a lane, side by side across lanes."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.cases.websocket import ENDS, NEEDS, UNKNOWN, code_of, ended, kinds
from antiphon.checker.material import inner, same, user
from antiphon.checker.probe import Probe
from antiphon.checker.socket import Socket
from antiphon.checker.wire import JSON, last_response

LANES = "websocket.lanes"


async def started(probe: Probe, socket: Socket, lane: str, text: str = "Say: ok", **more: object) -> None:
    frame = {"type": "response.create", "model": probe.model, "input": text, "max_output_tokens": 16}
    await socket.send({**frame, "stream_id": lane, **more})


async def until(socket: Socket, ends: int) -> list[JSON]:
    """Events up to so many terminal events and errors; fewer where the connection ends."""
    found: list[JSON] = []
    while ends > 0 and (event := await socket.receive()) is not None:
        found.append(event)
        ends -= event.get("type") in (*ENDS, "error")
    return found


@case(
    f"{LANES}.two",
    requirements=[
        f"{LANES}.stream-id-is-on-every-event",
        f"{LANES}.run-side-by-side",
        f"{LANES}.one-lane-keeps-order",
        f"{LANES}.fork-across-lanes",
        f"{LANES}.new-chain-without-previous",
    ],
    requests=1,
    tokens=200,
    needs=NEEDS,
)
async def two_lanes(probe: Probe) -> None:
    """Three requests at once on two lanes."""
    async with probe.socket() as socket:
        on = socket.exchange
        for lane, tag in (("a", "1"), ("b", "2"), ("a", "3")):
            await started(probe, socket, lane, metadata={"tag": tag}, store=False)
        events = await until(socket, 3)
        lost = [event.get("type") for event in events if event.get("stream_id") not in ("a", "b")]
        same(probe, f"{LANES}.stream-id-is-on-every-event", [], lost, on)
        lanes = {lane: [event for event in events if event.get("stream_id") == lane] for lane in "ab"}
        numbers = [event.get("sequence_number") for event in lanes["b"]]
        same(probe, f"{LANES}.run-side-by-side", [*range(len(numbers))], numbers if numbers else None, on)
        tags = [
            event["response"].get("metadata", {}).get("tag")
            for event in lanes["a"]
            if event.get("type") in ("response.created", *ENDS)
        ]
        same(probe, f"{LANES}.one-lane-keeps-order", ["1", "1", "3", "3"], tags, on)
        parent = last_response(lanes["b"]).get("id")
        await started(probe, socket, "a", previous_response_id=parent, store=False)
        fork = await until(socket, 1)
        probe.holds(f"{LANES}.fork-across-lanes", ended(fork), expected=ENDS, got=fork[-1:], on=on)
        await started(probe, socket, "b", store=False)
        fresh = last_response(await until(socket, 1))
        same(probe, f"{LANES}.new-chain-without-previous", None, fresh.get("previous_response_id", "?"), on)


@case(
    f"{LANES}.limits",
    requirements=[f"{LANES}.malformed-id-is-refused", f"{LANES}.thirty-three-are-too-many"],
    requests=1,
    tokens=33 * 20,
    needs=NEEDS,
)
async def limits(probe: Probe) -> None:
    """Names that are none, and too many names."""
    async with probe.socket() as socket:
        on = socket.exchange
        for lane in ("a b", "x" * 257):
            await started(probe, socket, lane)
            code = code_of(await until(socket, 1))
            same(probe, f"{LANES}.malformed-id-is-refused", "invalid_stream_id", code, on)
        for n in range(33):
            await started(probe, socket, f"lane-{n}", store=False, generate=False)
        events = await until(socket, 33)
        codes = [inner(event, "error").get("code") for event in events if event.get("type") == "error"]
        same(probe, f"{LANES}.thirty-three-are-too-many", ["websocket_stream_limit_reached"], codes, on)


@case(
    "websocket.steer.unknown",
    requirements=["websocket.steer.unknown-response-fails"],
    requests=1,
    needs=NEEDS,
)
async def steer_unknown(probe: Probe) -> None:
    """A response that never was is steered."""
    async with probe.socket() as socket:
        told = [user("Stop.")]
        await socket.send({"type": "response.steer", "previous_response_id": UNKNOWN, "input": told})
        event = await socket.receive(10)
        shown = kinds([event]) if event else []
        same(
            probe, "websocket.steer.unknown-response-fails", ["response.steer.failed"], shown, socket.exchange
        )
