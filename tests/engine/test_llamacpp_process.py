"""The embedded engine's process, for real: a child with the demo model starts in a fraction of a second."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from antiphon.engines.llamacpp.server import (
    CHILD,
    DEMO_MODEL,
    EmbeddedConfig,
    EmbeddedServer,
    EngineStartError,
)

LIMIT_S = 20.0  # for anything that should take a fraction of a second, on a busy machine
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc or waits on a pidfd")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="the extra `llamacpp` is not installed"
)


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(EmbeddedConfig(DEMO_MODEL))
    await server.start()
    yield server
    await server.aclose()


async def ask(server: EmbeddedServer, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {server.api_key if key is None else key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request("POST" if body else "GET", f"{server.url}{path}", json=body) as reply,
    ):
        return reply.status, await reply.json()


def hello(**more: Any) -> dict[str, Any]:
    thinking = {"enable_thinking": False}
    messages = [{"role": "user", "content": "Say hello"}]
    return {"messages": messages, "chat_template_kwargs": thinking, **more}


async def answer(server: EmbeddedServer) -> str:
    status, reply = await ask(server, "/chat/completions", hello())
    assert status == 200
    return reply["choices"][0]["message"]["content"]


def proc_file(pid: int | None, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def open_files(pid: int) -> list[str]:
    return [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def gone(pidfd: int) -> bool:
    """Whether the process of a pidfd ends in time; true also for one that nobody has reaped."""
    return bool(select.select([pidfd], [], [], LIMIT_S)[0])


async def test_a_started_server_answers(server: EmbeddedServer) -> None:
    assert server.alive
    assert await answer(server) == "Hello! How can I help you?"
    _, models = await ask(server, "/models")
    assert [model["id"] for model in models["data"]] == ["antiphon-demo"]


async def test_a_start_while_it_lives_changes_nothing(server: EmbeddedServer) -> None:
    before = server.pid, server.url, server.api_key
    await server.start()
    assert (server.pid, server.url, server.api_key) == before


async def test_it_refuses_whoever_has_no_key(server: EmbeddedServer) -> None:
    assert (await ask(server, "/chat/completions", hello(), key="guess"))[0] == 401
    assert (await ask(server, "/models", key="guess"))[0] == 401


@needs_linux
async def test_others_cannot_read_the_key_and_the_child_gets_none_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTIPHON_ENGINE_KEY", "our-secret")
    server = EmbeddedServer(EmbeddedConfig(DEMO_MODEL))
    await server.start()
    seen = proc_file(server.pid, "cmdline") + proc_file(server.pid, "environ")
    await server.aclose()
    assert b"our-secret" not in seen
    assert server.api_key.encode() not in seen


@needs_linux
async def test_it_inherits_no_socket_and_no_terminal_signal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        inode = os.fstat(listening.fileno()).st_ino
        server = EmbeddedServer(EmbeddedConfig(DEMO_MODEL))
        await server.start()
        assert server.pid
        files = open_files(server.pid)
        session = os.getsid(server.pid)
        assert f"socket:[{inode}]" not in files
        assert session == server.pid
        await server.aclose()


async def test_it_leaves_our_output_alone(server: EmbeddedServer, capfd: pytest.CaptureFixture[str]) -> None:
    await ask(server, "/chat/completions", hello(grammar="root := broken"))
    await server.aclose()
    assert capfd.readouterr() == ("", "")


async def test_a_client_that_leaves_ends_its_generation(server: EmbeddedServer) -> None:
    headers = {"authorization": f"Bearer {server.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        endless = hello(stream=True, ignore_eos=True, logprobs=True, top_logprobs=20)
        reply = await session.post(f"{server.url}/chat/completions", json=endless)
        await reply.content.readline()
        [running] = await slots(server, busy=True)
        reply.close()
        async with asyncio.timeout(LIMIT_S):
            while await slots(server, busy=True):
                pass
    [ended] = [slot for slot in await slots(server, busy=False) if slot["id"] == running["id"]]
    assert ended["next_token"][0]["n_decoded"] < running["n_ctx"] // 2


async def slots(server: EmbeddedServer, *, busy: bool) -> list[dict[str, Any]]:
    _, slots = await ask(server, "/../slots")
    return [slot for slot in slots if slot["is_processing"] == busy]


async def test_a_killed_child_is_noticed_and_restarted(server: EmbeddedServer) -> None:
    first = server.pid, server.url, server.api_key
    watching = asyncio.create_task(server.wait_dead())
    os.kill(first[0] or 0, signal.SIGKILL)
    async with asyncio.timeout(LIMIT_S):
        assert await watching == "its process was killed by SIGKILL"
    assert not server.alive
    await server.restart()
    assert first[0] != server.pid
    assert first[2] != server.api_key
    assert await answer(server)


async def test_what_it_says_of_a_crash_holds_no_request(server: EmbeddedServer) -> None:
    status, _ = await ask(server, "/chat/completions", hello(grammar="root := XYZZY"))
    assert status == 400
    os.kill(server.pid or 0, signal.SIGABRT)
    async with asyncio.timeout(LIMIT_S):
        assert await server.wait_dead() == "its process was killed by SIGABRT"


@needs_linux
async def test_closing_leaves_no_process(server: EmbeddedServer) -> None:
    pid = server.pid
    assert pid
    await server.aclose()
    await server.aclose()
    assert not server.alive
    assert not exists(pid)
    assert await server.wait_dead() == "no llama.cpp process was started"


PARENT = """
import asyncio, sys
from antiphon.engines.llamacpp.server import DEMO_MODEL, EmbeddedConfig, EmbeddedServer

