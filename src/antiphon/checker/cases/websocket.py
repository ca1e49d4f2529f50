"""WebSocket mode: one connection, many responses."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.material import (
    ASK_WEATHER,
    ROOM,
    WEATHER,
    inner,
    items,
    named,
    output_of,
    refused,
    same,
)
from antiphon.checker.probe import Probe
from antiphon.checker.socket import Socket
from antiphon.checker.wire import JSON, last_response

W, NEEDS = "websocket", ("websocket",)
MADE, WARM, LOCAL, WRONG = (f"{W}.{topic}" for topic in ("create", "warm", "local", "errors"))
ENDS = ("response.completed", "response.incomplete", "response.failed")
UNKNOWN = "resp_" + "0f" * 24


async def said(probe: Probe, socket: Socket, **body: object) -> list[JSON]:
    """The events of one request on this connection."""
    return await socket.create(**{"model": probe.model, "input": "Say: ok", "max_output_tokens": 16, **body})


def kinds(events: list[JSON]) -> list[str]:
    return [str(event.get("type")) for event in events]


def code_of(events: list[JSON]) -> str | None:
    """The code of the error that came last; None where none did."""
    return inner(events[-1], "error").get("code") if events else None


def ended(events: list[JSON]) -> bool:
    return bool(events) and events[-1].get("type") in ENDS


@case(f"{W}.open.plain", requirements=[f"{W}.open.without-upgrade-is-426"], requests=1)
async def plain_get(probe: Probe) -> None:
    """GET without an upgrade."""
    answer = await probe.request("GET", "/responses")
    if answer.status == 426:
        same(probe, f"{W}.open.without-upgrade-is-426", 426, answer.status, answer)
    else:
        probe.unclear(f"{W}.open.without-upgrade-is-426", str(answer.status), on=answer)


@case(
    f"{MADE}.two",
    requirements=[
        f"{W}.open.upgrade-is-accepted",
        f"{MADE}.ends-with-a-terminal-event",
        f"{MADE}.begins-with-created",
        f"{MADE}.numbers-restart",
        f"{MADE}.one-event-per-frame",
        f"{MADE}.several-in-a-row",
        f"{MADE}.is-stored",
        f"{W}.lanes.none-without-one",
    ],
    requests=2,
    tokens=60,
    needs=NEEDS,
    profiles=("core",),
)
async def two(probe: Probe) -> None:
    """Two requests, one after the other."""
    async with probe.socket() as socket:
        on = socket.exchange
        same(probe, f"{W}.open.upgrade-is-accepted", 101, on.status, on)
        first, second = await said(probe, socket), await said(probe, socket)
        for events in (first, second):
            probe.holds(
                f"{MADE}.ends-with-a-terminal-event",
                ended(events),
                expected=ENDS,
                got=kinds(events)[-1:],
                on=on,
            )
            same(probe, f"{MADE}.begins-with-created", ["response.created"], kinds(events)[:1], on)
            numbers = [event.get("sequence_number") for event in events]
            same(probe, f"{MADE}.numbers-restart", [*range(len(events))], numbers, on)
        ids = {last_response(events).get("id") for events in (first, second)}
        same(probe, f"{MADE}.several-in-a-row", 2, len(ids), on)
        strange = [event for event in on.events if event.get("type") == "?"]
        same(probe, f"{MADE}.one-event-per-frame", [], strange, on)
        marked = [event for event in on.events if event.get("stream_id") is not None]
        same(probe, f"{W}.lanes.none-without-one", [], marked, on)
        stored = await probe.request("GET", f"/responses/{last_response(second).get('id')}")
        same(probe, f"{MADE}.is-stored", 200, stored.status, on, stored)


@case(
    f"{MADE}.compared", requirements=[f"{MADE}.same-events-as-a-stream"], requests=2, tokens=300, needs=NEEDS
)
async def compared(probe: Probe) -> None:
    """A forced call over a WebSocket and as a stream."""
    body: JSON = {
        "input": ASK_WEATHER,
        "tools": [WEATHER],
        "tool_choice": named(WEATHER),
        "max_output_tokens": ROOM,
    }
    streamed = await probe.stream(**body)
    async with probe.socket() as socket:
        events = await said(probe, socket, **body)
        shapes = [list(dict.fromkeys(kinds(some))) for some in (streamed.events, events)]
        probe.holds(
            f"{MADE}.same-events-as-a-stream",
            shapes[0] == shapes[1],
            expected=shapes[0],
            got=shapes[1],
            on=(streamed, socket.exchange),
            free=True,
        )


@case(f"{MADE}.tools", requirements=[f"{MADE}.calls-tools"], requests=1, tokens=400, needs=NEEDS)
async def tools(probe: Probe) -> None:
    """A call, and its output, on one connection that keeps nothing."""
    async with probe.socket() as socket:
        body: JSON = {
            "tools": [WEATHER],
            "tool_choice": named(WEATHER),
            "max_output_tokens": ROOM,
            "store": False,
        }
        events = await said(probe, socket, input=ASK_WEATHER, **body)
        made = last_response(events)
        calls = items(made, "function_call")
        if not calls:
            probe.skip(f"{MADE}.calls-tools", "no call came to answer")
            return
        outputs = [output_of(call["call_id"]) for call in calls]
        again = await said(probe, socket, input=outputs, previous_response_id=made["id"], store=False)
        probe.holds(f"{MADE}.calls-tools", ended(again), expected=ENDS, got=again[-1:], on=socket.exchange)


@case(
    f"{WARM}.up",
    requirements=[f"{WARM}.answers-with-an-id", f"{WARM}.can-be-continued", f"{WARM}.context-is-kept"],
    requests=1,
    tokens=100,
    needs=NEEDS,
)
async def warm_up(probe: Probe) -> None:
    """`generate: false`, then a continuation."""
    long = " ".join(probe.word() for _ in range(40))
    async with probe.socket() as socket:
        on = socket.exchange
        warm = await said(probe, socket, input=long, generate=False, store=False)
        made = last_response(warm)
        found = (kinds(warm)[-1:], bool(made.get("id")), made.get("output"))
        if not same(probe, f"{WARM}.answers-with-an-id", (["response.completed"], True, []), found, on):
            return
        again = await said(probe, socket, previous_response_id=made["id"], store=False)
        if probe.holds(f"{WARM}.can-be-continued", ended(again), expected=ENDS, got=again[-1:], on=on):
            n = last_response(again)["usage"]["input_tokens"]
            probe.holds(f"{WARM}.context-is-kept", n > 40, expected="more than 40 input tokens", got=n, on=on)


@case(
    f"{LOCAL}.state",
    requirements=[
        f"{LOCAL}.unstored-can-be-continued",
        f"{LOCAL}.unstored-is-unknown-elsewhere",
        f"{LOCAL}.unstored-is-not-retrievable",
        f"{LOCAL}.stored-is-known-elsewhere",
        f"{LOCAL}.http-response-can-be-continued",
    ],
    requests=4,
    tokens=200,
    needs=NEEDS,
)
async def local_state(probe: Probe) -> None:
    """What one connection knows and another does not."""
    plain = await probe.create(input="Say: ok", max_output_tokens=16)
    async with probe.socket() as socket, probe.socket() as other:
        on, there = socket.exchange, other.exchange
        hidden = last_response(await said(probe, socket, store=False))
        again = await said(probe, socket, previous_response_id=hidden["id"], store=False)
        probe.holds(f"{LOCAL}.unstored-can-be-continued", ended(again), expected=ENDS, got=again[-1:], on=on)
        strange = await said(probe, other, previous_response_id=last_response(again).get("id"), store=False)
        code = code_of(strange)
        same(probe, f"{LOCAL}.unstored-is-unknown-elsewhere", "previous_response_not_found", code, there)
        found = await probe.request("GET", f"/responses/{hidden['id']}")
        refused(probe, f"{LOCAL}.unstored-is-not-retrievable", found, 404)
        kept = last_response(await said(probe, socket))
        for rule, name in (
            ("stored-is-known-elsewhere", kept["id"]),
            ("http-response-can-be-continued", plain.json["id"]),
        ):
            events = await said(probe, other, previous_response_id=name)
            probe.holds(f"{LOCAL}.{rule}", ended(events), expected=ENDS, got=events[-1:], on=(on, there))


@case(
    f"{LOCAL}.eviction",
    requirements=[f"{LOCAL}.failed-continuation-evicts-its-parent"],
    requests=1,
    tokens=60,
    needs=NEEDS,
)
async def eviction(probe: Probe) -> None:
    """A continuation that is refused takes its unstored parent with it."""
    async with probe.socket() as socket:
        first = last_response(await said(probe, socket, store=False))
        wrong = await said(
            probe, socket, previous_response_id=first["id"], store=False, input=[output_of("call_of_nobody")]
        )
        if ended(wrong):
            probe.skip(f"{LOCAL}.failed-continuation-evicts-its-parent", "the continuation was not refused")
            return
        again = await said(probe, socket, previous_response_id=first["id"], store=False)
        code = code_of(again)
        wanted = "previous_response_not_found"
        same(probe, f"{LOCAL}.failed-continuation-evicts-its-parent", wanted, code, socket.exchange)


@case(
    f"{WRONG}.frames",
    requirements=[
        f"{WRONG}.have-the-nested-form",
        f"{WRONG}.unknown-previous-response",
        f"{WRONG}.broken-json-is-an-error-frame",
        f"{WRONG}.unknown-type-is-an-error-frame",
        f"{WRONG}.bad-parameter-is-an-error-frame",
        f"{WRONG}.leave-the-connection-open",
    ],
    requests=1,
    tokens=30,
    needs=NEEDS,
    profiles=("core",),
)
async def wrong_frames(probe: Probe) -> None:
    """Frames that cannot be answered with a response."""
    async with probe.socket() as socket:
        on = socket.exchange
        events = await said(probe, socket, previous_response_id=UNKNOWN)
        error = inner(events[-1], "error") if events else {}
        whole = (
            bool(events)
            and events[-1].get("type") == "error"
            and bool(error.get("type") and error.get("message"))
        )
        probe.holds(
            f"{WRONG}.have-the-nested-form",
            whole,
            expected="an `error` object inside",
            got=events[-1:],
            on=on,
        )
        found = (events[-1].get("status") if events else None, error.get("code"))
        same(probe, f"{WRONG}.unknown-previous-response", (400, "previous_response_not_found"), found, on)
        frames: dict[str, JSON | str] = {
            "broken-json-is-an-error-frame": '{"type": "response.create", ',
            "unknown-type-is-an-error-frame": {"type": "response.quantum", "model": probe.model},
            "bad-parameter-is-an-error-frame": {
                "type": "response.create",
                "model": probe.model,
                "input": "Hi",
                "temperature": 9,
            },
        }
        for rule, frame in frames.items():
            await socket.send(frame)
            events = await socket.until_end()
            same(probe, f"{WRONG}.{rule}", ["error"], kinds(events)[-1:], on)
        after = await said(probe, socket)
        probe.holds(
            f"{WRONG}.leave-the-connection-open", ended(after), expected=ENDS, got=kinds(after)[-1:], on=on
        )
