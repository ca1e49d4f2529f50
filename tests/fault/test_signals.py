"""The end of the whole server: asked for, asked for twice, and by force."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support import judge
from tests.support.faults import PATIENCE_S, Answer, Front, front_of, lawful, until
from tests.support.scenarios import script

JSON = dict[str, Any]
LONG = script('say "begun "', "wait 60")
SHORT = script('say "begun "', "wait 1", "say ended")


async def streams(front: Front, count: int) -> None:
    """Wait until so many event streams have begun."""

    async def begun() -> bool:
        return (await front.numbers()).get('antiphon_active_streams{transport="sse"}', 0.0) == count

    await until(begun, f"{count} streams have begun")


def ask(front: Front, text: str, **more: Any) -> asyncio.Task[Answer]:
    return asyncio.create_task(front.create(model="scripted", input=text, **more))


async def ended(front: Front) -> int:
    await until(lambda: front.server.process.poll() is not None, "the server ends")
    return front.server.process.returncode


def cut(final: JSON) -> None:
    """What the server's end does to a response that would go on: over, without an error, and it says so."""
    assert (final["status"], final["error"], final["completed_at"]) == ("cancelled", None, None)
    assert [(i["status"], i["content"][0]["text"]) for i in final["output"]] == [("incomplete", "begun ")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_asked_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """Not ready and nothing new at once; what can end ends; the rest is cut off, told and stored."""
    async with front_of(tmp_path, "--set", "http.shutdown_grace_s=2") as front:
        short, long, plain = ask(front, SHORT, stream=True), ask(front, LONG, stream=True), ask(front, LONG)
        behind = (await front.create(model="scripted", input=LONG, background=True)).json
        async with front.session.ws_connect(f"{front.server.base_url}/responses") as socket:
            await socket.send_json({"type": "response.create", "model": "scripted", "input": SHORT})
            told = [json.loads((await socket.receive(PATIENCE_S)).data)]
            await streams(front, 2)
            front.server.process.send_signal(number)
            await until(lambda: unready(front), "it is not ready")
            for way in ({}, {"stream": True}, {"background": True}):
                refused = await front.create(model="scripted", input="hello", **way)
                assert (refused.status, refused.error["code"]) == (503, "server_is_overloaded")
                assert int(refused.headers["retry-after"]) > 0
            assert (await front.get(behind["id"]))["status"] == "in_progress"
            await socket.send_json(
                {"type": "response.create", "model": "scripted", "input": "x", "stream_id": "b"}
            )
            while told[-1]["type"] != "response.completed":
                told.append(json.loads((await socket.receive(PATIENCE_S)).data))
        lane = [frame for frame in told if "stream_id" not in frame]
        [refusal] = [frame for frame in told if "stream_id" in frame]
        assert (refusal["status"], refusal["error"]["code"]) == (503, "server_is_overloaded")
        events = (await short).events
        assert events[-1]["response"]["output"][0]["content"][0]["text"] == "begun ended"
        finals = [(await long).events[-1]["response"], (await plain).json]
        assert judge.faults((await long).events) == []
        for final in finals:
            cut(final)
        assert await ended(front) == 0
    async with front_of(tmp_path) as front:
        for told_events in (events, (await long).events, lane):
            await lawful(front, judge.settled(told_events))
        cut(await front.get(finals[1]["id"]))
        path = f"/responses/{behind['id']}?stream=true&include_obfuscation=false"
        cut(await lawful(front, (await front.ask("GET", path)).events))


async def unready(front: Front) -> bool:
    return await front.ready() == 503


async def test_asked_twice(tmp_path: Path) -> None:
    """The second signal ends the grace, not the manners."""
    async with front_of(tmp_path, "--set", "http.shutdown_grace_s=600") as front:
        long, plain = ask(front, LONG, stream=True), ask(front, LONG)
        await streams(front, 1)
        front.server.process.terminate()
        await until(lambda: unready(front), "it is not ready")
        assert not long.done()
        front.server.process.terminate()
        cut((await long).events[-1]["response"])
        assert judge.faults((await long).events) == []
        cut((await plain).json)
        assert await ended(front) == 0
    async with front_of(tmp_path) as front:
        for final in ((await long).events[-1]["response"], (await plain).json):
            assert await front.get(final["id"]) == final


async def test_a_reader_that_stalls_does_not_keep_it(tmp_path: Path) -> None:
    from tests.fault.test_leaving import stiff

    async with front_of(tmp_path, "--set", "http.shutdown_grace_s=0.2") as front:
        big = script("split 10000", f"repeat 600 say {'w' * 10_000}")
        socks = [stiff(front, {"model": "scripted", "input": big, "stream": way}) for way in (True, False)]
        await streams(front, 1)
        front.server.process.terminate()
        assert await ended(front) == 0
        for sock in socks:
            sock.close()


async def test_an_idle_server_ends_at_once(tmp_path: Path) -> None:
    async with front_of(tmp_path, "--set", "http.shutdown_grace_s=600") as front:
        assert (await front.create(model="scripted", input="hello")).status == 200
        async with front.session.ws_connect(f"{front.server.base_url}/responses") as socket:
            front.server.process.terminate()
            await socket.receive(PATIENCE_S)  # the close
        assert await ended(front) == 0
    assert [line["level"] for line in front.server.lines()] == ["info"], front.server.lines()


# ---------- the embedded engine's process

needs_llama = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None or sys.platform != "linux",
    reason="needs the extra `llamacpp`, and Linux",
)
EMBEDDED = '[[engines]]\nname = "demo"\nkind = "llamacpp"\n'


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@contextmanager
def watched(pid: int) -> Iterator[int]:
    """A descriptor that becomes readable when the process has ended."""
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


def gone(handle: int) -> bool:
    return bool(select.select([handle], [], [], PATIENCE_S)[0])


@needs_llama
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
async def test_no_orphan_is_left(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of an answer."""
    async with front_of(tmp_path, config=EMBEDDED) as front:
        [child] = children(front.server.process.pid)
        asked = ask(front, "Tell me everything.", stream=True) if number == signal.SIGTERM else None
        with watched(child) as handle:
            front.server.process.send_signal(number)
            assert await ended(front) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
            assert await asyncio.to_thread(gone, handle)
        if asked is not None:
            await asyncio.wait({asked})


@needs_llama
def test_no_orphan_is_left_by_a_server_that_was_loading(tmp_path: Path) -> None:
    (tmp_path / "antiphon.toml").write_text(EMBEDDED)
    command = [
        sys.executable,
        "-m",
        "antiphon",
        "serve",
        "--port",
        "0",
        "--store",
        f"sqlite:///{tmp_path}/a.db",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        while not children(process.pid):
            assert process.poll() is None
        with watched(children(process.pid)[0]) as handle:
            process.terminate()
            assert process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
            assert gone(handle)
        assert process.stderr
        assert b"Traceback" not in process.stderr.read()
