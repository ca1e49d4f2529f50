"""openai-python: what a client has seen is there after the server was killed and started again."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from tests.support import judge
from tests.support.scenarios import WEATHER, script
from tests.support.server import Server, start, stop

JSON = dict[str, Any]


def client_of(server: Server) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="sk-none", max_retries=0)


def test_state_survives_a_kill(tmp_path: Path) -> None:
    """Store before you tell: the kill comes right after the terminal event was read."""
    first = start(tmp_path)
    try:
        client = client_of(first)
        talk = client.conversations.create(metadata={"topic": "a"})
        asked = client.responses.create(
            model="scripted",
            input=script("think a secret", 'call get_weather {"city": "Oslo"}'),
            tools=[WEATHER],
            conversation=talk.id,
            include=["reasoning.encrypted_content"],
        )
        running = client.responses.create(
            model="scripted", input=script("say begun", "wait 60"), background=True, stream=True
        )
        begun = [next(running).to_dict() for _ in range(5)]
        stream = client.responses.create(model="scripted", input="hello", stream=True)
        told = [event.to_dict() for event in stream]
    finally:
        first.kill()
    second = start(tmp_path)
    try:
        client = client_of(second)
        assert client.responses.retrieve(told[-1]["response"]["id"]).to_dict() == told[-1]["response"]
        assert client.responses.retrieve(asked.id) == asked
        assert client.conversations.retrieve(talk.id) == talk
        _goes_on(client, asked.id, talk.id)
        _was_interrupted(client, begun)
    finally:
        stop(second)


def _goes_on(client: OpenAI, asked_id: str, talk_id: str) -> None:
    """The call is answered in its conversation, and the sealed reasoning can still be opened."""
    asked = client.responses.retrieve(asked_id).to_dict()
    thought, call = asked["output"]
    output: Any = {"type": "function_call_output", "call_id": call["call_id"], "output": "3 degrees"}
    answered = client.responses.create(model="scripted", input=[output], conversation=talk_id)
    assert answered.output_text == "3 degrees"
    bare: Any = {"type": "reasoning", "id": thought["id"], "summary": []}
    bare["encrypted_content"] = thought["encrypted_content"]
    recalled = client.responses.create(
        model="scripted", input=[bare, {"role": "user", "content": script("recall")}], store=False
    )
    assert "a secret" in recalled.output_text


def _was_interrupted(client: OpenAI, begun: list[JSON]) -> None:
    """A run that the kill cut off has ended, and what was shown of it is a prefix of what is stored."""
    response_id = begun[0]["response"]["id"]
    ended = client.responses.retrieve(response_id)
    assert ended.status == "failed"
    stream = client.responses.with_streaming_response.retrieve(
        response_id, stream=True, starting_after=begun[-1]["sequence_number"]
    )
    with stream as reply:
        rest = judge.read_stream(b"".join(reply.iter_bytes()))
    assert judge.faults([*judge.settled(begun), *judge.settled(rest)], ended.to_dict()) == []


@pytest.mark.parametrize(
    ("lines", "seen"), [(("say one two three", "wait 60"), 8), (("repeat 5000 say word ",), 40)]
)
def test_what_was_shown_before_a_kill_is_a_prefix_of_what_is_stored(
    tmp_path: Path, lines: tuple[str, ...], seen: int
) -> None:
    """Law L13, with the kill in the very moment after an event was read."""
    body = {"model": "scripted", "input": script(*lines), "background": True, "stream": True}
    first = start(tmp_path)
    try:
        raw = b""
        with httpx2.stream("POST", f"{first.base_url}/responses", json=body, timeout=30) as reply:
            for chunk in reply.iter_raw():
                raw += chunk
                if raw.count(b"\n\n") >= seen:
                    break
            first.kill()
    finally:
        first.kill()
    shown = [json.loads(data) for _, data in judge.frames(raw[: raw.rindex(b"\n\n") + 2])]
    second = start(tmp_path)
    try:
        path = f"{second.base_url}/responses/{shown[0]['response']['id']}"
        whole = judge.read_stream(httpx2.get(path, params={"stream": "true"}, timeout=30).content)
        assert judge.settled(whole[: len(shown)]) == judge.settled(shown)
        assert judge.faults(whole, httpx2.get(path).json()) == []
    finally:
        stop(second)


def test_orderly_end_lets_an_answer_end(tmp_path: Path) -> None:
    server = start(tmp_path, "--set", "http.shutdown_grace_s=20")
    client = client_of(server)
    stream = client.responses.create(
        model="scripted", input=script("say begun ", "wait 0.5", "say ended"), stream=True
    )
    told = [next(stream).to_dict()]
    server.process.terminate()
    told += [event.to_dict() for event in stream]
    assert judge.faults(told) == []
    assert told[-1]["type"] == "response.completed"
    stop(server)
    assert server.process.returncode == 0
    with pytest.raises(OSError, match="refused"):
        _connect(server.root)


def _connect(root: str) -> None:
    host, _, port = root.removeprefix("http://").partition(":")
    socket.create_connection((host, int(port)), timeout=5).close()
