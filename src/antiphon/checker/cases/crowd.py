"""Many at once, clients that leave, and callers that must not see each other."""

from __future__ import annotations

import asyncio

from antiphon.checker.cases import case
from antiphon.checker.client import pause
from antiphon.checker.material import MANY_WORDS, refused, same, user
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

K, GONE, MANY = "isolation.keys", "disconnect.stream", "concurrency.requests"
TWELVE = 12


def second_key(probe: Probe, *requirements: str) -> str | None:
    """The other caller's key; skips the requirements where there is none."""
    key = probe.client.target.second_key
    if key is None:
        for requirement in requirements:
            probe.skip(requirement, "no second key was given (--api-key-2)")
    return key


RESPONSES = (f"{K}.response-is-hidden", f"{K}.response-cannot-be-continued", f"{K}.owner-keeps-it")
TALKS = (f"{K}.conversation-is-hidden", f"{K}.conversation-cannot-be-used")


@case(f"{K}.responses", requirements=RESPONSES, requests=8, tokens=40)
async def responses(probe: Probe) -> None:
    """Another caller knows the id of a response."""
    key = second_key(probe, *RESPONSES)
    if key is None:
        return
    made = await probe.create(input="Say: ok", max_output_tokens=16)
    path = f"/responses/{made.json['id']}"
    before = await probe.ask("GET", path)
    for method, below in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")):
        answer = await probe.request(method, f"{path}{below}", key=key)
        refused(probe, f"{K}.response-is-hidden", answer, 404)
    body = probe.body({"input": "Hi", "previous_response_id": made.json["id"], "max_output_tokens": 16})
    refused(
        probe,
        f"{K}.response-cannot-be-continued",
        await probe.request("POST", "/responses", body, key=key),
        400,
        404,
    )
    after = await probe.ask("GET", path)
    same(probe, f"{K}.owner-keeps-it", before.json, after.json, before, after)


@case(f"{K}.conversations", requirements=TALKS, requests=9, tokens=20, needs=("conversations",))
async def conversations(probe: Probe) -> None:
    """Another caller knows the id of a conversation."""
    key = second_key(probe, *TALKS)
    if key is None:
        return
    talk = await probe.ask("POST", "/conversations", {"items": [user("Hi")]})
    path = f"/conversations/{talk.json['id']}"
    item = (await probe.ask("GET", f"{path}/items")).json["data"][0]["id"]
    tries: tuple[tuple[str, str, JSON], ...] = (
        ("GET", "", {}),
        ("POST", "", {"json": {"metadata": {}}}),
        ("GET", "/items", {}),
        ("POST", "/items", {"json": {"items": [user("x")]}}),
        ("GET", f"/items/{item}", {}),
        ("DELETE", f"/items/{item}", {}),
        ("DELETE", "", {}),
    )
    for method, below, more in tries:
        answer = await probe.request(method, f"{path}{below}", key=key, **more)
        refused(probe, f"{K}.conversation-is-hidden", answer, 404)
    body = probe.body({"input": "Hi", "conversation": talk.json["id"], "max_output_tokens": 16})
    refused(
        probe,
        f"{K}.conversation-cannot-be-used",
        await probe.request("POST", "/responses", body, key=key),
        400,
        404,
    )


@case(f"{K}.files", requirements=[f"{K}.file-is-hidden"], requests=4, needs=("files",))
async def files(probe: Probe) -> None:
    """Another caller knows the id of a file."""
    key = second_key(probe, f"{K}.file-is-hidden")
    if key is None:
        return
    made = await probe.upload("a.txt", b"secret")
    for method, below in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        answer = await probe.request(method, f"/files/{made.json['id']}{below}", key=key)
        refused(probe, f"{K}.file-is-hidden", answer, 404)


@case(
    f"{GONE}.middle",
    requirements=[f"{GONE}.server-goes-on", f"{GONE}.ends-generation"],
    requests=5,
    tokens=300,
)
async def hang_up(probe: Probe) -> None:
    """A client hangs up on a stream after three events."""
    made = await probe.stream(input=f"{MANY_WORDS}. And once more.", max_output_tokens=1024, stop_after=3)
    after = await probe.attempt(input="Say: ok", max_output_tokens=16)
    same(probe, f"{GONE}.server-goes-on", 200, after.status, made, after)
    path, tries = f"/responses/{made.final['id']}", 50
    found = await probe.request("GET", path)
    while tries > 0 and found.json.get("status") in ("queued", "in_progress"):
        tries -= 1
        await pause(0.1)
        found = await probe.request("GET", path)
    status = found.json.get("status")
    if status in ("completed", "incomplete") and found.json.get("usage"):
        probe.skip(f"{GONE}.ends-generation", "the answer had ended before the client hung up")
        return
    stopped = status not in ("queued", "in_progress", "completed")
    probe.holds(f"{GONE}.ends-generation", stopped, expected="an end", got=status, on=(made, found))


@case(
    f"{MANY}.at-once",
    requirements=[f"{MANY}.answers-belong-to-their-requests", f"{MANY}.streams-are-apart"],
    requests=2 * TWELVE,
    tokens=600,
    profiles=("stateless",),
)
async def at_once(probe: Probe) -> None:
    """Twelve plain requests and twelve streams at once."""
    tags = [probe.word() + str(n) for n in range(TWELVE)]
    plain = asyncio.gather(
        *(probe.create(input="Say: ok", metadata={"tag": tag}, max_output_tokens=16) for tag in tags)
    )
    flows = asyncio.gather(
        *(probe.stream(input="Say: ok", metadata={"tag": tag}, max_output_tokens=16) for tag in tags)
    )
    made, streams = await plain, await flows
    found = [one.json.get("metadata", {}).get("tag") for one in made]
    apart = len({one.json.get("id") for one in made})
    same(probe, f"{MANY}.answers-belong-to-their-requests", (tags, TWELVE), (found, apart), *made)
    for tag, flow in zip(tags, streams, strict=True):
        ids = {event["response"].get("id") for event in flow.events if "response" in event}
        numbers = [event.get("sequence_number") for event in flow.events]
        shown = (len(ids), flow.final.get("metadata"), numbers)
        same(probe, f"{MANY}.streams-are-apart", (1, {"tag": tag}, [*range(len(numbers))]), shown, flow)


@case(
    f"{MANY}.deletions",
    requirements=[f"{MANY}.deletes-have-one-winner"],
    requests=6,
    tokens=20,
    needs=("store",),
)
async def deletions(probe: Probe) -> None:
    """One response is deleted five times at once."""
    made = await probe.create(input="Say: ok", max_output_tokens=16)
    path = f"/responses/{made.json['id']}"
    answers = await asyncio.gather(*(probe.request("DELETE", path) for _ in range(5)))
    statuses = sorted(answer.status for answer in answers)
    same(probe, f"{MANY}.deletes-have-one-winner", [200, 404, 404, 404, 404], statuses, *answers)
