"""Chains of responses: what is carried from one to the next, and what is not."""

from __future__ import annotations

from itertools import pairwise

from antiphon.checker.cases import case
from antiphon.checker.material import (
    MANY_WORDS,
    ROOM,
    input_tokens,
    items,
    output_of,
    refused,
    same,
    text,
    user,
    weather_call,
)
from antiphon.checker.probe import Probe

STATE = ("store",)
C = "state.chain"


@case(
    "state.chain.two-turns",
    requirements=[
        f"{C}.earlier-turns-are-counted",
        f"{C}.parent-stays-as-it-was",
        f"{C}.forks",
    ],
    requests=6,
    tokens=200,
    needs=STATE,
    profiles=("core",),
)
async def two_turns(probe: Probe) -> None:
    """A response is continued twice; the whole chain counts as input."""
    first = await probe.create(
        input=f"Remember {' '.join(probe.word() for _ in range(30))}", max_output_tokens=16
    )
    before = await probe.ask("GET", f"/responses/{first.json['id']}")
    alone = await probe.create(input="Say: ok", max_output_tokens=16)
    second = await probe.create(input="Say: ok", max_output_tokens=16, previous_response_id=first.json["id"])
    probe.holds(
        f"{C}.earlier-turns-are-counted",
        input_tokens(second) > max(input_tokens(alone), input_tokens(first)),
        expected=f"more than {max(input_tokens(alone), input_tokens(first))} input tokens",
        got=input_tokens(second),
        on=(first, alone, second),
    )
    fork = await probe.attempt(input="Say: yes", max_output_tokens=16, previous_response_id=first.json["id"])
    same(probe, f"{C}.forks", 200, fork.status, fork)
    after = await probe.ask("GET", f"/responses/{first.json['id']}")
    same(probe, f"{C}.parent-stays-as-it-was", before.json, after.json, before, after)


@case(
    "state.chain.deep",
    requirements=[f"{C}.input-tokens-grow-with-depth"],
    requests=4,
    tokens=250,
    needs=STATE,
)
async def deep(probe: Probe) -> None:
    """Four responses in a row, each with more before it."""
    made = [await probe.create(input="Say: ok", max_output_tokens=64)]
    while len(made) < 4:
        made.append(
            await probe.create(
                input="Say: ok", max_output_tokens=64, previous_response_id=made[-1].json["id"]
            )
        )
    counts = [input_tokens(one) for one in made]
    rising = all(a < b for a, b in pairwise(counts))
    probe.holds(f"{C}.input-tokens-grow-with-depth", rising, expected="rising counts", got=counts, on=made)


@case(
    "state.chain.call-then-output",
    requirements=[
        f"{C}.function-call-is-carried",
        f"{C}.tool-output-reaches-the-model",
        f"{C}.unanswered-call-is-refused",
        f"{C}.strange-output-is-refused",
    ],
    requests=5,
    tokens=700,
    needs=STATE,
    profiles=("core",),
)
async def call_then_output(probe: Probe) -> None:
    """A call in one response is answered in the next by its output alone."""
    made, call = await weather_call(probe)
    if call is None:
        probe.skip(f"{C}.function-call-is-carried", "no call came to answer")
        return
    word = probe.word()
    before = made.json["id"]
    told = output_of(call["call_id"], f"The weather is {word}. Tell the user this word: {word}")
    answered = await probe.attempt(previous_response_id=before, input=[told], max_output_tokens=ROOM)
    if same(probe, f"{C}.function-call-is-carried", 200, answered.status, answered):
        said = text(answered.json)
        probe.holds(
            f"{C}.tool-output-reaches-the-model",
            word in said,
            expected=word,
            got=said,
            on=answered,
            free=True,
        )
    ignored = await probe.attempt(previous_response_id=before, input="Hello", max_output_tokens=16)
    refused(probe, f"{C}.unanswered-call-is-refused", ignored)
    strange = await probe.attempt(
        previous_response_id=before, input=[told, output_of("call_of_nobody")], max_output_tokens=16
    )
    refused(probe, f"{C}.strange-output-is-refused", strange)


