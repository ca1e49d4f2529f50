"""The embedded engine's process: llama.cpp in a child, reachable at a private loopback URL.

The child (`child.py`) serves Chat Completions on 127.0.0.1 at a port that the kernel picks, behind a
random key, so that other users of the machine cannot use it. It ends when this process ends, however it ends.

A model file without a chat template is served with llama.cpp's own default: ChatML, without tools or
reasoning.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from antiphon.core.errors import AntiphonError

DEMO_MODEL = Path(__file__).parent / "demo" / "antiphon-demo.gguf"
CHILD = Path(__file__).with_name("child.py")
GGUF_MAGIC = b"GGUF"
STOP_GRACE_S = 3.0  # between SIGTERM and SIGKILL
KILLED = -9  # the exit status of a process that SIGKILL ended


class EngineStartError(AntiphonError):
    """The embedded engine could not start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """What to serve, and how much of the machine it may take.

    Each of `parallel` requests at a time has `context_tokens` for prompt and answer together, or what the
    model was trained for where that is less; the memory for all of them is taken at the start.
    `prompt_cache_mib` bounds the memory that keeps earlier prompts.
    `threads` None: one for a tiny model, else one for each core that this process may use.
    """

    model_path: Path
    context_tokens: int = 8192
    parallel: int = 4
    threads: int | None = None
    start_timeout_s: float = 60.0
    prompt_cache_mib: int = 256

    @property
    def model_name(self) -> str:
        """The id under which the child lists the model."""
        return self.model_path.stem


class EmbeddedServer:
    """One llama.cpp child at a time. `url` and `api_key` are the living one's and change with every start."""

    def __init__(self, config: EmbeddedConfig) -> None:
        self.config = config
        self.url = ""
        self.api_key = ""
        self._child: _Child | None = None

    @property
    def alive(self) -> bool:
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """The living child's process id."""
        if self._child is None or self._child.process.returncode is not None:
            return None
        return self._child.process.pid

    async def start(self) -> None:
        """Return when the model is loaded and requests are served. Raises `EngineStartError`.

        Nothing happens where a child lives. One caller at a time may start, restart or close.
        Call it from a thread that stays: Linux ends the child also when the thread that started it ends.
        """
        if self.alive:
            return
        _check_file(self.config.model_path)
        self.url, self.api_key = "", secrets.token_urlsafe(32)
        try:
            async with asyncio.timeout(self.config.start_timeout_s):
                self.url = await self._launch()
        except TimeoutError:
            waited = f"within {self.config.start_timeout_s:g} s"
            raise EngineStartError(f"llama.cpp did not load {self.config.model_path} {waited}") from None
        finally:
            if not self.url:
                await self.aclose()

    async def restart(self) -> None:
        """A fresh child in place of the old one, dead or alive. Raises `EngineStartError`."""
        await self.aclose()
        await self.start()

    async def wait_dead(self) -> str:
        """Return when the child is gone, with the cause in words; at once where none was started."""
        return await self._child.ended() if self._child else "no llama.cpp process was started"

    async def aclose(self) -> None:
        """End the child and reap it. Idempotent."""
        child, self._child = self._child, None
        self.url = ""
        if child:
            await child.stop()

    async def _launch(self) -> str:
        """Start a child; its base URL once it serves. Raises `EngineStartError`."""
        self._child = child = await _Child.spawn()
        reply = await child.ask(self._orders())
        if "url" in reply:
            child.log.hide_requests()
            return f"{reply['url']}/v1"
        ending = await child.ended()
        if "missing" in reply:
            raise EngineStartError(
                "the embedded engine needs llama.cpp: pip install 'antiphon[llamacpp]' "
                f"(loading it says: {reply['missing']})"
            )
        raise EngineStartError(f"llama.cpp did not load {self.config.model_path}: {self._why(child, ending)}")

    def _orders(self) -> dict[str, str | int | None]:
        """What `child.main` reads. A pipe carries it: others can read the arguments of a process."""
        config = self.config
        return {
            "parent": os.getpid(),
            "model_path": str(config.model_path.absolute()),
            "model_name": config.model_name,
            "api_key": self.api_key,
            "context_tokens": config.context_tokens,
            "parallel": config.parallel,
            "threads": config.threads,
            "prompt_cache_mib": config.prompt_cache_mib,
        }

    def _why(self, child: _Child, ending: str) -> str:
        # Linux kills the process whose memory it cannot back.
        if not child.log.out_of_memory and child.process.returncode != KILLED:
            return ending
        config = self.config
        wanted = f"{config.parallel} × {config.context_tokens} tokens of context"
        return f"no memory for the model and {wanted}; lower `parallel` or `context_tokens` ({ending})"


