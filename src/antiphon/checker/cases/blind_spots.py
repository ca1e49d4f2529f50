"""What deliberately wrong servers showed to be missing in the other areas."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.material import CLOCK, ROOM, WEATHER, input_tokens, output_of, refused, weather_call
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, StreamExchange

APART = "responses.stream.two-calls-stand-apart"
PLAIN, STREAMED = "responses.create.characters-stay-whole", "responses.stream.characters-stay-whole"
MANY_BYTES = "Say exactly: Grüße 漢字 🙂 👩‍🔬 עברית Ελλάδα"
BROKEN = "\N{REPLACEMENT CHARACTER}"


@case("responses.stream.two-calls", requirements=[APART], tokens=ROOM, profiles=("core",))
async def two_calls(probe: Probe) -> None:
    """Two calls are asked for in one stream."""
    told = await probe.stream(
        input="What is the weather in Oslo in celsius, and the time in CET? Call get_weather and get_time.",
        tools=[WEATHER, CLOCK],
        tool_choice="required",
        max_output_tokens=ROOM,
    )
    calls = [event for event in told.of_type("response.output_item.done") if _is_call(event)]
    if len(calls) < 2:
        probe.skip(APART, "the model made fewer than two calls")
        return
    apart = {
        "output_index": [event.get("output_index") for event in calls],
        "id": [event["item"].get("id") for event in calls],
        "call_id": [event["item"].get("call_id") for event in calls],
    }
    fine = all(len(set(map(str, told))) == len(calls) for told in apart.values()) and _in_their_places(told)
    probe.holds(APART, fine, expected="calls with places of their own", got=apart, on=told)


def _is_call(event: JSON) -> bool:
    item: JSON = event.get("item") or {}
    return item.get("type") == "function_call"


def _in_their_places(told: StreamExchange) -> bool:
    """Deltas of arguments, put together by `output_index`, are those of the finished call there."""
    streamed: dict[object, str] = {}
    for event in told.of_type("response.function_call_arguments.delta"):
        place = event.get("output_index")
        streamed[place] = streamed.get(place, "") + str(event.get("delta"))
    done = [event for event in told.of_type("response.output_item.done") if _is_call(event)]
    return all(streamed.get(event.get("output_index")) == event["item"].get("arguments") for event in done)


@case(
    "responses.create.characters",
    requirements=[PLAIN, STREAMED],
    requests=2,
    tokens=2 * ROOM,
    profiles=("core",),
)
async def characters(probe: Probe) -> None:
    """Characters of several bytes are said, plain and streamed."""
    made = await probe.create(input=MANY_BYTES, max_output_tokens=ROOM)
    text = str([item.get("content") for item in made.json["output"]])
    probe.holds(PLAIN, BROKEN not in text, expected="no U+FFFD", got=text, on=made)
    told = await probe.stream(input=MANY_BYTES, max_output_tokens=ROOM)
    deltas = [event.get("delta") for event in told.of_type("response.output_text.delta")]
    broken = [delta for delta in deltas if BROKEN in str(delta)]
    probe.holds(STREAMED, not broken, expected=[], got=broken, on=told)


@case(
    "responses.errors.number-as-text",
    requirements=["responses.errors.number-as-text-is-refused"],
    profiles=("core",),
)
async def number_as_text(probe: Probe) -> None:
    """A temperature is sent as text."""
    answer = await probe.attempt(input="Say: ok", temperature="0.5", max_output_tokens=16)
    refused(probe, "responses.errors.number-as-text-is-refused", answer)


@case(
    "state.chain.long-output",
    requirements=["state.chain.tool-output-is-counted", "state.chain.tools-are-not-inherited"],
    requests=3,
    tokens=2 * ROOM,
    needs=("store",),
    profiles=("core",),
)
async def long_output(probe: Probe) -> None:
    """A call is answered twice, once at length."""
    made, call = await weather_call(probe)
    if call is None:
        probe.skip("state.chain.tool-output-is-counted", "the model made no call")
        return
    told: list[int] = []
    for text in ("rain", " ".join(probe.word() for _ in range(60))):
        answer = await probe.create(
            input=[output_of(call["call_id"], text)],
            previous_response_id=made.json["id"],
            max_output_tokens=16,
        )
        told.append(input_tokens(answer))
        tools = answer.json.get("tools")
        probe.holds(
            "state.chain.tools-are-not-inherited", not tools, expected=[], got=tools, on=(made, answer)
        )
    fine = told[1] >= told[0] + 40
    expected = f"{told[0]} + 40 or more"
    probe.holds(
        "state.chain.tool-output-is-counted", fine, expected=expected, got=told[1], on=probe.exchanges[-2:]
    )
