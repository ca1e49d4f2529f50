"""What the server says about itself: its OpenAPI document and its numbers."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from antiphon.http.exchange import Exchange
from antiphon.http.metrics import CONTENT_TYPE
from antiphon.spec.openapi import document


async def openapi(x: Exchange) -> None:
    """`GET /openapi.json`: the operations of the route table, as the pinned spec describes them."""
    await x.reply_bytes(_openapi(x.site.official, x.site.deps.version), "application/json")


@lru_cache(maxsize=1)
def _openapi(routes: tuple[str, ...], version: str) -> bytes:
    return msgspec.json.encode(document(routes, title="Antiphon", version=version))


async def metrics(x: Exchange) -> None:
    """`GET /metrics` in the text format of Prometheus."""
    await x.reply_bytes(x.site.metrics.page(), CONTENT_TYPE)
