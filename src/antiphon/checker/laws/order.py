"""Order, numbers and framing of a stream (laws L1, L2, L11 and what clients need of SSE)."""

from __future__ import annotations

from itertools import pairwise

from antiphon.checker.laws import Told, first, of_stream, shown
from antiphon.checker.narrow import as_object
from antiphon.checker.reader import TERMINALS, Reading
from antiphon.checker.sse import event_of
from antiphon.checker.wire import JSON
from antiphon.spec import catalogue

_S = "responses.stream"


@of_stream(f"{_S}.first-event-is-created", head=True)
def _first(reading: Reading) -> Told:
    kind = reading.types[0]
    return "" if kind == "response.created" else f"the first event is `{kind}`"


@of_stream(f"{_S}.second-event-is-in-progress-or-queued", head=True)
def _second(reading: Reading) -> Told:
    if len(reading.types) < 2:
        return None
    kind = reading.types[1]
    return "" if kind in ("response.in_progress", "response.queued") else f"the second event is `{kind}`"


@of_stream(f"{_S}.created-comes-once", head=True)
def _once(reading: Reading) -> Told:
    number = reading.types.count("response.created")
    return None if not number else "" if number == 1 else f"`response.created` comes {number} times"


def _created(reading: Reading) -> JSON | None:
    return next((event["response"] for _, event in reading.of_type("response.created")), None)


@of_stream(f"{_S}.created-has-no-output-yet", head=True)
def _created_output(reading: Reading) -> Told:
    response = _created(reading)
    if response is None:
        return None
    return "" if response.get("output") == [] else f"`output` is {shown(response.get('output'))}"


@of_stream(f"{_S}.created-has-no-usage-yet", head=True)
def _created_usage(reading: Reading) -> Told:
    response = _created(reading)
    if response is None:
        return None
    return "" if response.get("usage") is None else f"`usage` is {shown(response['usage'])}"


@of_stream(f"{_S}.created-is-in-progress-or-queued", head=True)
def _created_status(reading: Reading) -> Told:
    response = _created(reading)
    if response is None:
        return None
    status = response.get("status")
    return "" if status in ("in_progress", "queued") else f"`status` is {shown(status)}"


@of_stream(f"{_S}.sequence-is-on-every-event")
def _numbered(reading: Reading) -> Told:
    bare = [e.get("type") for e in reading.events if not _is_number(e.get("sequence_number"))]
    return first([f"`{kind}` has no `sequence_number`" for kind in bare if kind != "keepalive"])


@of_stream(f"{_S}.sequence-starts-at-zero", head=True)
def _zero(reading: Reading) -> Told:
    number = reading.events[0].get("sequence_number")
    return None if not _is_number(number) else "" if number == 0 else f"the first number is {number}"


@of_stream(f"{_S}.sequence-counts-by-one")
def _by_one(reading: Reading) -> Told:
    counted = [event for event in reading.events if event.get("type") != "keepalive"]
    if not all(_is_number(event.get("sequence_number")) for event in counted):
        return None
    steps = pairwise(int(event["sequence_number"]) for event in counted)
    return first([f"{after} comes after {before}" for before, after in steps if after != before + 1])


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@of_stream(f"{_S}.ends-with-one-terminal-event", head=True, tail=True)
def _one_end(reading: Reading) -> Told:
    ends = [reading.types[at] for at, _ in reading.terminals]
    return "" if len(ends) == 1 else f"the terminal events are {ends}"


@of_stream(f"{_S}.nothing-follows-the-terminal-event", tail=True)
def _last(reading: Reading) -> Told:
    if not reading.terminals:
        return None
    after = reading.types[reading.terminals[0][0] + 1 :]
    return f"after it come {after[:5]}" if after else ""


@of_stream(f"{_S}.terminal-event-tells-the-status")
def _status(reading: Reading) -> Told:
    told = [(event["type"], event["response"].get("status")) for _, event in reading.terminals]
    # No terminal event is named after `cancelled`; what a cancelled stream ends with, no source says.
    wrong = [f"`{kind}` has status {shown(s)}" for kind, s in told if s not in (TERMINALS[kind], "cancelled")]
    return first(wrong) if told else None


@of_stream(f"{_S}.response-id-never-changes")
def _one_id(reading: Reading) -> Told:
    ids = {str(response.get("id")) for _, response in reading.responses}
    return None if not ids else "" if len(ids) == 1 else f"the ids are {sorted(ids)}"


@of_stream(f"{_S}.only-known-events")
def _known(reading: Reading) -> Told:
    known = catalogue.EVENT_TYPES | catalogue.UNLISTED_EVENT_TYPES | {"keepalive"}
    strange = [kind for kind in dict.fromkeys(reading.types) if kind not in known]
    return first([f"`{kind}` is no event of the API" for kind in strange])


@of_stream(f"{_S}.keepalive-comes-after-created", head=True)
def _keepalive(reading: Reading) -> Told:
    if "keepalive" not in reading.types:
        return None
    return "" if reading.types[0] != "keepalive" else "`keepalive` comes before `response.created`"


@of_stream(f"{_S}.error-event-is-followed-by-failed", tail=True)
def _failed(reading: Reading) -> Told:
    if "error" not in reading.types:
        return None
    after = reading.types[reading.types.index("error") + 1 :]
    return "" if "response.failed" in after else f"after `error` come {after}"


@of_stream(f"{_S}.failed-response-tells-its-error")
def _tells(reading: Reading) -> Told:
    told = [as_object(event["response"].get("error")) for _, event in reading.of_type("response.failed")]
    wrong = [error for error in told if not (error.get("code") and error.get("message"))]
    return first([f"`error` is {shown(e)}" for e in wrong]) if told else None


@of_stream(f"{_S}.fields-of-the-request-do-not-change", head=True)
def _unchanged(reading: Reading) -> Told:
    response, last = _created(reading), reading.final
    if response is None or not last:
        return None
    names = ("created_at", "instructions", "max_output_tokens", "metadata", "previous_response_id", "tools")
    names += ("temperature", "top_p", "tool_choice", "parallel_tool_calls", "text", "background", "model")
    changed = [name for name in names if name in response and name in last and response[name] != last[name]]
    return first([f"`{n}` was {shown(response[n])} and is {shown(last[n])}" for n in changed])


@of_stream(f"{_S}.content-type-is-event-stream")
def _content_type(reading: Reading) -> Told:
    if reading.content_type is None:
        return None
    kind = reading.content_type.partition(";")[0].strip().lower()
    return "" if kind == "text/event-stream" else f"the content type is {reading.content_type}"


@of_stream(f"{_S}.event-name-equals-type")
def _names(reading: Reading) -> Told:
    if not reading.frames:
        return None
    pairs = [(frame.event, event_of(frame)) for frame in reading.frames]
    wrong = [
        (name, event.get("type")) for name, event in pairs if event is not None and name != event.get("type")
    ]
    return first([f"`event: {name}` stands over type `{kind}`" for name, kind in wrong])


@of_stream(f"{_S}.data-is-one-json-object")
def _data(reading: Reading) -> Told:
    if not reading.frames:
        return None
    wrong = [f.data for f in reading.frames if f.data not in (None, "[DONE]") and event_of(f) is None]
    return first([f"data is {shown(data)}" for data in wrong])


@of_stream(f"{_S}.no-block-without-data")
def _bare(reading: Reading) -> Told:
    if not reading.frames:
        return None
    bare = [f.lines for f in reading.frames if f.data is None and not all(x.startswith(":") for x in f.lines)]
    return first([f"the block {shown(lines)} has no data" for lines in bare])
