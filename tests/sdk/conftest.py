"""One running server for all client tests, and the official Python client in both manners."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI
from tests.support.server import CONFIG, Server, serving

KEY = "sk-none"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the scripted engine; no incident may be in its log when the tests are over."""
    folder: Path = tmp_path_factory.mktemp("server")
    with serving(folder, config=CONFIG) as one:
        yield one
    incidents = [line for line in one.lines() if line["level"] in ("error", "critical")]
    assert incidents == []


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx2.Client]:
    """Plain HTTP to the same server."""
    with httpx2.Client(base_url=server.root, timeout=30) as one:
        yield one


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[OpenAI]:
    """It checks every reply against its own types, which it does not do unless asked."""
    with OpenAI(
        base_url=server.base_url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as one:
        yield one


@pytest.fixture(scope="session")
def lenient(server: Server) -> Iterator[OpenAI]:
    """The client as people use it, without checks of its own."""
    with OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0) as one:
        yield one


@pytest.fixture
async def aclient(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=server.base_url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as one:
        yield one
