"""Antiphon before Antiphon: the upper house's engine is the lower one's Responses API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from tests.support import judge
from tests.support.scenarios import SCENARIOS, WEATHER, script
from tests.support.server import Server, serving

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def upper(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("upper")
    config = f'[[engines]]\nkind = "responses"\nurl = "{server.base_url}"\n'
    with serving(folder, config=config) as one:
        yield one
    assert [line for line in one.lines() if line["level"] == "error"] == []


def told(root: str, body: JSON) -> list[JSON]:
    reply = httpx2.post(
        f"{root}/v1/responses", json={"model": "scripted", "stream": True, **body}, timeout=30
    )
    assert reply.status_code == 200, reply.text
    return judge.read_stream(reply.content)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_the_upper_house_tells_the_same(server: Server, upper: Server, name: str) -> None:
    above, below = (told(one.root, SCENARIOS[name].body) for one in (upper, server))
    assert judge.faults(above) == []
    ours, theirs = (judge.anonymous(events[-1]["response"]) for events in (above, below))
    if ours["error"]:
        # The upper one says whose failure it is; the code is the same.
        assert theirs["error"]["message"] in ours["error"].pop("message")
        theirs["error"].pop("message")
    assert ours == theirs


def test_a_tool_turn_through_both(upper: Server) -> None:
    with OpenAI(base_url=upper.base_url, api_key="sk-none", max_retries=0) as client:
        first = client.responses.create(
            model="scripted",
            input=script("think so", 'call get_weather {"city": "Oslo"}', "---", "recall"),
            tools=[WEATHER],
            instructions="Be brief.",
        )
        reasoning, call = first.output
        assert (reasoning.type, call.type) == ("reasoning", "function_call")
        output = {"type": "function_call_output", "call_id": call.to_dict()["call_id"], "output": "3"}
        second = client.responses.create(model="scripted", previous_response_id=first.id, input=[output])
    for kind in ("function_call", "function_call_output", "reasoning"):
        assert f'"type":"{kind}"' in second.output_text
    assert '"instructions":null' in second.output_text
