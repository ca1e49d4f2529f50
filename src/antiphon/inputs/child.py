"""One-shot child processes for native code that reads what strangers send.

A crash, a loop or a leak in a parser ends the child, never the server; no stranger's bytes meet another's.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass

_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")  # nothing else: the environment may hold keys
_CALM = {"RAYON_NUM_THREADS": "1", "TOKIO_WORKER_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Wall-clock and CPU seconds, bytes of address space, bytes of answer."""

    timeout_s: float
    memory_bytes: int
    output_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. `status` is its exit status, negative for a signal, None where time ran out.

    `output` is what it wrote, cut off one byte after the bound.
    """

    status: int | None
    output: bytes


async def run_child(module: str, arguments: Sequence[str], data: bytes, bounds: Bounds) -> Ended:
    """Run `python -m module MEMORY CPU …arguments` with `data` on standard input."""
    command = (
        *(sys.executable, "-I", "-m", module),
        *(str(bounds.memory_bytes), str(math.ceil(bounds.timeout_s))),
        *arguments,
    )
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _CALM
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
    )
    try:
        async with asyncio.timeout(bounds.timeout_s):
            output = await _talk(process, data, bounds.output_bytes)
            if len(output) > bounds.output_bytes:
                return Ended(None, output)
            return Ended(await process.wait(), output)
    except TimeoutError:
        return Ended(None, b"")
    finally:
        await _bury(process)


async def _talk(process: Process, data: bytes, limit: int) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died while we wrote
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
    output = bytearray()
    while len(output) <= limit and (chunk := await process.stdout.read(_READ_BYTES)):
        output += chunk
    return bytes(output[: limit + 1])


async def _bury(process: Process) -> None:
    """No child outlives its question; reading to the end lets the event loop close its pipes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.stdout is not None
    while await process.stdout.read(_READ_BYTES):
        pass
    await process.wait()
