"""openai-python's AzureOpenAI: another base path, `api-version`, and the key in a header of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI
from tests.support import judge
from tests.support.scenarios import SCENARIOS
from tests.support.server import Server, serving

GUARDED = """
[[engines]]
kind = "scripted"

[[auth.keys]]
key = "azure-key"
"""
VERSION = "2025-04-01-preview"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("azure")
    with serving(folder, config=GUARDED) as one:
        yield one


@pytest.fixture(scope="module")
def azure(guarded: Server) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(azure_endpoint=guarded.root, api_key="azure-key", api_version=VERSION) as one:
        yield one


@pytest.mark.parametrize("name", ["text", "raw reasoning", "parallel function calls", "custom tool"])
def test_answers(azure: AzureOpenAI, name: str) -> None:
    body = SCENARIOS[name].body
    with azure.responses.create(model="scripted", stream=True, **body) as stream:
        events = [event.to_dict() for event in stream]
    stored = azure.responses.retrieve(events[-1]["response"]["id"])
    assert judge.faults(events, stored.to_dict()) == []
    plain = azure.responses.create(model="scripted", **body)
    assert judge.anonymous(plain.to_dict()) == judge.anonymous(stored.to_dict())


def test_key_is_checked(guarded: Server) -> None:
    stranger = AzureOpenAI(azure_endpoint=guarded.root, api_key="other", api_version=VERSION, max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.responses.create(model="scripted", input="hello")


def test_newer_base_path(guarded: Server) -> None:
    """`/openai/v1`, which takes the plain client."""
    with openai.OpenAI(base_url=f"{guarded.root}/openai/v1", api_key="azure-key") as plain:
        made = plain.responses.create(model="scripted", input="hello")
        assert plain.responses.retrieve(made.id) == made


async def test_async_client(guarded: Server) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=guarded.root, api_key="azure-key", api_version=VERSION
    ) as azure:
        made = await azure.responses.create(model="scripted", input="hello")
        assert await azure.responses.retrieve(made.id) == made
        await azure.responses.delete(made.id)