async def main():
    server = EmbeddedServer(EmbeddedConfig(DEMO_MODEL))
    starting = asyncio.create_task(server.start())
    while not (server.pid if sys.argv[1] == "loading" else starting.done()):
        await asyncio.sleep(0)
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def parent_and_child(moment: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that has started a child, and the child's pidfd."""
    with subprocess.Popen([sys.executable, "-c", PARENT, moment], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = os.pidfd_open(int(parent.stdout.readline()))
        try:
            yield parent, child
        finally:
            parent.kill()
            os.close(child)


@needs_linux
def test_the_child_dies_with_a_killed_parent() -> None:
    with parent_and_child("serving") as (parent, child):
        parent.kill()
        assert gone(child)


@needs_linux
def test_a_loading_child_dies_with_a_killed_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "loading")
    tmp_path.joinpath("xllamacpp.py").write_text(
        f"import threading\nopen({str(tmp_path / 'loading')!r}, 'w').write('now')\nthreading.Event().wait()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    loading = os.open(tmp_path / "loading", os.O_RDONLY | os.O_NONBLOCK)
    with parent_and_child("loading") as (parent, child):
        assert select.select([loading], [], [], LIMIT_S)[0]
        parent.kill()
        assert gone(child)
    os.close(loading)


@contextmanager
def lone_child(parent: int) -> Iterator[subprocess.Popen[bytes]]:
    """The child with nothing between it and us."""
    orders = {
        "parent": parent,
        "model_path": str(DEMO_MODEL),
        "model_name": "demo",
        "api_key": "key",
        "context_tokens": 512,
        "parallel": 1,
        "threads": 1,
        "prompt_cache_mib": 1,
    }
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-P", str(CHILD)], stdin=pipe, stdout=pipe) as child:
        assert child.stdin
        child.stdin.write(json.dumps(orders).encode() + b"\n")
        child.stdin.flush()
        try:
            yield child
        finally:
            child.kill()


def test_the_child_ends_when_its_pipe_closes() -> None:
    """What ends it where no death signal exists."""
    with lone_child(os.getpid()) as child:
        assert child.stdin
        assert child.stdout
        assert json.loads(child.stdout.readline()).keys() == {"url"}
        child.stdin.close()
        assert child.wait(LIMIT_S) == 0


@needs_linux
def test_the_child_of_a_parent_that_is_gone_does_not_start() -> None:
    with lone_child(parent=2**22 + 1) as child:  # above Linux's highest process id
        assert child.stdout
        assert child.stdout.read() == b""
        assert child.wait(LIMIT_S) == 1


async def failure(path: Path, **config: Any) -> str:
    server = EmbeddedServer(EmbeddedConfig(path, **config))
    with pytest.raises(EngineStartError) as raised:
        await server.start()
    assert not server.alive
    return str(raised.value)


async def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.gguf"
    assert await failure(path) == f"there is no model file {path}"


async def test_a_directory(tmp_path: Path) -> None:
    assert await failure(tmp_path) == f"the model file {tmp_path} cannot be read: Is a directory"


async def test_a_file_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x00" * 100)
    assert await failure(path) == f"{path} is not a GGUF file, the one format that llama.cpp loads"


async def test_a_file_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(DEMO_MODEL.read_bytes()[:600_000])
    message = await failure(path)
    assert message.startswith(f"llama.cpp did not load {path}: its process ended with status 1; ")
    assert "corrupted or incomplete" in message


async def test_the_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("xllamacpp.py").write_text("raise ModuleNotFoundError(\"No module named 'xllamacpp'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert await failure(DEMO_MODEL) == (
        "the embedded engine needs llama.cpp: pip install 'antiphon[llamacpp]' "
        "(loading it says: No module named 'xllamacpp')"
    )


async def test_a_child_that_dies_while_it_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("xllamacpp.py").write_text(
        "import os, sys\nprint('the last words', file=sys.stderr, flush=True)\nos.abort()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert await failure(DEMO_MODEL) == (
        f"llama.cpp did not load {DEMO_MODEL}: its process was killed by SIGABRT; the last words"
    )


async def test_a_start_that_fails_after_a_crash_leaves_no_address(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(server.pid or 0, signal.SIGKILL)
    await server.wait_dead()
    tmp_path.joinpath("xllamacpp.py").write_text("import os\nos.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineStartError):
        await server.start()
    assert server.url == ""


async def test_what_native_code_prints_is_log_and_not_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("xllamacpp.py").write_text("import os\nos.write(1, b'noise\\n')\nraise RuntimeError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert (await failure(DEMO_MODEL)).endswith("its process ended with status 1; noise")


async def test_a_child_that_the_system_kills_while_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("xllamacpp.py").write_text("import os\nos.kill(os.getpid(), 9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "no memory for the model and 4 × 8192 tokens of context" in await failure(DEMO_MODEL)


async def test_a_load_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("xllamacpp.py").write_text("import threading\nthreading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    message = await failure(DEMO_MODEL, start_timeout_s=0.5)
    assert message == f"llama.cpp did not load {DEMO_MODEL} within 0.5 s"


@needs_linux
async def test_a_cancelled_start_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("xllamacpp.py").write_text("import threading\nthreading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = EmbeddedServer(EmbeddedConfig(DEMO_MODEL))
    starting = asyncio.create_task(server.start())
    async with asyncio.timeout(LIMIT_S):
        while server.pid is None:  # noqa: ASYNC110 - it has no event for this
            await asyncio.sleep(0)
    child = server.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not exists(child)


def test_it_works_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def live_and_die() -> str:
        server = EmbeddedServer(EmbeddedConfig(DEMO_MODEL))
        await server.start()
        said = await answer(server)
        os.kill(server.pid or 0, signal.SIGKILL)
        assert await server.wait_dead() == "its process was killed by SIGKILL"
        await server.restart()
        await server.aclose()
        return said

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(live_and_die()) == "Hello! How can I help you?"


def test_this_process_never_loads_llama_cpp() -> None:
    program = "import sys, antiphon.engines.llamacpp.server; print('xllamacpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
