"""What becomes of a response that is stored: retrieving, deleting and cancelling it."""

from __future__ import annotations

from typing import cast

from antiphon.checker.cases import case
from antiphon.checker.material import missing, refused, same
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

STATE = ("store",)
UNKNOWN = "/responses/resp_" + "0f" * 24
GET, GONE, STOP = "responses.retrieve", "responses.delete", "responses.cancel"


@case(
    f"{GET}.after-create",
    requirements=[
        f"{GET}.equals-what-was-created",
        f"{GET}.is-repeatable",
        f"{GET}.keeps-metadata",
    ],
    requests=3,
    tokens=60,
    needs=STATE,
    profiles=("core",),
)
async def after_create(probe: Probe) -> None:
    """A response is retrieved after it was made."""
    word = probe.word()
    made = await probe.create(input="Say: ok", max_output_tokens=32, metadata={"word": word}, temperature=0.5)
    first = await probe.ask("GET", f"/responses/{made.json['id']}")
    probe.holds(
        f"{GET}.equals-what-was-created",
        settled(first.json) == settled(made.json),
        expected=made.json,
        got=first.json,
        on=(made, first),
        message=difference(made.json, first.json),
    )
    same(probe, f"{GET}.keeps-metadata", {"word": word}, first.json.get("metadata"), first)
    second = await probe.ask("GET", f"/responses/{made.json['id']}")
    same(probe, f"{GET}.is-repeatable", settled(first.json), settled(second.json), first, second)


def settled(value: object) -> object:
    """Without what is sealed anew each time it is shown (REALITY: in 19 streams)."""
    if isinstance(value, dict):
        fields = cast("JSON", value)
        return {k: settled(v) for k, v in fields.items() if k != "encrypted_content"}
    return [settled(one) for one in cast("list[object]", value)] if isinstance(value, list) else value


def difference(one: JSON, other: JSON) -> str:
    """The names of the fields that differ; empty where none does."""
    absent = object()
    differ = [k for k in {**one, **other} if settled(one.get(k, absent)) != settled(other.get(k, absent))]
    return f"these fields differ: {', '.join(differ)}" if differ else ""


@case(
    f"{GET}.unknown", requirements=[f"{GET}.unknown-id-is-404"], requests=1, needs=STATE, profiles=("core",)
)
async def unknown(probe: Probe) -> None:
    """A response that never was is asked for."""
    missing(probe, f"{GET}.unknown-id-is-404", await probe.request("GET", UNKNOWN))


@case(
    f"{GET}.include",
    requirements=[f"{GET}.knows-include", f"{GET}.unknown-include-is-refused"],
    requests=3,
    tokens=30,
    needs=STATE,
)
async def include(probe: Probe) -> None:
    """`include` as a query parameter."""
    made = await probe.create(input="Say: ok", max_output_tokens=16)
    path = f"/responses/{made.json['id']}"
    known = await probe.request(
        "GET", path, query={"include": ["message.output_text.logprobs", "reasoning.encrypted_content"]}
    )
    same(probe, f"{GET}.knows-include", 200, known.status, known)
    refused(
        probe,
        f"{GET}.unknown-include-is-refused",
        await probe.request("GET", path, query={"include": ["nothing.of.this"]}),
    )


@case(
    f"{GONE}.once",
    requirements=[
        f"{GONE}.answers-with-success",
        f"{GONE}.answers-with-the-deletion",
        f"{GONE}.then-retrieve-is-404",
        f"{GONE}.then-input-items-are-404",
        f"{GONE}.twice-is-404",
        f"{GONE}.leaves-the-others",
    ],
    requests=7,
    tokens=60,
    needs=STATE,
    profiles=("core",),
)
async def once(probe: Probe) -> None:
    """A response is deleted, and looked for afterwards."""
    made = await probe.create(input="Say: ok", max_output_tokens=16)
    other = await probe.create(input="Say: ok", max_output_tokens=16)
    path = f"/responses/{made.json['id']}"
    answer = await probe.request("DELETE", path)
    if probe.lack(answer):
        probe.demand(answer)
    if not probe.holds(f"{GONE}.answers-with-success", answer.ok, expected=200, got=answer.status, on=answer):
        return
    body = {"id": made.json["id"], "deleted": True}
    seen = {key: answer.json.get(key) for key in body}
    if (
        same(probe, f"{GONE}.answers-with-the-deletion", body, seen, answer)
        and answer.json.get("object") != "response"
    ):
        probe.unclear(f"{GONE}.answers-with-the-deletion", str(answer.json.get("object")), on=answer)
    refused(probe, f"{GONE}.then-retrieve-is-404", await probe.request("GET", path), 404)
    refused(probe, f"{GONE}.then-input-items-are-404", await probe.request("GET", f"{path}/input_items"), 404)
    refused(probe, f"{GONE}.twice-is-404", await probe.request("DELETE", path), 404)
    kept = await probe.request("GET", f"/responses/{other.json['id']}")
    same(probe, f"{GONE}.leaves-the-others", 200, kept.status, kept)


@case(f"{GONE}.unknown", requirements=[f"{GONE}.unknown-id-is-404"], requests=1, needs=STATE)
async def delete_unknown(probe: Probe) -> None:
    """A response that never was is deleted."""
    missing(probe, f"{GONE}.unknown-id-is-404", await probe.request("DELETE", UNKNOWN))


@case(
    f"{STOP}.refusals",
    requirements=[
        f"{STOP}.synchronous-is-refused",
        f"{STOP}.synchronous-stays-as-it-was",
        f"{STOP}.unknown-id-is-404",
    ],
    requests=5,
    tokens=30,
    needs=("background",),
)
async def cancel_refusals(probe: Probe) -> None:
    """What cannot be cancelled."""
    made = await probe.create(input="Say: ok", max_output_tokens=16)
    path = f"/responses/{made.json['id']}"
    before = await probe.ask("GET", path)
    if refused(probe, f"{STOP}.synchronous-is-refused", await probe.request("POST", f"{path}/cancel")):
        after = await probe.ask("GET", path)
        same(probe, f"{STOP}.synchronous-stays-as-it-was", settled(before.json), settled(after.json), after)
    missing(probe, f"{STOP}.unknown-id-is-404", await probe.request("POST", f"{UNKNOWN}/cancel"))
