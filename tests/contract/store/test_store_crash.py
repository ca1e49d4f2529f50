"""Store before you tell: what was acknowledged is there, whatever happens to the process next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.contract.store.rig import Rig
from tests.contract.store.samples import T, answer, conversation, ids, message, response

PROGRAM = Path(__file__).with_name("crash_program.py")
ROOT = Path(__file__).parents[3]
LONG = "x" * 100_000


@contextmanager
def child(rig: Rig, what: str, **changes: Any) -> Iterator[subprocess.Popen[bytes]]:
    settings = msgspec.json.encode(rig.settings(**changes))
    command = [sys.executable, str(PROGRAM), what, settings.decode()]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("synchronous", ["normal", "full"])
@pytest.mark.parametrize("what", ["end", "end_new"])
async def test_the_microsecond_after_the_end(rig: Rig, what: str, synchronous: str) -> None:
    with child(rig, what, synchronous=synchronous) as process:
        output, _ = process.communicate(timeout=60)
    assert output == b"ended\n"
    assert process.returncode == -signal.SIGKILL
    store = await rig.open()
    assert await store.get(T, "r") == response("r", "completed", output=[answer("o", LONG)])
    assert await store.context(T, "r") == [message("before"), message("i", LONG), answer("o", LONG)]
    assert ids(await store.conversation_context(T, "c")) == ["before", "i", "o"]
    assert [event.sequence_number for event in await store.events(T, "r", -1, 100) or []] == [0, 1]
    rig.check()


@pytest.mark.parametrize("acknowledged", [1, 40, 400])
async def test_killed_in_the_middle_of_writes(rig: Rig, acknowledged: int) -> None:
    with child(rig, "stream") as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().splitlines(keepends=True)
    names = [line.decode().strip() for line in told if line.endswith(b"\n")]
    assert len(names) >= acknowledged
    store = await rig.open()
    rig.check()
    for name in names:
        assert await store.get(T, name) == response(name, "completed", output=[answer(f"{name}.out")])
        assert ids(await store.context(T, name)) == [f"{name}.in", f"{name}.out"]
    assert await store.create_conversation(T, conversation("c"), []) is None
