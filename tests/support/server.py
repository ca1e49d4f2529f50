"""The real server as a process of its own, on a free port, with the scripted engine and a fresh database."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_S = 30.0
"""A start takes about a second; shared machines pause for longer."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. `root` is `http://host:port`; `log` holds log lines, one JSON object each."""

    root: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"

    def lines(self) -> list[dict[str, Any]]:
        """The log lines so far; a line that is still being written is left out."""
        return [
            json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]

    def kill(self) -> None:
        """SIGKILL: nothing is said, nothing is finished."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


def start(folder: Path, *flags: str, config: str = "", database: str = "antiphon.db") -> Server:
    """Start and wait until it is ready. `config` is TOML; `folder` holds config, database and log.

    Raises `RuntimeError` with the log where the server ends instead.
    """
    file = folder / "antiphon.toml"
    file.write_text(config)
    log = folder / f"{time.monotonic_ns()}.log"
    engine = () if "[[engines]]" in config else ("--engine", "scripted")
    command = [sys.executable, "-m", "antiphon", "serve", "--port", "0", *engine]
    command += ["--config", str(file), "--store", f"sqlite:///{folder / database}"]
    if not any("shutdown_grace_s" in flag for flag in flags):
        flags = (*flags, "--set", "http.shutdown_grace_s=0.2")
    command += ["--log-format", "json", *flags]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("ANTIPHON_")}
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream, stdout=stream, cwd=folder, env=environ)
    server = Server("", process, log)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        for line in log.read_text().splitlines(keepends=True):
            if '"ready"' in line and line.endswith("\n"):
                return Server(json.loads(line)["address"], process, log)
        if ended:
            break
        time.sleep(0.02)
    stop(server)
    raise RuntimeError(f"the server did not become ready:\n{log.read_text()[-4000:]}")


def stop(server: Server) -> None:
    """An orderly end; a server that does not end is killed."""
    server.process.terminate()
    try:
        server.process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()


@contextlib.contextmanager
def serving(folder: Path, *flags: str, config: str = "") -> Iterator[Server]:
    """A server for the length of a `with`."""
    server = start(folder, *flags, config=config)
    try:
        yield server
    finally:
        stop(server)


CONFIG = """
[[engines]]
name = "scripted"
kind = "scripted"
models = ["scripted", "scripted/large"]

[[models]]
name = "gpt-5.5"
engine = "scripted"
model = "scripted"
"""
"""The server of most client tests: one engine, two models, and a name that clients recognise."""
