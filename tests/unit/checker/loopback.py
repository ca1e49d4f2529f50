"""A small server on loopback that answers as a test tells it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from tests.unit.checker.streams import PART, response, usage

from antiphon.checker.client import Budget, Client, connected, target

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def talking_to(answering: Answering, budget: Budget | None = None) -> AsyncIterator[Client]:
    """A client of a server whose every path gives what `answering` gives."""
    application = web.Application()
    application.on_response_prepare.append(_numbered)
    application.router.add_route("*", "/{rest:.*}", answering)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with connected(target(f"http://127.0.0.1:{port}/v1", "m"), budget) as client:
            yield client
    finally:
        await runner.cleanup()


async def _numbered(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers["x-request-id"] = f"req_{next(_NUMBERS)}"


_NUMBERS = itertools.count()


def said(text: str = "ok", **more: Any) -> dict[str, Any]:
    """A completed response with this text."""
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    output = [{**item, "content": [{**PART, "text": text}]}]
    return response(status="completed", output=output, usage=usage(), completed_at=1_790_000_001) | more


def refusal(message: str, status: int = 400, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status)
