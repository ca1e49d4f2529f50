"""The resource `/responses`: create, retrieve and resume, delete, cancel, list input items, count tokens."""

from __future__ import annotations

from antiphon.core.deltas import JSON
from antiphon.http.exchange import Exchange
from antiphon.http.faults import ClientGone, UpgradeRequired
from antiphon.http.include import visible
from antiphon.http.lists import listing, page_of
from antiphon.http.stream import stream
from antiphon.ports import LiveRun

DROPPED_HEADER = "x-antiphon-dropped-tools"
"""Names the offered tools that cannot run here (CLIENTS.md §4.9)."""


async def create(x: Exchange) -> None:
    """`POST /responses`."""
    body = await x.json()
    charge = x.meter()
    run = await x.site.deps.runs.start(body, x.caller)
    x.site.accounts.follow(run, charge)
    try:
        # An error before the first event is an HTTP status.
        await x.race(run.accepted())
        await _present(x, run, body)
    except ClientGone:
        # SPEC.md H12, H14: leaving ends what does not run in the background.
        if not run.background:
            await run.cancel()
        raise


async def _present(x: Exchange, run: LiveRun, body: JSON) -> None:
    headers = {DROPPED_HEADER: ", ".join(run.dropped_tools)} if run.dropped_tools else {}
    if body.get("stream"):
        await stream(x, lambda offer: run.events(-1, offer), run.obfuscate, headers)
    elif run.background:
        await x.reply(run.announced, headers=headers)
    else:
        await x.reply(await x.race(run.result()), headers=headers)


async def retrieve(x: Exchange) -> None:
    """`GET /responses/{response_id}`, also as a stream from `starting_after` on."""
    query = x.query("GET /responses/{response_id}")
    response_id = x.params["response_id"]
    if query.get("stream") and x.method == "GET":
        after = max(-1, query.get("starting_after", -1))
        batches = await x.site.deps.runs.resume(response_id, after, x.caller)
        await stream(x, lambda _: batches, query.get("include_obfuscation", True), {})
    else:
        await x.reply(await x.site.deps.runs.get(response_id, x.caller))


async def upgrade_required(_: Exchange) -> None:
    """`GET /responses` without an upgrade."""
    raise UpgradeRequired(
        "GET on this path opens a WebSocket; send an upgrade, or POST for HTTP.",
        headers={"upgrade": "websocket", "connection": "upgrade"},
    )


async def delete(x: Exchange) -> None:
    """`DELETE /responses/{response_id}` (SPEC.md H20)."""
    response_id = x.params["response_id"]
    await x.site.deps.runs.delete(response_id, x.caller)
    await x.reply({"id": response_id, "object": "response", "deleted": True})


async def cancel(x: Exchange) -> None:
    """`POST /responses/{response_id}/cancel`."""
    await x.reply(await x.site.deps.runs.cancel(x.params["response_id"], x.caller))


async def input_items(x: Exchange) -> None:
    """`GET /responses/{response_id}/input_items`."""
    query = x.query("GET /responses/{response_id}/input_items")
    found = await x.site.deps.runs.input_items(x.params["response_id"], page_of(query), x.caller)
    await x.reply(listing([visible(item, query.get("include", ())) for item in found.data], found.has_more))


async def count_tokens(x: Exchange) -> None:
    """`POST /responses/input_tokens` (SPEC.md H29)."""
    body = await x.json()
    x.meter()
    count = await x.site.deps.runs.count_tokens(body, x.caller)
    # An estimate says so: the official reply has no place for it.
    headers = {} if count.exact else {"x-antiphon-token-count": "estimate"}
    await x.reply({"object": "response.input_tokens", "input_tokens": count.tokens}, headers=headers)


async def compact(x: Exchange) -> None:
    """`POST /responses/compact` (SPEC.md H30)."""
    body = await x.json()
    x.meter()
    await x.reply(await x.race(x.site.deps.runs.compact(body, x.caller)))