@case(
    "state.chain.instructions",
    requirements=[
        f"{C}.instructions-are-not-inherited",
    ],
    requests=4,
    tokens=700,
    needs=STATE,
    profiles=("core",),
)
async def instructions(probe: Probe) -> None:
    """Long instructions of the first turn are not counted in the second."""
    long = "Be brief. " * 200
    counts: list[int] = []
    for given in (long, None):
        first = await probe.create(input="Say: ok", instructions=given, max_output_tokens=16)
        second = await probe.create(
            input="Say: ok", previous_response_id=first.json["id"], max_output_tokens=16
        )
        counts.append(input_tokens(second))
    probe.holds(
        f"{C}.instructions-are-not-inherited",
        counts[0] < counts[1] + 200,
        expected=f"about {counts[1]} input tokens, as without instructions",
        got=counts[0],
        on=second,
    )


@case(
    "state.chain.malformed",
    requirements=[f"{C}.malformed-id-is-refused"],
    requests=1,
    profiles=("core",),
)
async def malformed(probe: Probe) -> None:
    """What is no id of a response is refused."""
    odd = await probe.attempt(input="Hi", previous_response_id="not an id", max_output_tokens=16)
    refused(probe, f"{C}.malformed-id-is-refused", odd, 400, 404)


@case(
    "state.chain.with-conversation",
    requirements=[f"{C}.excludes-conversation"],
    requests=3,
    tokens=40,
    needs=("conversations",),
)
async def with_conversation(probe: Probe) -> None:
    """A chain and a conversation at once are refused."""
    talk = await probe.ask("POST", "/conversations", {})
    first = await probe.create(input="Say: ok", max_output_tokens=16)
    both = await probe.attempt(
        input="Hi", previous_response_id=first.json["id"], conversation=talk.json["id"], max_output_tokens=16
    )
    refused(probe, f"{C}.excludes-conversation", both)


@case(
    "state.chain.deletion",
    requirements=[f"{C}.deleted-parent-is-refused", f"{C}.child-outlives-its-parent"],
    requests=5,
    tokens=80,
    needs=STATE,
)
async def deletion(probe: Probe) -> None:
    """A response is deleted after another has continued it."""
    first = await probe.create(input="Say: ok", max_output_tokens=16)
    second = await probe.create(input="Say: ok", previous_response_id=first.json["id"], max_output_tokens=16)
    await probe.ask("DELETE", f"/responses/{first.json['id']}")
    third = await probe.attempt(input="Hi", previous_response_id=first.json["id"], max_output_tokens=16)
    refused(probe, f"{C}.deleted-parent-is-refused", third, 400, 404)
    kept = await probe.request("GET", f"/responses/{second.json['id']}")
    same(probe, f"{C}.child-outlives-its-parent", 200, kept.status, kept)


@case(
    "state.chain.streamed",
    requirements=[
        f"{C}.streamed-parent",
        f"{C}.streamed-child",
    ],
    requests=3,
    tokens=100,
    needs=STATE,
)
async def streamed(probe: Probe) -> None:
    """A streamed response is continued by another streamed one."""
    first = await probe.stream(input="Say: ok", max_output_tokens=16)
    body = probe.body(
        {
            "input": "Say: ok",
            "previous_response_id": first.final["id"],
            "max_output_tokens": 16,
            "stream": True,
        }
    )
    second = await probe.stream_of("POST", "/responses", body)
    if same(probe, f"{C}.streamed-parent", 200, second.status, second):
        same(
            probe, f"{C}.streamed-child", first.final["id"], second.final.get("previous_response_id"), second
        )


@case(
    "state.chain.after-incomplete",
    requirements=[f"{C}.incomplete-parent"],
    requests=2,
    tokens=150,
    needs=STATE,
)
async def after_incomplete(probe: Probe) -> None:
    """A response that was cut short is continued."""
    first = await probe.create(input=MANY_WORDS, max_output_tokens=16)
    if first.json.get("status") != "incomplete":
        probe.skip(f"{C}.incomplete-parent", "the answer was not cut short")
        return
    second = await probe.attempt(input="Say: ok", previous_response_id=first.json["id"], max_output_tokens=16)
    same(probe, f"{C}.incomplete-parent", 200, second.status, second)


