"""This server in front of another of its kind: what the other answers is answered, event for event."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import laws
from tests.support.scenarios import SCENARIOS
from tests.support.server import Server, serving

JSON = dict[str, Any]
OURS = ("id", "call_id", "created_at", "completed_at", "encrypted_content", "output")
"""What each server says for itself. Reasoning is sealed where it is not stored, as behind another server."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    with serving(tmp_path_factory.mktemp("behind")) as behind:
        config = f'[[engines]]\nname = "up"\nkind = "responses"\nurl = "{behind.base_url}"\n'
        with serving(tmp_path_factory.mktemp("before"), config=config) as before:
            yield behind, before


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_say_the_same(servers: tuple[Server, Server], name: str) -> None:
    behind, before = (_answer(server, SCENARIOS[name].body) for server in servers)
    assert _shown(before) == _shown(behind)
    if isinstance(before, list):
        assert laws.broken(before) == []


def _answer(server: Server, body: JSON) -> list[JSON] | JSON:
    """The events of a stream, or the body of a refusal."""
    request = urllib.request.Request(
        f"{server.base_url}/responses",
        json.dumps({"model": "scripted", "stream": True, **body}).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            lines = reply.read().decode().splitlines()
    except urllib.error.HTTPError as refusal:
        return {"status": refusal.code, **json.loads(refusal.read())}
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def _shown(answer: list[JSON] | JSON) -> Any:
    """A refusal whole; of a stream the final response and what kinds of events led to it."""
    if not isinstance(answer, list):
        return answer
    kinds = [event["type"] for event in answer]
    runs = [kind for before, kind in zip(["", *kinds], kinds, strict=False) if kind != before]
    response = answer[-1]["response"]
    error = (response["error"] or {}).get("code")  # the message says which server failed
    return runs, {**_bare(response), "error": error}, [_bare(item) for item in response["output"]]


def _bare(value: JSON) -> JSON:
    return {k: v for k, v in value.items() if k not in OURS}
