"""One running server for the must-haves, and plain HTTP to it: nothing here is a client library's doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support import judge
from tests.support.server import CONFIG, Server, serving

JSON = dict[str, Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("server")
    with serving(folder, "--set", "http.heartbeat_s=0.05", config=CONFIG) as one:
        yield one
    assert [line for line in one.lines() if line["level"] in ("error", "critical")] == []


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.root, timeout=30) as one:
        yield one


@pytest.fixture(scope="session")
def tell(http: httpx2.Client) -> Callable[..., list[JSON]]:
    """A body → the events of its stream, judged."""

    def told(body: JSON, headers: dict[str, str] | None = None, path: str = "/v1/responses") -> list[JSON]:
        reply = http.post(path, json={**body, "stream": True}, headers=headers or {})
        assert reply.status_code == 200, reply.text
        events = judge.read_stream(reply.content)
        assert judge.faults(events) == []
        return events

    return told


@pytest.fixture(scope="session")
def final(tell: Callable[..., list[JSON]], http: httpx2.Client) -> Callable[..., JSON]:
    """A body → the final response, which must be the same plain as streamed."""

    def ended(body: JSON, headers: dict[str, str] | None = None) -> JSON:
        streamed = tell(body, headers)[-1]["response"]
        plain = http.post(
            "/v1/responses", json={k: v for k, v in body.items() if k != "stream"}, headers=headers or {}
        )
        assert plain.status_code == 200, plain.text
        assert judge.anonymous(plain.json()) == judge.anonymous(streamed)
        return streamed

    return ended
