"""What people and models wrote, and keys, never reach the log: in good answers, in failures, at any level."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.faults import PATIENCE_S, Front, Wild, client_of, front_of, until
from tests.support.scenarios import WEATHER
from tests.support.upstream import Reply, call, chunk, event, fail, say

JSON = dict[str, Any]

KEYS = {
    "client key": "sk-client-quokka000111222",
    "wrong client key": "sk-wrong-numbat333444555",
    "engine key": "engine-key-wombat666777888",
    "engine header": "header-dingo999000111",
    "url password": "urlpass-bilby222333444",
}
TEXTS = {
    "prompt": "prompt-kookaburra",
    "instructions": "instructions-echidna",
    "answer": "answer-platypus",
    "arguments": "arguments-cassowary",
    "file": "file-taipan",
    "file name": "name-goanna",
    "metadata": "metadata-galah",
    "conversation": "conversation-emu",
    "tool output": "output-possum",
    "query": "query-bandicoot",
    "id": "id-lorikeet",
    "complaint": "complaint-wallaby",
    "broken JSON": "broken-koala",
    "socket": "socket-drongo",
}
ENCODED = {
    f"{name} in base64": base64.b64encode(text.encode()).decode().rstrip("=") for name, text in TEXTS.items()
}
CONFIG = f"""
[[engines]]
name = "wild"
url = "{{url}}"
models = ["m"]
key = "{KEYS["engine key"]}"
dialect = "vllm"
retries = 0
[engines.headers]
x-secret = "{KEYS["engine header"]}"
[[auth.keys]]
key = "{KEYS["client key"]}"
[inputs]
max_parts = 3
"""


async def session(front: Front, wild: Wild) -> None:
    """Everything that carries a secret, once with success and once without."""
    await _good(front, wild)
    await _refused(front)
    await _failing(front, wild)
    async with client_of(front.server, KEYS["wrong client key"]) as stranger:
        assert (await stranger.create(model="m", input=TEXTS["prompt"])).status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await stranger.session.ws_connect(
                f"{front.server.base_url}/responses", headers={"authorization": f"Bearer {stranger.key}"}
            )


def body(**more: Any) -> JSON:
    data = base64.b64encode(f"{TEXTS['file']} {KEYS['url password']}".encode()).decode()
    file = {
        "type": "input_file",
        "filename": f"{TEXTS['file name']}.txt",
        "file_data": f"data:text/plain;base64,{data}",
    }
    content = [{"type": "input_text", "text": TEXTS["prompt"]}, file]
    return {
        "model": "m",
        "instructions": TEXTS["instructions"],
        "input": [{"role": "user", "content": content}],
        "metadata": {"topic": TEXTS["metadata"]},
        "user": TEXTS["metadata"],
        "tools": [WEATHER],
        **more,
    }


async def _good(front: Front, wild: Wild) -> None:
    wild.play(
        say(TEXTS["answer"]), say(TEXTS["answer"]), call("get_weather", f'{{"city": "{TEXTS["arguments"]}"}}')
    )
    assert (await front.create(**body())).status == 200
    assert (await front.create(**body(stream=True))).status == 200
    asked = (await front.create(**body())).json
    output = {
        "type": "function_call_output",
        "call_id": asked["output"][0]["call_id"],
        "output": TEXTS["tool output"],
    }
    wild.play(say(TEXTS["answer"]))
    assert (await front.create(model="m", input=[output], previous_response_id=asked["id"])).status == 200
    items = [{"role": "user", "content": TEXTS["conversation"]}]
    made = await front.ask(
        "POST", "/conversations", json={"items": items, "metadata": {"topic": TEXTS["metadata"]}}
    )
    assert (await front.create(**body(conversation=made.json["id"], background=True))).status == 200
    async with _socket(front) as socket:
        await socket.send_json({"type": "response.create", **body(input=TEXTS["socket"])})
        await socket.send_str(f'{{"type": "{TEXTS["socket"]}", "x": ')
        for _ in range(5):
            await socket.receive(PATIENCE_S)


def _socket(front: Front) -> Any:
    headers = {"authorization": f"Bearer {KEYS['client key']}"}
    return front.session.ws_connect(f"{front.server.base_url}/responses", headers=headers)


async def _refused(front: Front) -> None:
    """400 and 404 of every kind."""
    word, password = TEXTS["query"], KEYS["url password"]
    url = f"http://{word}:{password}@127.0.0.1:9/{word}?token={password}"
    image = {"role": "user", "content": [{"type": "input_image", "image_url": url}]}
    grammar = {"type": "grammar", "syntax": "regex", "definition": f"({TEXTS['prompt']}"}
    for more in (
        {"temperature": TEXTS["prompt"]},
        {TEXTS["prompt"]: 1},
        {"model": TEXTS["prompt"]},
        {"input": [image]},
        {"previous_response_id": TEXTS["id"]},
        {"conversation": TEXTS["id"]},
        {"tools": [{"type": "custom", "name": "x", "format": grammar}]},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": TEXTS["prompt"]}}}},
        {"input": [{"type": "compaction", "encrypted_content": TEXTS["prompt"]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": url}]}]},
    ):
        answer = await front.create(**body(**more))
        assert answer.status in (400, 404), answer.raw
    broken = f'{{"model": "m", "input": "{TEXTS["broken JSON"]}", "x": {KEYS["url password"]}'.encode()
    headers = {"content-type": "application/json"}
    assert (await front.ask("POST", "/responses", data=broken, headers=headers)).status == 400
    for path in (
        f"/responses/{TEXTS['id']}?after={TEXTS['query']}",
        f"/{TEXTS['id']}",
        f"/conversations/{TEXTS['id']}",
    ):
        assert (await front.ask("GET", path)).status in (400, 404)


async def _failing(front: Front, wild: Wild) -> None:
    """The engine quotes what it was sent, in all its failures."""
    words = " ".join((TEXTS["complaint"], TEXTS["prompt"], KEYS["engine key"], KEYS["engine header"]))
    hello = event(chunk({"content": TEXTS["answer"]}))
    for reply in (
        fail(400, {"message": words}),
        fail(401, {"message": words}),
        fail(500, {"message": words}),
        Reply([hello, event({"error": {"message": words, "code": 500}})]),
        Reply([hello, f"data: {words}\n\n".encode()]),
        Reply([hello, b"data: \xff\xfe\n\n"]),
        Reply([hello], end="drop"),
    ):
        for way in ({}, {"stream": True}):
            wild.play(reply, reply)
            answer = await front.create(**body(**way))
            wild.forget()
            assert KEYS["engine key"] not in answer.raw.decode()
            assert KEYS["engine header"] not in answer.raw.decode()
            assert answer.status != 200 or b'"failed"' in answer.raw


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_no_secret_is_in_the_log(tmp_path: Path, level: str) -> None:
    async with Wild() as wild:
        config = CONFIG.format(url=wild.url)
        async with (
            front_of(tmp_path, "--log-level", level, config=config) as plain,
            client_of(plain.server, KEYS["client key"]) as front,
        ):
            await session(front, wild)
            await until(lambda: wild.under_way == 0, "the engine is done")
        heard = json.dumps([asked.body for asked in wild.asked]) + repr(
            [asked.headers for asked in wild.asked]
        )
    for name in ("prompt", "instructions", "file", "tool output", "conversation", "socket"):
        assert TEXTS[name] in heard, f"the session uses the {name}"
    assert KEYS["engine key"] in heard
    log = plain.server.log.read_text().lower()
    assert "engine failed" in log
    assert ("/v1/responses" in log) == (level == "debug")
    secrets = {**KEYS, **TEXTS, **ENCODED}
    assert [name for name, secret in secrets.items() if secret.lower() in log] == []


def test_a_server_that_cannot_start_keeps_its_keys(tmp_path: Path) -> None:
    from tests.fault.test_disk import refusal

    (tmp_path / "antiphon.db").mkdir()
    line = refusal(
        tmp_path, "--engine", "chat", "--engine-url", "http://127.0.0.1:9", "--engine-key", KEYS["engine key"]
    )
    assert KEYS["engine key"] not in line