class ChildLog:
    """The end of a child's log, bounded.

    Once requests are served, llama.cpp's messages quote them, at every verbosity; from then on only our own
    words for the causes of a crash are kept.
    """

    MAX_LINES = 8
    MAX_LINE_BYTES = 400
    CRASHES = (
        (re.compile(rb"GGML_ASSERT"), "an internal check of llama.cpp failed"),
        (re.compile(rb"failed to allocate|insufficient memory|out of memory|bad_alloc"), "out of memory"),
        (re.compile(rb"terminate called"), "an exception in llama.cpp was not caught"),
    )
    STAMP = re.compile(r"^[\d.]+ [A-Z] ")

    def __init__(self) -> None:
        self._serving = False
        self.out_of_memory = False
        self.lines: deque[str] = deque(maxlen=self.MAX_LINES)
        self._partial = b""

    def hide_requests(self) -> None:
        self._serving = True
        self.lines.clear()

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Until the child closes its end: a full pipe would stop it."""
        while chunk := await stream.read(65536):
            *whole, rest = (self._partial + chunk).split(b"\n")
            self._partial = rest[: self.MAX_LINE_BYTES]
            for line in whole:
                self._keep(line)
        self._keep(self._partial)

    def _keep(self, line: bytes) -> None:
        crash = next((words for pattern, words in self.CRASHES if pattern.search(line)), None)
        self.out_of_memory = self.out_of_memory or crash == "out of memory"
        text = line[: self.MAX_LINE_BYTES].decode(errors="replace")
        kept = crash if self._serving else self.STAMP.sub("", text).strip()
        if kept and kept not in self.lines:
            self.lines.append(kept)


class _Child:
    """A process and the reading of its log, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self.process = process
        self.log = ChildLog()
        self._lifeline, self._reply = process.stdin, process.stdout
        self._reading = asyncio.create_task(self.log.read(process.stderr))

    @classmethod
    async def spawn(cls) -> _Child:
        pipe = asyncio.subprocess.PIPE
        # -P: no directory of this project may stand before the installed packages on the child's path.
        # A session of its own: Ctrl-C is for the parent, which lets running responses end.
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", str(CHILD)),
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=_environment(),
                start_new_session=True,
            )
        )

    async def ask(self, orders: dict[str, str | int | None]) -> dict[str, str]:
        """Hand over the orders; the reply, or {} where the child died before it gave one."""
        with suppress(ConnectionError):
            self._lifeline.write(json.dumps(orders).encode() + b"\n")
            await self._lifeline.drain()
        line = await self._reply.readline()
        return json.loads(line) if line else {}

    async def ended(self) -> str:
        """Wait for the end; how it came, with the last of the log."""
        status = await self.process.wait()
        await asyncio.wait([self._reading])
        return "; ".join([f"its process {_ending(status)}", *self.log.lines])

    async def stop(self) -> None:
        """SIGTERM, SIGKILL where that is not enough, and reap."""
        try:
            with suppress(ProcessLookupError, TimeoutError):
                self.process.terminate()
                async with asyncio.timeout(STOP_GRACE_S):
                    await self.process.wait()
        finally:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.ended()


def _environment() -> dict[str, str]:
    """Ours without our settings, which hold keys, and with no debugger started by llama.cpp on a crash."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ANTIPHON_")}
    return ours | {"GGML_NO_BACKTRACE": "1"}


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except FileNotFoundError:
        raise EngineStartError(f"there is no model file {path}") from None
    except OSError as error:
        raise EngineStartError(f"the model file {path} cannot be read: {error.strerror}") from None
    if magic != GGUF_MAGIC:
        raise EngineStartError(f"{path} is not a GGUF file, the one format that llama.cpp loads")


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
