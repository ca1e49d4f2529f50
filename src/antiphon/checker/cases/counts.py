"""What is counted: log probabilities, usage, and answers that are cut short."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.material import MANY_WORDS, inner, input_tokens, items, objects_of, parts, same, text
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

LOG, USAGE, CUT = "logprobs", "usage", "incomplete"
NEEDS, ANYWHERE = ("logprobs",), ("stateless",)
INCLUDE: JSON = {"include": ["message.output_text.logprobs"]}


def logs(response: JSON) -> list[JSON]:
    return [one for part in parts(response) for one in objects_of(part, "logprobs")]


@case(
    f"{LOG}.plain",
    requirements=[
        f"{LOG}.include.gives-them",
        f"{LOG}.tokens.spell-the-text",
        f"{LOG}.tokens.are-not-more-than-usage",
        f"{LOG}.tokens.bytes-are-utf8",
        f"{LOG}.values.are-not-positive",
        f"{LOG}.top.has-the-number-asked-for",
        f"{LOG}.top.is-sorted",
        f"{LOG}.top.contains-the-chosen",
    ],
    requests=1,
    tokens=100,
    needs=NEEDS,
    profiles=ANYWHERE,
)
async def logprobs(probe: Probe) -> None:
    """An answer with three alternatives per token."""
    made = await probe.create(
        input="Say: ok", top_logprobs=3, max_output_tokens=256, temperature=0, **INCLUDE
    )
    said, found = text(made.json), logs(made.json)
    if not said:
        probe.skip(f"{LOG}.include.gives-them", "the model said nothing")
        return
    if not probe.holds(f"{LOG}.include.gives-them", bool(found), expected="logprobs", got=found, on=made):
        return
    same(probe, f"{LOG}.tokens.spell-the-text", said, spelled(found), made)
    most = made.json["usage"]["output_tokens"]
    probe.holds(
        f"{LOG}.tokens.are-not-more-than-usage", len(found) <= most, expected=most, got=len(found), on=made
    )
    whole = [one for one in found if "\ufffd" not in one["token"]]
    odd = [
        one for one in whole if one.get("bytes") is not None and bytes(one["bytes"]) != one["token"].encode()
    ]
    same(probe, f"{LOG}.tokens.bytes-are-utf8", [], odd, made)
    alternatives: list[list[JSON]] = [objects_of(one, "top_logprobs") for one in found]
    above = [one for one in [*found, *(a for many in alternatives for a in many)] if one["logprob"] > 0]
    same(probe, f"{LOG}.values.are-not-positive", [], above, made)
    _alternatives(probe, made, found, alternatives)


def spelled(found: list[JSON]) -> str:
    """The text of the tokens; by their bytes where all have them, since a character may span tokens."""
    if all(one.get("bytes") is not None for one in found):
        return b"".join(bytes(one["bytes"]) for one in found).decode("utf-8", errors="replace")
    return "".join(one["token"] for one in found)


def _alternatives(probe: Probe, made: Exchange, found: list[JSON], alternatives: list[list[JSON]]) -> None:
    lengths = sorted({len(many) for many in alternatives})
    right = bool(lengths) and lengths[0] >= 1 and lengths[-1] <= 3
    probe.holds(f"{LOG}.top.has-the-number-asked-for", right, expected="1 to 3", got=lengths, on=made)
    falling = [[one["logprob"] for one in many] for many in alternatives]
    unsorted = [values for values in falling if values != sorted(values, reverse=True)]
    same(probe, f"{LOG}.top.is-sorted", [], unsorted, made)
    strange = [one for one, many in zip(found, alternatives, strict=True) if not among(one, many)]
    same(probe, f"{LOG}.top.contains-the-chosen", [], strange, made)


def among(chosen: JSON, many: list[JSON]) -> bool:
    """Floating point: equal up to a thousandth."""
    same_token = [one for one in many if one["token"] == chosen["token"]]
    if same_token:
        return any(abs(one["logprob"] - chosen["logprob"]) < 1e-3 for one in same_token)
    return all(chosen["logprob"] <= one["logprob"] + 1e-3 for one in many)


@case(
    f"{LOG}.others",
    requirements=[
        f"{LOG}.include.none-without-it",
        f"{LOG}.top.zero-gives-none",
        f"{LOG}.top.twenty-is-accepted",
        f"{LOG}.stream.deltas-are-the-final",
    ],
    requests=4,
    tokens=200,
    needs=NEEDS,
    profiles=ANYWHERE,
)
async def other_logprobs(probe: Probe) -> None:
    """Without them, without alternatives, with twenty, and streamed."""
    plain = await probe.create(input="Say: ok", max_output_tokens=64)
    same(probe, f"{LOG}.include.none-without-it", [], logs(plain.json), plain)
    bare = await probe.create(input="Say: ok", max_output_tokens=64, top_logprobs=0, **INCLUDE)
    tops = [one for entry in logs(bare.json) for one in objects_of(entry, "top_logprobs")]
    same(probe, f"{LOG}.top.zero-gives-none", [], tops, bare)
    many = await probe.attempt(input="Say: ok", max_output_tokens=16, top_logprobs=20, **INCLUDE)
    same(probe, f"{LOG}.top.twenty-is-accepted", 200, many.status, many)
    made = await probe.stream(input="Say: ok", max_output_tokens=64, top_logprobs=2, **INCLUDE)
    deltas = made.of_type("response.output_text.delta")
    if not any(event.get("logprobs") for event in deltas):
        probe.skip(f"{LOG}.stream.deltas-are-the-final", "no delta has log probabilities")
        return
    told = [(one["token"], one["logprob"]) for event in deltas for one in objects_of(event, "logprobs")]
    final = [(one["token"], one["logprob"]) for one in logs(made.final)]
    same(probe, f"{LOG}.stream.deltas-are-the-final", final, told, made)


@case(
    f"{USAGE}.arithmetic",
    requirements=[
        f"{USAGE}.input.is-repeatable",
        f"{USAGE}.input.grows-with-the-input",
        f"{USAGE}.input.counts-instructions",
        f"{USAGE}.stream.equals-plain",
    ],
    requests=5,
    tokens=400,
    profiles=("core", "stateless"),
)
async def usage(probe: Probe) -> None:
    """The same text counted five times: plain, again, longer, with instructions, streamed."""
    said = " ".join(probe.word() for _ in range(12))
    body: JSON = {"input": said, "max_output_tokens": 16}
    plain, again = await probe.create(**body), await probe.create(**body)
    longer = await probe.create(**{**body, "input": f"{said} {said}"})
    told = await probe.create(**body, instructions="Be very brief with your answer.")
    first = input_tokens(plain)
    same(probe, f"{USAGE}.input.is-repeatable", first, input_tokens(again), plain, again)
    for rule, made in (("grows-with-the-input", longer), ("counts-instructions", told)):
        n = input_tokens(made)
        probe.holds(
            f"{USAGE}.input.{rule}", n > first, expected=f"more than {first}", got=n, on=(plain, made)
        )
    flow = await probe.stream(**body)
    same(probe, f"{USAGE}.stream.equals-plain", first, flow.final["usage"]["input_tokens"], plain, flow)


@case(
    f"{CUT}.plain",
    requirements=[
        f"{CUT}.length.error-is-null",
        f"{CUT}.length.usage-is-there",
        f"{CUT}.length.item-is-incomplete",
        f"{CUT}.length.completed-at-is-null",
    ],
    requests=1,
    tokens=100,
    profiles=("core", "stateless"),
)
async def cut_short(probe: Probe) -> None:
    """The smallest room for a long answer."""
    made = await probe.create(input=MANY_WORDS, max_output_tokens=16)
    body = made.json
    if body.get("status") != "incomplete":
        probe.skip(f"{CUT}.length.usage-is-there", "the answer was not cut short")
        return
    same(probe, f"{CUT}.length.error-is-null", None, body.get("error"), made)
    has = bool(inner(body, "usage").get("total_tokens"))
    probe.holds(f"{CUT}.length.usage-is-there", has, expected="usage", got=body.get("usage"), on=made)
    same(probe, f"{CUT}.length.completed-at-is-null", None, body.get("completed_at"), made)
    messages = items(body, "message")
    if messages:
        same(probe, f"{CUT}.length.item-is-incomplete", "incomplete", messages[-1].get("status"), made)