@case(
    "state.chain.references",
    requirements=[f"{C}.item-reference-finds-an-earlier-item", f"{C}.unknown-item-reference-is-refused"],
    requests=3,
    tokens=150,
    needs=("store", "item_reference"),
)
async def references(probe: Probe) -> None:
    """Items are named by their ids instead of being sent again."""
    first = await probe.create(input="Say: ok", max_output_tokens=ROOM)
    said = items(first.json, "message")[-1]
    again = await probe.attempt(
        input=[user("Say: ok"), {"type": "item_reference", "id": said["id"]}, user("Once more")],
        max_output_tokens=16,
    )
    if (why := probe.lack(again)) != "":
        probe.unimplemented(f"{C}.item-reference-finds-an-earlier-item", why, on=again)
        return
    same(probe, f"{C}.item-reference-finds-an-earlier-item", 200, again.status, again)
    strange = await probe.attempt(
        input=[{"type": "item_reference", "id": "msg_" + "0f" * 24}, user("Hi")], max_output_tokens=16
    )
    refused(probe, f"{C}.unknown-item-reference-is-refused", strange, 400, 404)


@case(
    "state.chain.with-reasoning",
    requirements=[f"{C}.reasoning-is-carried"],
    requests=3,
    tokens=400,
    needs=STATE,
)
async def with_reasoning(probe: Probe) -> None:
    """The reasoning of one response is input of the next."""
    first = await probe.create(input="Say: ok", reasoning={"effort": "low"}, max_output_tokens=ROOM)
    thought = [item["id"] for item in items(first.json, "reasoning")]
    if not thought:
        probe.skip(f"{C}.reasoning-is-carried", "the model did not reason")
        return
    second = await probe.create(input="Say: yes", previous_response_id=first.json["id"], max_output_tokens=16)
    listed = await probe.ask(
        "GET", f"/responses/{second.json['id']}/input_items", query={"order": "asc", "limit": 100}
    )
    ids = [item["id"] for item in listed.json["data"]]
    if first.json["output"][-1]["id"] not in ids:
        probe.skip(f"{C}.reasoning-is-carried", "input items list this request's input only")
        return
    wanted = [item["id"] for item in first.json["output"]]
    same(
        probe,
        f"{C}.reasoning-is-carried",
        wanted,
        [one for one in ids if one in wanted],
        first,
        second,
        listed,
    )


@case(
    "state.store.false",
    requirements=[
        "state.store.false-cannot-be-continued",
        "state.store.false-cannot-be-deleted",
        "state.store.false-may-continue-a-stored-one",
        "state.store.defaults-to-true",
    ],
    requests=7,
    tokens=120,
    needs=STATE,
    profiles=("core",),
)
async def store_false(probe: Probe) -> None:
    """What is not stored is not there afterwards."""
    kept = await probe.create(input="Say: ok", max_output_tokens=16)
    found = await probe.request("GET", f"/responses/{kept.json['id']}")
    probe.demand(found) if probe.lack(found) else None
    shown = (kept.json.get("store", True), found.status)
    same(probe, "state.store.defaults-to-true", (True, 200), shown, kept, found)
    gone = await probe.attempt(
        input="Hi", previous_response_id=kept.json["id"], store=False, max_output_tokens=16
    )
    if not same(probe, "state.store.false-may-continue-a-stored-one", 200, gone.status, gone):
        return
    name = gone.json["id"]
    refused(
        probe, "state.store.false-cannot-be-deleted", await probe.request("DELETE", f"/responses/{name}"), 404
    )
    next_one = await probe.attempt(input="Hi", previous_response_id=name, max_output_tokens=16)
    refused(probe, "state.store.false-cannot-be-continued", next_one, 400, 404)
