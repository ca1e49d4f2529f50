"""Reasoning: what is asked of it, how it is shown, and how it travels sealed."""

from __future__ import annotations

import base64

from antiphon.checker.cases import case
from antiphon.checker.cases.compact import swapped
from antiphon.checker.material import ROOM, inner, items, objects_of, refused, same, text, user
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

ASKED, ITEM, SEALED, STREAM = (f"reasoning.{topic}" for topic in ("request", "item", "sealed", "stream"))
ANYWHERE = ("stateless",)
HINT = "Think, then say: ok"


def raw(item: JSON) -> str:
    return "".join(part.get("text", "") for part in objects_of(item, "content"))


def summary(item: JSON) -> str:
    return "".join(part.get("text", "") for part in objects_of(item, "summary"))


@case(
    f"{ASKED}.values",
    requirements=[
        f"{ASKED}.null-is-accepted",
        f"{ASKED}.unknown-effort-is-refused",
        f"{ASKED}.unknown-summary-is-refused",
    ],
    requests=3,
    tokens=40,
    profiles=ANYWHERE,
)
async def values(probe: Probe) -> None:
    """What `reasoning` may hold."""
    null = await probe.attempt(input="Say: ok", reasoning=None, max_output_tokens=16)
    same(probe, f"{ASKED}.null-is-accepted", 200, null.status, null)
    for key in ("effort", "summary"):
        odd = await probe.attempt(input="Say: ok", reasoning={key: "boundless"}, max_output_tokens=16)
        refused(probe, f"{ASKED}.unknown-{key}-is-refused", odd)


@case(
    f"{ITEM}.plain",
    requirements=[
        f"{ITEM}.comes-before-the-message",
        f"{ITEM}.summary-is-a-list",
        f"{ITEM}.text-is-not-repeated-in-the-answer",
        f"{ITEM}.no-summary-unasked",
    ],
    requests=1,
    tokens=200,
    profiles=ANYWHERE,
)
async def plain(probe: Probe) -> None:
    """A model that may think."""
    made = await probe.create(input=HINT, reasoning={"effort": "low"}, max_output_tokens=ROOM)
    thoughts = items(made.json, "reasoning")
    if not thoughts:
        probe.skip(f"{ITEM}.comes-before-the-message", "the model did not reason")
        return
    kinds = [item.get("type") for item in made.json["output"]]
    ordered = "message" not in kinds or kinds.index("reasoning") < kinds.index("message")
    probe.holds(f"{ITEM}.comes-before-the-message", ordered, expected="reasoning first", got=kinds, on=made)
    lists = all(isinstance(item.get("summary"), list) for item in thoughts)
    probe.holds(f"{ITEM}.summary-is-a-list", lists, expected="lists", got=thoughts, on=made)
    shown = "".join(summary(item) for item in thoughts)
    same(probe, f"{ITEM}.no-summary-unasked", "", shown, made)
    told = text(made.json)
    hidden = [raw(item) for item in thoughts if len(raw(item)) > 20]
    kept = not any(one in told for one in hidden)
    probe.holds(
        f"{ITEM}.text-is-not-repeated-in-the-answer",
        kept,
        expected="no thoughts",
        got=told,
        on=made,
        free=True,
    )


@case(
    f"{ITEM}.summary",
    requirements=[
        f"{ASKED}.summary-comes-back",
        f"{ITEM}.summary-comes-when-asked",
        f"{STREAM}.text-deltas-are-the-content",
    ],
    requests=2,
    tokens=400,
    profiles=ANYWHERE,
)
async def summaries(probe: Probe) -> None:
    """Reasoning is streamed, with a summary and without."""
    made = await probe.stream(
        input=HINT, reasoning={"effort": "low", "summary": "auto"}, max_output_tokens=ROOM
    )
    same(probe, f"{ASKED}.summary-comes-back", "auto", inner(made.final, "reasoning").get("summary"), made)
    thoughts = items(made.final, "reasoning")
    if not thoughts:
        probe.skip(f"{ITEM}.summary-comes-when-asked", "the model did not reason")
        return
    shown = "".join(summary(item) for item in thoughts)
    probe.holds(
        f"{ITEM}.summary-comes-when-asked", bool(shown), expected="a summary", got=shown, on=made, free=True
    )
    bare = await probe.stream(input=HINT, reasoning={"effort": "low"}, max_output_tokens=ROOM)
    content = "".join(raw(item) for item in items(bare.final, "reasoning"))
    joined = "".join(event["delta"] for event in bare.of_type("response.reasoning_text.delta"))
    same(probe, f"{STREAM}.text-deltas-are-the-content", content, joined, bare)


@case(
    f"{SEALED}.round-trip",
    requirements=[
        f"{SEALED}.content-comes-when-included",
        f"{SEALED}.round-trip-is-accepted",
        f"{SEALED}.tampered-content-is-refused",
        f"{SEALED}.content-hides-the-text",
    ],
    requests=3,
    tokens=300,
    profiles=ANYWHERE,
)
async def sealed(probe: Probe) -> None:
    """Reasoning goes to the client and back, as it came and changed."""
    include = ["reasoning.encrypted_content"]
    body: JSON = {"store": False, "include": include, "reasoning": {"effort": "low"}}
    made = await probe.create(input=HINT, max_output_tokens=ROOM, **body)
    thoughts = items(made.json, "reasoning")
    if not thoughts:
        probe.skip(f"{SEALED}.content-comes-when-included", "the model did not reason")
        return
    contents = [str(item.get("encrypted_content") or "") for item in thoughts]
    if not probe.holds(
        f"{SEALED}.content-comes-when-included", all(contents), expected="texts", got=contents, on=made
    ):
        return
    told = [part for item in thoughts for part in (raw(item), summary(item)) if len(part) > 12]
    open_text = any(one in content or one in unwrapped(content) for one in told for content in contents)
    probe.holds(f"{SEALED}.content-hides-the-text", not open_text, expected="sealed", got=contents, on=made)
    again = await probe.attempt(
        input=[user(HINT), *made.json["output"], user("Again")], max_output_tokens=16, **body
    )
    same(probe, f"{SEALED}.round-trip-is-accepted", 200, again.status, made, again)
    broken = [
        {**item, "encrypted_content": swapped(item["encrypted_content"])} if item in thoughts else item
        for item in made.json["output"]
    ]
    answer = await probe.attempt(input=[user(HINT), *broken, user("Again")], max_output_tokens=16, **body)
    if answer.ok:
        probe.unclear(f"{SEALED}.tampered-content-is-refused", "ignored", on=answer)
    else:
        refused(probe, f"{SEALED}.tampered-content-is-refused", answer)


def unwrapped(content: str) -> str:
    """What base64 hides, as far as it is base64."""
    body = content.rpartition(".")[2]
    try:
        return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode("utf-8", errors="replace")
    except ValueError:
        return ""


@case(
    f"{SEALED}.absent",
    requirements=[f"{SEALED}.absent-content-is-accepted"],
    requests=2,
    tokens=40,
    profiles=ANYWHERE,
)
async def absent(probe: Probe) -> None:
    """Reasoning items that clients send without its seal."""
    thought: JSON = {"type": "reasoning", "id": "rs_a", "summary": [{"type": "summary_text", "text": "Hm."}]}
    answer = {"role": "assistant", "content": "ok"}
    for item in (thought, {**thought, "content": None}):
        made = await probe.attempt(
            input=[user("Hi"), item, answer, user("Say: ok")], store=False, max_output_tokens=16
        )
        same(probe, f"{SEALED}.absent-content-is-accepted", 200, made.status, made)
