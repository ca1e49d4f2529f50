"""Compaction of a context on its own route."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.material import refused, same, user
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

NEEDS = ("compact",)
C = "responses.compact"
PATH = "/responses/compact"


def words_of(output: list[JSON]) -> list[str]:
    """The texts of the user messages."""
    messages = [item for item in output if item.get("type") == "message" and item.get("role") == "user"]
    return ["".join(part.get("text", "") for part in item["content"]) for item in messages]


@case(
    f"{C}.input",
    requirements=[
        f"{C}.ends-with-one-compaction",
        f"{C}.keeps-user-messages",
        f"{C}.content-is-sealed",
        f"{C}.usage-adds-up",
        f"{C}.is-no-stored-response",
        f"{C}.output-is-input",
        f"{C}.tampered-content-is-refused",
    ],
    requests=4,
    tokens=1200,
    needs=NEEDS,
)
async def of_input(probe: Probe) -> None:
    """A context is compacted, and the outcome is used."""
    words = [probe.word(), probe.word()]
    told = {"role": "assistant", "content": "Noted."}
    made = await probe.ask(
        "POST", PATH, {"model": probe.model, "input": [user(words[0]), told, user(words[1])]}
    )
    output = made.json["output"]
    kinds = [item.get("type") for item in output]
    ends = kinds.count("compaction") == 1 and kinds[-1] == "compaction"
    probe.holds(
        f"{C}.ends-with-one-compaction", ends, expected="messages, then a compaction", got=kinds, on=made
    )
    same(probe, f"{C}.keeps-user-messages", words, words_of(output), made)
    sealed = output[-1].get("encrypted_content")
    probe.holds(f"{C}.content-is-sealed", bool(sealed), expected="a text", got=sealed, on=made)
    usage = made.json["usage"]
    total = usage["input_tokens"] + usage["output_tokens"]
    same(probe, f"{C}.usage-adds-up", total, usage["total_tokens"], made)
    found = await probe.request("GET", f"/responses/{made.json['id']}")
    same(probe, f"{C}.is-no-stored-response", 404, found.status, found)
    again = await probe.attempt(input=[*output, user("Say: ok")], max_output_tokens=16)
    same(probe, f"{C}.output-is-input", 200, again.status, made, again)
    broken = [*output[:-1], {**output[-1], "encrypted_content": swapped(str(sealed))}, user("Say: ok")]
    refused(
        probe, f"{C}.tampered-content-is-refused", await probe.attempt(input=broken, max_output_tokens=16)
    )


def swapped(sealed: str) -> str:
    """The text with characters of its middle changed."""
    middle = len(sealed) // 2
    return (
        sealed[: middle - 2]
        + "".join("A" if c != "A" else "B" for c in sealed[middle - 2 : middle + 2])
        + sealed[middle + 2 :]
    )


@case(
    f"{C}.chain",
    requirements=[f"{C}.of-a-chain", f"{C}.unknown-previous-response-is-refused", f"{C}.model-is-required"],
    requests=4,
    tokens=800,
    needs=NEEDS,
)
async def of_chain(probe: Probe) -> None:
    """A chain is compacted by the id of its last response."""
    word = probe.word()
    first = await probe.create(input=word, max_output_tokens=16)
    made = await probe.ask("POST", PATH, {"model": probe.model, "previous_response_id": first.json["id"]})
    found = words_of(made.json["output"])
    probe.holds(f"{C}.of-a-chain", word in found, expected=word, got=found, on=made)
    strange = {"model": probe.model, "previous_response_id": "resp_" + "0f" * 24}
    refused(
        probe,
        f"{C}.unknown-previous-response-is-refused",
        await probe.request("POST", PATH, strange),
        400,
        404,
    )
    refused(probe, f"{C}.model-is-required", await probe.request("POST", PATH, {"input": "Hi"}))


@case(
    f"{C}.trigger",
    requirements=[f"{C}.trigger-gives-one-compaction", f"{C}.trigger-elsewhere-is-refused"],
    requests=2,
    tokens=800,
    needs=("compaction_trigger",),
)
async def trigger(probe: Probe) -> None:
    """A request that asks for compaction by its last item."""
    talk = [user("My dog is called Rex."), {"role": "assistant", "content": "Noted."}]
    made = await probe.create(input=[*talk, {"type": "compaction_trigger"}])
    kinds = [item.get("type") for item in made.json["output"]]
    same(probe, f"{C}.trigger-gives-one-compaction", 1, kinds.count("compaction"), made)
    early = await probe.attempt(input=[{"type": "compaction_trigger"}, *talk], max_output_tokens=16)
    refused(probe, f"{C}.trigger-elsewhere-is-refused", early)
