"""Is the process alive, and can it serve? For load balancers and start scripts; without keys."""

from __future__ import annotations

from antiphon.core.errors import Overloaded
from antiphon.http.exchange import Exchange


async def health(x: Exchange) -> None:
    """`GET /health`: 200 while the process answers at all."""
    await x.reply({"status": "ok", "version": x.site.deps.version})


async def ready(x: Exchange) -> None:
    """`GET /ready`: 200 when store and engines can take a request, else 503 with the reasons."""
    reasons: list[str] = []
    if not x.site.deps.runs.accepting:
        reasons.append("the server is shutting down")
    if not await x.site.deps.store.ready():
        reasons.append("the store is not usable")
    if not await x.site.deps.router.ready():
        reasons.append("no engine is ready")
    if reasons:
        raise Overloaded(f"Not ready: {', '.join(reasons)}.", code="not_ready", headers={"retry-after": "1"})
    await x.reply({"status": "ready"})
