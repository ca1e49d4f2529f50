"""Every engine adapter, each behind the same levers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from tests.contract.engine.own_rigs import ResponsesRig, ScriptedRig
from tests.contract.engine.rig import ChatRig, Rig, VllmRig
from tests.support.responses_upstream import ResponsesUpstream
from tests.support.upstream import Upstream


@asynccontextmanager
async def chat() -> AsyncIterator[Rig]:
    async with Upstream("acme") as upstream:
        yield ChatRig(upstream)


@asynccontextmanager
async def vllm() -> AsyncIterator[Rig]:
    async with Upstream("vllm", window=2048) as upstream:
        yield VllmRig(upstream)


@asynccontextmanager
async def responses() -> AsyncIterator[Rig]:
    async with ResponsesUpstream("acme") as upstream:
        yield ResponsesRig(upstream)


@asynccontextmanager
async def responses_vllm() -> AsyncIterator[Rig]:
    async with ResponsesUpstream("vllm", window=2048) as upstream:
        yield ResponsesRig(upstream)


@asynccontextmanager
async def scripted() -> AsyncIterator[Rig]:
    yield ScriptedRig()


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "chat": chat,
    "chat as vllm": vllm,
    "responses": responses,
    "responses as vllm": responses_vllm,
    "scripted": scripted,
}


@pytest.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with RIGS[request.param]() as made:
        yield made
        await made.engine.aclose()
